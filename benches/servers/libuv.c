/*
 * The echo server on libuv: a message is written at once if the socket takes it (uv_try_write); if not, reading stops
 * until the rest is out. libuv reads and waits in its own way, for up to 1,024 events.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#define _GNU_SOURCE
#include "server.h"

#include <netinet/in.h>
#include <uv.h>

struct client {
    uv_tcp_t stream; /* first: libuv's pointer is ours */
    uv_write_t rest;
    char data[ROOM];
};

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);

static void on_closed(uv_handle_t *handle) { free(handle); }

static void end(uv_stream_t *stream) {
    if (!uv_is_closing((uv_handle_t *)stream))
        uv_close((uv_handle_t *)stream, on_closed);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    (void)suggested;
    *buffer = uv_buf_init(((struct client *)handle)->data, ROOM);
}

static void on_written(uv_write_t *request, int status) {
    if (status < 0)
        end(request->handle);
    else
        expect(uv_read_start(request->handle, on_room, on_read) == 0, "uv_read_start");
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
    struct client *client = (struct client *)stream;
    if (count < 0) {
        end(stream);
        return;
    }
    if (count == 0)
        return;
    uv_buf_t data = uv_buf_init(buffer->base, (unsigned)count);
    int sent = uv_try_write(stream, &data, 1);
    if (sent == (int)count)
        return;
    if (sent < 0 && sent != UV_EAGAIN) {
        end(stream);
        return;
    }
    unsigned out = sent < 0 ? 0 : (unsigned)sent;
    data = uv_buf_init(buffer->base + out, (unsigned)count - out);
    uv_read_stop(stream);
    expect(uv_write(&client->rest, stream, &data, 1, on_written) == 0, "uv_write");
}

static void on_connection(uv_stream_t *listener, int status) {
    struct client *client = calloc(1, sizeof *client);
    expect(status == 0 && client != NULL, "connection");
    expect(uv_tcp_init(listener->loop, &client->stream) == 0, "uv_tcp_init");
    expect(uv_accept(listener, (uv_stream_t *)&client->stream) == 0, "uv_accept");
    expect(uv_read_start((uv_stream_t *)&client->stream, on_room, on_read) == 0, "uv_read_start");
}

int main(void) {
    static uv_tcp_t listener;
    struct sockaddr_in name;
    int length = sizeof name;

    expect(uv_ip4_addr("127.0.0.1", 0, &name) == 0, "uv_ip4_addr");
    expect(uv_tcp_init(uv_default_loop(), &listener) == 0, "uv_tcp_init");
    expect(uv_tcp_bind(&listener, (struct sockaddr *)&name, 0) == 0, "uv_tcp_bind");
    expect(uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection) == 0, "uv_listen");
    expect(uv_tcp_getsockname(&listener, (struct sockaddr *)&name, &length) == 0, "uv_tcp_getsockname");
    announce(ntohs(name.sin_port));
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
