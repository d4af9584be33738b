/*
 * The echo server on anysock's poller, with the structure of `raw_epoll.c`.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#include "server.h"

#include <anysock.h>

#include <stdbool.h>
#include <string.h>

struct client {
    anysock_t socket;
    int32_t watched;
    struct echo echo;
};

static anysock_t poller, listener;

static void watch(struct client *client, int32_t events) {
    if (client->watched == events)
        return;
    expect(anysock_poller_set(poller, client->socket, events, (int64_t)(intptr_t)client) == 0, "poller_set");
    client->watched = events;
}

static bool receive(struct client *client) {
    int64_t count = anysock_read(client->socket, client->echo.data, ROOM);
    if (count == ANYSOCK_EAGAIN)
        return true;
    if (count <= 0)
        return false;
    client->echo.received = (size_t)count;
    return true;
}

static bool transmit(struct client *client) {
    struct echo *echo = &client->echo;
    int64_t count = anysock_write(client->socket, echo->data + echo->sent, echo->received - echo->sent);
    if (count < 0)
        return count == ANYSOCK_EAGAIN;
    echo->sent += (size_t)count;
    if (echo->sent == echo->received)
        echo->sent = echo->received = 0;
    return true;
}

static bool attend(struct client *client) {
    if (client->echo.received == 0 && !receive(client))
        return false;
    if (client->echo.received > 0 && !transmit(client))
        return false;
    watch(client, client->echo.received > 0 ? ANYSOCK_EVENT_WRITE : ANYSOCK_EVENT_READ);
    return true;
}

static void accept_clients(void) {
    anysock_t socket;
    while ((socket = anysock_accept(listener)) > 0) {
        struct client *client = calloc(1, sizeof *client);
        expect(client != NULL, "memory");
        client->socket = socket;
        expect(anysock_set(socket, ANYSOCK_OPT_TIMEOUT, 0) == 0, "timeout");
        watch(client, ANYSOCK_EVENT_READ);
    }
    expect(socket == ANYSOCK_EAGAIN, "accept");
}

static void serve(void) {
    anysock_event events[BATCH];
    int64_t count = anysock_poller_wait(poller, events, BATCH, -1);
    expect(count >= 0, "poller_wait");
    for (int64_t i = 0; i < count; i++) {
        struct client *client = (struct client *)(intptr_t)events[i].token;
        if (client == NULL) {
            accept_clients();
        } else if (!attend(client)) {
            anysock_close(client->socket);
            free(client);
        }
    }
}

int main(void) {
    char address[64];

    listener = anysock_open("tcp4");
    expect(anysock_bind(listener, "127.0.0.1:0") == 0, "bind");
    expect(anysock_listen(listener, BACKLOG) == 0, "listen");
    expect(anysock_set(listener, ANYSOCK_OPT_ACCEPT_TIMEOUT, 0) == 0, "accept_timeout");
    expect(anysock_local_address(listener, address, sizeof address) > 0, "local_address");
    poller = anysock_poller_open();
    expect(anysock_poller_set(poller, listener, ANYSOCK_EVENT_READ, 0) == 0, "poller_set");
    announce(atoi(strrchr(address, ':') + 1));
    for (;;)
        serve();
}
