/*
 * A queue and a poller inside the main loop of GLib: their descriptors are sources beside the loop's own, and whatever a run or a wait
 * that does not wait would tell, the loop hears of. Needs GLib's headers.
 */
#include "check.h"

#include <glib-unix.h>

enum { LATE = 60 /* seconds */ };

static GMainLoop *loop;
static anysock_t queue, poller, near_end, far_end;
static anysock_done told[16];
static anysock_event ready[16];
static int64_t count;
static int ticks;

static gboolean too_late(gpointer unused) {
    (void)unused;
    fail(__FILE__, __LINE__, "the loop has not heard of it");
}

/* Takes what has happened. The descriptor may be readable without an event. */
static gboolean run_queue(gint fd, GIOCondition condition, gpointer unused) {
    (void)fd, (void)condition, (void)unused;
    count = OK(anysock_queue_run(queue, NULL, 0, told, COUNT(told), 0));
    if (count > 0)
        g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

static gboolean ask_poller(gint fd, GIOCondition condition, gpointer unused) {
    (void)fd, (void)condition, (void)unused;
    count = OK(anysock_poller_wait(poller, ready, COUNT(ready), 0));
    if (count > 0)
        g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

/* What only the loop knows of goes on beside it. */
static gboolean tick(gpointer unused) {
    (void)unused;
    ticks++;
    return G_SOURCE_CONTINUE;
}

static gboolean say(gpointer unused) {
    (void)unused;
    CHECK_IS(anysock_write(far_end, "hello", 5), 5);
    return G_SOURCE_REMOVE;
}

static void enter(anysock_t watched, GUnixFDSourceFunc handler) {
    loop = g_main_loop_new(NULL, FALSE);
    OK(anysock_pair("unix", &near_end, &far_end));
    g_unix_fd_add((gint)OK(anysock_fd(watched)), G_IO_IN, handler, NULL);
    g_timeout_add_seconds(LATE, too_late, NULL);
}

static void leave(anysock_t watched) {
    OK(anysock_close(watched));
    OK(anysock_close(near_end));
    OK(anysock_close(far_end));
    g_main_loop_unref(loop);
}

static void hand_over(anysock_op op) {
    CHECK_IS(anysock_queue_run(queue, &op, 1, told, COUNT(told), 0), 0);
}

/* Data that a callback of the loop's own sends. */
static void a_queue_in_the_loop_hears_of_data(void) {
    queue = OK(anysock_queue_open(0, 0));
    enter(queue, run_queue);
    hand_over((anysock_op){.op = ANYSOCK_OP_READ, .token = 7, .handle = near_end, .flags = ANYSOCK_QUEUE_MULTI});
    for (int round = 0; round < 3; round++) {
        g_idle_add(say, NULL);
        g_main_loop_run(loop);
        CHECK(count == 1 && told[0].token == 7 && told[0].result == 5);
        CHECK(memcmp((const char *)(intptr_t)told[0].data, "hello", 5) == 0);
    }
    leave(queue);
}

static void a_queue_in_the_loop_hears_of_deadlines(void) {
    queue = OK(anysock_queue_open(0, 0));
    enter(queue, run_queue);
    g_timeout_add(2, tick, NULL);
    hand_over((anysock_op){.op = ANYSOCK_OP_TIMER, .token = 1, .value = 20 * MILLISECOND});
    g_main_loop_run(loop);
    CHECK(count == 1 && told[0].token == 1 && told[0].result == 0);
    OK(anysock_set(near_end, ANYSOCK_OPT_READ_TIMEOUT, 20 * MILLISECOND));
    hand_over((anysock_op){.op = ANYSOCK_OP_READ, .token = 2, .handle = near_end});
    g_main_loop_run(loop);
    CHECK(count == 1 && told[0].token == 2 && told[0].result == ANYSOCK_ETIMEDOUT);
    /* The loop was not held up meanwhile. */
    CHECK(ticks > 1);
    leave(queue);
}

static void *close_soon(void *unused) {
    (void)unused;
    OK(anysock_close(near_end));
    return NULL;
}

/* What another thread does. */
static void a_queue_in_the_loop_hears_of_a_close(void) {
    pthread_t thread;
    queue = OK(anysock_queue_open(0, 0));
    enter(queue, run_queue);
    hand_over((anysock_op){.op = ANYSOCK_OP_READ, .token = 3, .handle = near_end});
    CHECK(pthread_create(&thread, NULL, close_soon, NULL) == 0);
    g_main_loop_run(loop);
    CHECK(count == 1 && told[0].token == 3 && told[0].result == ANYSOCK_ECANCELED);
    CHECK(pthread_join(thread, NULL) == 0);
    OK(anysock_close(queue));
}

static void a_poller_in_the_loop_hears_of_data(void) {
    char data[8];
    poller = OK(anysock_poller_open());
    enter(poller, ask_poller);
    OK(anysock_poller_set(poller, near_end, ANYSOCK_EVENT_READ, 9));
    for (int round = 0; round < 3; round++) {
        g_idle_add(say, NULL);
        g_main_loop_run(loop);
        CHECK(count == 1 && ready[0].token == 9 && ready[0].events == ANYSOCK_EVENT_READ);
        CHECK_IS(anysock_read(near_end, data, sizeof data), 5);
    }
    leave(poller);
}

/* What the kernel does not know: a half that this side has shut is ready. */
static gboolean shut(gpointer unused) {
    (void)unused;
    OK(anysock_shutdown(near_end, ANYSOCK_SHUT_READ));
    return G_SOURCE_REMOVE;
}

static void a_poller_in_the_loop_hears_of_what_the_library_knows(void) {
    poller = OK(anysock_poller_open());
    enter(poller, ask_poller);
    OK(anysock_poller_set(poller, near_end, ANYSOCK_EVENT_READ, 9));
    g_idle_add(shut, NULL);
    g_main_loop_run(loop);
    CHECK(count == 1 && ready[0].token == 9);
    leave(poller);
}

int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    RUN(a_queue_in_the_loop_hears_of_data);
    RUN(a_queue_in_the_loop_hears_of_deadlines);
    RUN(a_queue_in_the_loop_hears_of_a_close);
    RUN(a_poller_in_the_loop_hears_of_data);
    RUN(a_poller_in_the_loop_hears_of_what_the_library_knows);
    return finish();
}
