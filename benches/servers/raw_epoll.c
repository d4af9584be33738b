/*
 * The echo server by hand, for the others to be compared with: epoll, level-triggered, one wait for up to 256 events.
 * Linux only.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int fd;
    uint32_t watched;
    struct echo echo;
};

static int epoll, listener;

static void watch(struct client *client, uint32_t events) {
    if (client->watched == events)
        return;
    struct epoll_event event = {.events = events, .data.ptr = client};
    int operation = client->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    expect(epoll_ctl(epoll, operation, client->fd, &event) == 0, "epoll_ctl");
    client->watched = events;
}

static bool receive(struct client *client) {
    ssize_t count = read(client->fd, client->echo.data, ROOM);
    if (count < 0 && errno == EAGAIN)
        return true;
    if (count <= 0)
        return false;
    client->echo.received = (size_t)count;
    return true;
}

static bool transmit(struct client *client) {
    struct echo *echo = &client->echo;
    ssize_t count = send(client->fd, echo->data + echo->sent, echo->received - echo->sent, MSG_NOSIGNAL);
    if (count < 0)
        return errno == EAGAIN;
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
    watch(client, client->echo.received > 0 ? EPOLLOUT : EPOLLIN);
    return true;
}

static void accept_clients(void) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *client = calloc(1, sizeof *client);
        expect(client != NULL, "memory");
        client->fd = fd;
        watch(client, EPOLLIN);
    }
    expect(errno == EAGAIN, "accept");
}

static void serve(void) {
    struct epoll_event events[BATCH];
    int count = epoll_wait(epoll, events, BATCH, -1);
    expect(count >= 0, "epoll_wait");
    for (int i = 0; i < count; i++) {
        struct client *client = events[i].data.ptr;
        if (client == NULL) {
            accept_clients();
        } else if (!attend(client)) {
            close(client->fd);
            free(client);
        }
    }
}

int main(void) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    struct epoll_event event = {.events = EPOLLIN};

    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    expect(bind(listener, (struct sockaddr *)&name, sizeof name) == 0, "bind");
    expect(listen(listener, BACKLOG) == 0, "listen");
    expect(getsockname(listener, (struct sockaddr *)&name, &length) == 0, "getsockname");
    epoll = epoll_create1(EPOLL_CLOEXEC);
    expect(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0, "epoll_ctl");
    announce(ntohs(name.sin_port));
    for (;;)
        serve();
}
