/*
 * The echo server on libevent's events (not its buffers, which copy): persistent, level-triggered, with plain reads and
 * writes. One event of a client is added at a time, for reading or for writing.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    struct event *readable, *writable, *watched;
    struct echo echo;
};

static struct event_base *base;

static void watch(struct client *client, struct event *event) {
    if (client->watched == event)
        return;
    if (client->watched != NULL)
        expect(event_del(client->watched) == 0, "event_del");
    expect(event_add(event, NULL) == 0, "event_add");
    client->watched = event;
}

static bool receive(struct client *client, int fd) {
    ssize_t count = read(fd, client->echo.data, ROOM);
    if (count < 0 && errno == EAGAIN)
        return true;
    if (count <= 0)
        return false;
    client->echo.received = (size_t)count;
    return true;
}

static bool transmit(struct client *client, int fd) {
    struct echo *echo = &client->echo;
    ssize_t count = send(fd, echo->data + echo->sent, echo->received - echo->sent, MSG_NOSIGNAL);
    if (count < 0)
        return errno == EAGAIN;
    echo->sent += (size_t)count;
    if (echo->sent == echo->received)
        echo->sent = echo->received = 0;
    return true;
}

static void attend(evutil_socket_t fd, short events, void *argument) {
    struct client *client = argument;
    (void)events;
    if ((client->echo.received == 0 && !receive(client, fd)) || (client->echo.received > 0 && !transmit(client, fd))) {
        event_free(client->readable);
        event_free(client->writable);
        close(fd);
        free(client);
        return;
    }
    watch(client, client->echo.received > 0 ? client->writable : client->readable);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *name, int length,
                          void *argument) {
    struct client *client = calloc(1, sizeof *client);
    (void)listener, (void)name, (void)length, (void)argument;
    expect(client != NULL, "memory");
    client->readable = event_new(base, fd, EV_READ | EV_PERSIST, attend, client);
    client->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, attend, client);
    expect(client->readable != NULL && client->writable != NULL, "event_new");
    watch(client, client->readable);
}

int main(void) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;

    base = event_base_new();
    expect(base != NULL, "event_base_new");
    struct evconnlistener *listener = evconnlistener_new_bind(base, on_connection, NULL, LEV_OPT_CLOSE_ON_FREE, BACKLOG,
                                                              (struct sockaddr *)&name, sizeof name);
    expect(listener != NULL, "evconnlistener_new_bind");
    expect(getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&name, &length) == 0, "getsockname");
    announce(ntohs(name.sin_port));
    return event_base_dispatch(base);
}
