/*
 * That all is well after something was refused: everything works, and nothing is left behind. Not here: what was refused.
 */
#ifndef WELL_H
#define WELL_H

#include "check.h"

static int count_descriptors(void) {
    static struct descriptors list;
    int count = 0;
    list_descriptors(&list);
    for (int fd = 0; fd < MOST_DESCRIPTORS; fd++) {
        count += list.open[fd];
    }
    return count;
}

/* Everything still works: errors, bytes, waits, readiness, the queue, names, fork. */
static void check_well(void) {
    anysock_t one, other, members[1];
    char byte;
    CHECK_IS(anysock_open_raw(AF_INET, SOCK_STREAM, 250), ANYSOCK_EPROTONOSUPPORT);
    OK(anysock_pair("unix", &one, &other));
    check_talk(one, other);
    members[0] = one;
    anysock_handles set = {1, members};
    CHECK_IS(anysock_select(NULL, &set, NULL, 60 * SECOND), 1);
    anysock_t poller = OK(anysock_poller_open());
    anysock_event event;
    OK(anysock_poller_set(poller, one, ANYSOCK_EVENT_WRITE, 9));
    CHECK_IS(anysock_poller_wait(poller, &event, 1, 60 * SECOND), 1);
    CHECK(event.token == 9);
    OK(anysock_set(other, ANYSOCK_OPT_READ_TIMEOUT, 1000));
    CHECK_IS(anysock_read(other, &byte, 1), ANYSOCK_ETIMEDOUT);
    anysock_t queue = OK(anysock_queue_open(4, 0));
    anysock_op op = {.op = ANYSOCK_OP_WRITE, .handle = one, .data = (int64_t)(uintptr_t)"x", .length = 1};
    anysock_done done;
    CHECK_IS(anysock_queue_run(queue, &op, 1, &done, 1, 60 * SECOND), 1);
    CHECK_IS(done.result, 1);
    CHECK_IS(anysock_read(other, &byte, 1), 1);
    OK(anysock_close(queue));
    OK(anysock_close(poller));
    OK(anysock_close(one));
    OK(anysock_close(other));
    char text[ADDRESS];
    CHECK(anysock_resolve("tcp4", "localhost:80", 60 * SECOND, text, sizeof text) > 0);
    pid_t child = POSIX(fork());
    if (child == 0) {
        _exit(anysock_pair("unix", &one, &other) == 0 ? 0 : 1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

#endif
