/*
 * Situations of the batch queue, on each of its engines: what situations.h has for the engine that is chosen by itself. Not
 * here: what goes wrong in them, and what is right then.
 */
#ifndef ENGINES_H
#define ENGINES_H

#include "situations.h"

enum { PAIRS = 8, SHORT = 20 * 1000 /* microseconds */ };

static void open_engine(struct world *w, const char *engine) {
    w->queue = OK(anysock_queue_open(16, 4096));
    int64_t result = anysock_set_text(w->queue, ANYSOCK_OPT_QUEUE_ENGINE, engine);
    if (result == ANYSOCK_EOPNOTSUPP) {
        SKIP("no such engine");
    }
    OK(result);
}

/* A queue that has run, and pairs with something to read. */
static void open_pairs(struct world *w, const char *engine) {
    open_engine(w, engine);
    CHECK_IS(anysock_queue_run(w->queue, NULL, 0, NULL, 0, 0), 0);
    for (int at = 0; at < PAIRS; at++) {
        anysock_t one, other;
        OK(anysock_pair(at % 2 ? "unix" : "tcp4", &one, &other));
        OK(keep(w, one));
        OK(keep(w, other));
        CHECK_IS(anysock_write(other, "hello", 5), 5);
    }
}

static void open_client(struct world *w, const char *engine) {
    open_engine(w, engine);
    w->listener = listen_tcp(w->text);
    w->one = OK(anysock_open("tcp4"));
    OK(anysock_set(w->listener, ANYSOCK_OPT_TIMEOUT, SHORT));
    OK(anysock_set(w->one, ANYSOCK_OPT_TIMEOUT, SECOND));
}

/* The kernel calls its sender writable, though nobody takes what it would send. */
static void open_full_receiver(struct world *w, const char *engine) {
    open_engine(w, engine);
    w->one = OK(anysock_open("unixgram"));
    w->other = OK(anysock_open("unixgram"));
    snprintf(w->text, sizeof w->text, "@anysock.engines.%d", (int)getpid());
    OK(anysock_bind(w->one, w->text));
    OK(anysock_local_flat(w->one, &w->flat));
    anysock_datagram datagram = {.data = w->buffer, .length = 1, .address = &w->flat};
    while (anysock_send_many(w->other, &datagram, 1, ANYSOCK_FLAG_DONT_WAIT) == 1) {
    }
    OK(anysock_set(w->other, ANYSOCK_OPT_TIMEOUT, 20 * SHORT));
}

#define ENGINE(word, engine)                                                       \
    static void new_##word(struct world *w) { open_engine(w, engine); }            \
    static void pairs_on_##word(struct world *w) { open_pairs(w, engine); }        \
    static void client_on_##word(struct world *w) { open_client(w, engine); }      \
    static void full_receiver_on_##word(struct world *w) { open_full_receiver(w, engine); }
ENGINE(ring, "io_uring")
ENGINE(epoll, "epoll")
ENGINE(poll, "poll")

/* The error of the first event that has one, or 0 once as many events have come; a run that brings none is not the last. */
static int64_t run_until(struct world *w, const anysock_op *ops, size_t count) {
    anysock_done done[32];
    int64_t first = 0;
    size_t seen = 0;
    for (int turn = 0; turn < 50 && seen < count; turn++) {
        int64_t result = anysock_queue_run(w->queue, ops, turn == 0 ? count : 0, done, COUNT(done), SHORT);
        if (result < 0) {
            return result;
        }
        for (int64_t at = 0; at < result; at++, seen++) {
            if (done[at].result < 0 && first == 0) {
                first = done[at].result;
            }
            if (done[at].op == ANYSOCK_OP_ACCEPT) {
                keep(w, done[at].result);
            }
        }
    }
    return first;
}

static int64_t on_all_pairs(struct world *w, int64_t verb, int64_t length) {
    anysock_op ops[PAIRS];
    for (int at = 0; at < PAIRS; at++) {
        ops[at] = (anysock_op){.token = at, .handle = w->many[2 * at], .op = verb, .data = length > 0 ? NUMBER(w->buffer) : 0, .length = length};
    }
    return run_until(w, ops, PAIRS);
}

ACT(read_all_pairs, on_all_pairs(w, ANYSOCK_OP_READ, 0))
ACT(write_all_pairs, on_all_pairs(w, ANYSOCK_OP_WRITE, 100))
ACT(run_for_the_first_time, run_until(w, &(anysock_op){.op = ANYSOCK_OP_NOP}, 1))
ACT(send_to_the_full, run_until(w, &(anysock_op){.handle = w->other, .op = ANYSOCK_OP_SEND_TO, .data = NUMBER(w->buffer), .length = 1, .value = NUMBER(&w->flat)}, 1))

static int64_t do_a_mixture(struct world *w) {
    const anysock_op ops[] = {
        {.token = 1, .handle = w->many[0], .op = ANYSOCK_OP_POLL, .value = ANYSOCK_EVENT_READ},
        {.token = 2, .op = ANYSOCK_OP_TIMER, .value = 1000},
        {.token = 3, .handle = w->many[2], .op = ANYSOCK_OP_SHUTDOWN, .value = ANYSOCK_SHUT_WRITE},
    };
    return run_until(w, ops, COUNT(ops));
}

static int64_t connect_and_accept(struct world *w) {
    const anysock_op ops[] = {
        {.token = 1, .handle = w->listener, .op = ANYSOCK_OP_ACCEPT},
        {.token = 2, .handle = w->one, .op = ANYSOCK_OP_CONNECT, .data = NUMBER(w->text)},
    };
    return run_until(w, ops, COUNT(ops));
}

#define ON_EACH(word)                                                                                                        \
    WITH(new_##word, run_for_the_first_time), WITH(pairs_on_##word, read_all_pairs), WITH(pairs_on_##word, write_all_pairs), \
        WITH(pairs_on_##word, do_a_mixture), WITH(client_on_##word, connect_and_accept), WITH(full_receiver_on_##word, send_to_the_full)

static const struct situation on_engines[] = {ON_EACH(ring), ON_EACH(epoll), ON_EACH(poll)};

#endif
