/*
 * The echo server on APR's pollset (epoll underneath), with the structure of `raw_epoll.c`.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#include "server.h"

#include <apr_general.h>
#include <apr_network_io.h>
#include <apr_poll.h>
#include <stdbool.h>

struct client {
    apr_pool_t *pool;
    apr_pollfd_t entry;
    struct echo echo;
};

static apr_pool_t *pool;
static apr_pollset_t *pollset;
static apr_socket_t *listener;

static void check(apr_status_t status, const char *what) { expect(status == APR_SUCCESS, what); }

static void watch(struct client *client, apr_int16_t events) {
    if (client->entry.reqevents == events)
        return;
    if (client->entry.reqevents)
        check(apr_pollset_remove(pollset, &client->entry), "apr_pollset_remove");
    client->entry.reqevents = events;
    check(apr_pollset_add(pollset, &client->entry), "apr_pollset_add");
}

static bool receive(struct client *client) {
    apr_size_t count = ROOM;
    apr_status_t status = apr_socket_recv(client->entry.desc.s, client->echo.data, &count);
    if (APR_STATUS_IS_EAGAIN(status))
        return true;
    client->echo.received = count;
    return status == APR_SUCCESS && count > 0;
}

static bool transmit(struct client *client) {
    struct echo *echo = &client->echo;
    apr_size_t count = echo->received - echo->sent;
    apr_status_t status = apr_socket_send(client->entry.desc.s, echo->data + echo->sent, &count);
    if (status != APR_SUCCESS)
        return APR_STATUS_IS_EAGAIN(status);
    echo->sent += count;
    if (echo->sent == echo->received)
        echo->sent = echo->received = 0;
    return true;
}

static bool attend(struct client *client) {
    if (client->echo.received == 0 && !receive(client))
        return false;
    if (client->echo.received > 0 && !transmit(client))
        return false;
    watch(client, client->echo.received > 0 ? APR_POLLOUT : APR_POLLIN);
    return true;
}

static void accept_clients(void) {
    for (;;) {
        apr_pool_t *own;
        apr_socket_t *socket;
        check(apr_pool_create(&own, pool), "apr_pool_create");
        apr_status_t status = apr_socket_accept(&socket, listener, own);
        if (status != APR_SUCCESS) {
            expect(APR_STATUS_IS_EAGAIN(status), "apr_socket_accept");
            apr_pool_destroy(own);
            return;
        }
        check(apr_socket_opt_set(socket, APR_SO_NONBLOCK, 1), "apr_socket_opt_set");
        check(apr_socket_timeout_set(socket, 0), "apr_socket_timeout_set");
        struct client *client = apr_pcalloc(own, sizeof *client);
        client->pool = own;
        client->entry = (apr_pollfd_t){.p = own, .desc_type = APR_POLL_SOCKET, .desc.s = socket, .client_data = client};
        watch(client, APR_POLLIN);
    }
}

static void serve(void) {
    const apr_pollfd_t *ready;
    apr_int32_t count;
    check(apr_pollset_poll(pollset, -1, &count, &ready), "apr_pollset_poll");
    for (apr_int32_t i = 0; i < count; i++) {
        struct client *client = ready[i].client_data;
        if (client == NULL) {
            accept_clients();
        } else if (!attend(client)) {
            apr_pollset_remove(pollset, &client->entry);
            apr_pool_destroy(client->pool);
        }
    }
}

int main(void) {
    apr_sockaddr_t *name;

    check(apr_initialize(), "apr_initialize");
    check(apr_pool_create(&pool, NULL), "apr_pool_create");
    check(apr_sockaddr_info_get(&name, "127.0.0.1", APR_INET, 0, 0, pool), "apr_sockaddr_info_get");
    check(apr_socket_create(&listener, APR_INET, SOCK_STREAM, APR_PROTO_TCP, pool), "apr_socket_create");
    check(apr_socket_bind(listener, name), "apr_socket_bind");
    check(apr_socket_listen(listener, BACKLOG), "apr_socket_listen");
    check(apr_socket_opt_set(listener, APR_SO_NONBLOCK, 1), "apr_socket_opt_set");
    check(apr_socket_timeout_set(listener, 0), "apr_socket_timeout_set");
    check(apr_socket_addr_get(&name, APR_LOCAL, listener), "apr_socket_addr_get");
    check(apr_pollset_create(&pollset, BATCH, pool, APR_POLLSET_NOCOPY), "apr_pollset_create");
    apr_pollfd_t entry = {.p = pool, .desc_type = APR_POLL_SOCKET, .reqevents = APR_POLLIN, .desc.s = listener};
    check(apr_pollset_add(pollset, &entry), "apr_pollset_add");
    announce(name->port);
    for (;;)
        serve();
}
