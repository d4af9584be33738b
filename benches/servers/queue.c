/*
 * The echo server on anysock's batch queue. ENGINE in the environment asks for one.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#include "server.h"

#include <anysock.h>

#include <stdlib.h>
#include <string.h>

#define EVENTS 128

static anysock_op wanted[EVENTS];
static anysock_done done[EVENTS];

static size_t answer(const anysock_done *event, anysock_op *op) {
    *op = (anysock_op){.handle = event->handle};
    switch (event->op) {
    case ANYSOCK_OP_ACCEPT:
        expect(event->result > 0, "accept");
        op->handle = event->result;
        op->op = ANYSOCK_OP_READ;
        op->flags = ANYSOCK_QUEUE_MULTI;
        return 1;
    case ANYSOCK_OP_READ:
        op->flags = ANYSOCK_QUEUE_QUIET;
        op->op = event->result > 0 ? ANYSOCK_OP_WRITE : ANYSOCK_OP_CLOSE;
        if (event->result > 0) {
            op->data = event->data;
            op->length = event->result;
            op->buffer = event->buffer;
        }
        return 1;
    default:
        return 0;
    }
}

int main(void) {
    char address[64];
    size_t count = 1;

    anysock_t listener = anysock_open("tcp4");
    expect(anysock_bind(listener, "127.0.0.1:0") == 0, "bind");
    expect(anysock_listen(listener, BACKLOG) == 0, "listen");
    expect(anysock_local_address(listener, address, sizeof address) > 0, "local_address");
    anysock_t queue = anysock_queue_open(0, 0);
    const char *engine = getenv("ENGINE");
    if (engine != NULL)
        expect(anysock_set_text(queue, ANYSOCK_OPT_QUEUE_ENGINE, engine) == 0, "queue.engine");
    announce(atoi(strrchr(address, ':') + 1));
    wanted[0] = (anysock_op){.handle = listener, .op = ANYSOCK_OP_ACCEPT, .flags = ANYSOCK_QUEUE_MULTI};
    for (;;) {
        int64_t happened = anysock_queue_run(queue, wanted, count, done, EVENTS, -1);
        expect(happened > 0, "queue_run");
        count = 0;
        for (int64_t i = 0; i < happened; i++)
            count += answer(&done[i], &wanted[count]);
    }
}
