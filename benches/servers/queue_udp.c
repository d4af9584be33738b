/*
 * The echo server of datagrams on anysock's batch queue. ENGINE in the environment asks for one.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#include "server.h"

#include <anysock.h>

#include <string.h>

#define EVENTS 128

static anysock_op wanted[EVENTS];
static anysock_done done[EVENTS];

int main(void) {
    char address[64];
    size_t count = 1;

    anysock_t socket = anysock_open("udp4");
    expect(anysock_bind(socket, "127.0.0.1:0") == 0, "bind");
    expect(anysock_local_address(socket, address, sizeof address) > 0, "local_address");
    anysock_t queue = anysock_queue_open(0, 0);
    const char *engine = getenv("ENGINE");
    if (engine != NULL)
        expect(anysock_set_text(queue, ANYSOCK_OPT_QUEUE_ENGINE, engine) == 0, "queue.engine");
    announce(atoi(strrchr(address, ':') + 1));
    wanted[0] = (anysock_op){.handle = socket, .op = ANYSOCK_OP_RECEIVE_FROM, .flags = ANYSOCK_QUEUE_MULTI};
    for (;;) {
        int64_t happened = anysock_queue_run(queue, wanted, count, done, EVENTS, -1);
        expect(happened > 0, "queue_run");
        count = 0;
        for (int64_t i = 0; i < happened; i++) {
            expect(done[i].op == ANYSOCK_OP_RECEIVE_FROM && done[i].result > 0, "an echo");
            wanted[count++] = (anysock_op){.handle = socket,
                                           .op = ANYSOCK_OP_SEND_TO,
                                           .flags = ANYSOCK_QUEUE_QUIET,
                                           .data = done[i].data,
                                           .length = done[i].result,
                                           .value = done[i].value,
                                           .buffer = done[i].buffer};
        }
    }
}
