/*
 * queue_echo_server: one thread and one batch queue, which send back whatever their many clients say.
 *
 *     cc queue_echo_server.c -lanysock -o queue_echo_server
 *     ./queue_echo_server [ADDRESS]             default 127.0.0.1:7000; port 0 takes a free one
 *     ./echo_client 127.0.0.1:7000 hello        Ctrl-C ends the server
 *
 * The loop has one call: it hands over what shall be done on all connections, and brings back what has happened on them.
 * Bytes come in the queue's own buffers, and an echo goes out from the buffer in which it came. A client that does not
 * take its echo for ten seconds is gone, so that it can't keep buffers from the others.
 */
#include <anysock.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 128
#define PATIENCE (10 * ANYSOCK_SECOND)

static anysock_t queue;

static void on_interrupt(int signal_number) {
    signal(signal_number, SIG_DFL); /* a second Ctrl-C ends the program whatever it does */
    anysock_queue_wake(queue);
}

static int64_t check(int64_t result, const char *what) {
    if (result < 0) {
        fprintf(stderr, "queue_echo_server: %s: %s (%s)\n", what, anysock_error_message(result),
                anysock_error_name(result));
        exit(EXIT_FAILURE);
    }
    return result;
}

static anysock_op operation(int64_t op, anysock_t handle, int64_t flags) {
    anysock_op wanted = {.handle = handle, .op = op, .flags = flags};
    return wanted;
}

/* What shall be done because of what has happened: at most one thing. */
static size_t answer(const anysock_done *done, anysock_op *wanted) {
    switch (done->op) {
    case ANYSOCK_OP_ACCEPT:
        if (done->result < 0) { /* out of descriptors: those who wait stay queued until somebody has gone */
            fprintf(stderr, "queue_echo_server: accept: %s\n", anysock_error_message(done->result));
            *wanted = operation(ANYSOCK_OP_TIMER, 0, 0);
            wanted->value = ANYSOCK_SECOND / 10;
            wanted->token = done->handle;
            return 1;
        }
        anysock_set(done->result, ANYSOCK_OPT_WRITE_TIMEOUT, PATIENCE);
        *wanted = operation(ANYSOCK_OP_READ, done->result, ANYSOCK_QUEUE_MULTI);
        return 1;
    case ANYSOCK_OP_READ:
        if (done->result > 0) {
            *wanted = operation(ANYSOCK_OP_WRITE, done->handle, ANYSOCK_QUEUE_QUIET);
            wanted->data = done->data;
            wanted->length = done->result;
            wanted->buffer = done->buffer;
            return 1;
        }
        if (done->result == ANYSOCK_ECANCELED) /* closed because a write has failed */
            return 0;
        *wanted = operation(ANYSOCK_OP_CLOSE, done->handle, ANYSOCK_QUEUE_QUIET); /* when all is sent back */
        return 1;
    case ANYSOCK_OP_WRITE: /* it has failed: it is quiet otherwise */
        *wanted = operation(ANYSOCK_OP_CLOSE, done->handle, ANYSOCK_QUEUE_NOW | ANYSOCK_QUEUE_QUIET);
        return 1;
    case ANYSOCK_OP_TIMER:
        *wanted = operation(ANYSOCK_OP_ACCEPT, done->token, ANYSOCK_QUEUE_MULTI);
        return 1;
    default: /* the close of what is closed */
        return 0;
    }
}

int main(int argc, char **argv) {
    static anysock_op wanted[BATCH];
    static anysock_done done[BATCH];
    char address[128];
    size_t count = 1;
    int64_t happened;

    if (argc > 2) {
        fprintf(stderr, "usage: queue_echo_server [ADDRESS]\n");
        return 2;
    }
    anysock_t listener = check(anysock_open("tcp"), "open");
    check(anysock_bind(listener, argc > 1 ? argv[1] : "127.0.0.1:7000"), "bind");
    check(anysock_listen(listener, 0), "listen");
    check(anysock_local_address(listener, address, sizeof address), "local address");
    queue = check(anysock_queue_open(0, 0), "queue_open");
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    printf("listening on %s\n", address);
    fflush(stdout);

    wanted[0] = operation(ANYSOCK_OP_ACCEPT, listener, ANYSOCK_QUEUE_MULTI);
    /* Nothing has happened only when the queue was woken. */
    while ((happened = check(anysock_queue_run(queue, wanted, count, done, BATCH, -1), "queue_run")) > 0) {
        count = 0;
        for (int64_t i = 0; i < happened; i++)
            count += answer(&done[i], &wanted[count]);
    }
    anysock_close(queue);
    anysock_close(listener);
    return EXIT_SUCCESS;
}
