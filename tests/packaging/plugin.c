/* A plugin of a program that knows nothing of sockets: it is linked with the archive, and is loaded and unloaded at will. */
#include <anysock.h>

#include <pthread.h>
#include <stddef.h>

static void *read_one(void *handle) {
    char byte;
    return (void *)(intptr_t)anysock_read(*(anysock_t *)handle, &byte, 1);
}

/* A batch queue's read that has to wait. */
static int read_by_queue(anysock_t from, anysock_t to) {
    anysock_t queue = anysock_queue_open(0, 0);
    anysock_op receive = {.handle = to, .op = ANYSOCK_OP_READ};
    anysock_done done;
    if (anysock_queue_run(queue, &receive, 1, NULL, 0, 0) != 0 || anysock_write_all(from, "z", 1) != 1) return -1;
    if (anysock_queue_run(queue, NULL, 0, &done, 1, -1) != 1 || done.result != 1 || *(const char *)(intptr_t)done.data != 'z') return -1;
    return (int)anysock_close(queue);
}

/* Uses what has something to leave behind: a blocked call in a thread of its own, select, a poller, a queue, a name. */
int use(void) {
    anysock_t first, second, ready[1];
    anysock_handles readable = {1, ready};
    anysock_event event;
    pthread_t thread;
    void *result;
    char text[256];
    if (anysock_pair("tcp", &first, &second) != 0) return 1;
    if (pthread_create(&thread, NULL, read_one, &second) != 0) return 2;
    if (anysock_write_all(first, "x", 1) != 1 || pthread_join(thread, &result) != 0 || (intptr_t)result != 1) return 3;
    ready[0] = second;
    if (anysock_write_all(first, "y", 1) != 1 || anysock_select(&readable, NULL, NULL, -1) != 1) return 4;
    anysock_t poller = anysock_poller_open();
    if (anysock_poller_set(poller, second, ANYSOCK_EVENT_READ, 7) != 0) return 5;
    if (anysock_poller_wait(poller, &event, 1, -1) != 1 || event.token != 7) return 6;
    if (anysock_read(second, text, 1) != 1 || read_by_queue(first, second) != 0) return 7;
    if (anysock_resolve("tcp", "localhost:80", -1, text, sizeof text) <= 0) return 8;
    if (anysock_close(poller) != 0 || anysock_close(first) != 0 || anysock_close(second) != 0) return 9;
    return 0;
}

/* For two copies in one process: a handle of this one's, and what this one says of a number. */
int64_t give(void) { return anysock_open("tcp4"); }
int64_t say(int64_t handle) {
    int64_t value;
    return anysock_get(handle, "timeout", &value);
}
