/*
 * The echo server in liburing's own way: one accept and one receive of each client that go on, into a ring of provided buffers, always
 * in flight; sends are submitted with the wait for what is over next.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFERS = 2048, ENTRIES = 2048, GROUP = 0 };
enum what { ACCEPT, RECEIVE, SEND };

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static char room[BUFFERS][ROOM];
/* Of each buffer that is being sent, which of its bytes are left. */
static struct {
    unsigned start, end;
} rest[BUFFERS];

static struct io_uring_sqe *next(enum what what, int fd, unsigned buffer) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
    if (entry == NULL) {
        expect(io_uring_submit(&ring) >= 0, "io_uring_submit");
        entry = io_uring_get_sqe(&ring);
        expect(entry != NULL, "io_uring_get_sqe");
    }
    entry->user_data = (uint64_t)what | (uint64_t)(unsigned)fd << 2 | (uint64_t)buffer << 34;
    return entry;
}

static void accept_clients(int listener) {
    struct io_uring_sqe *entry = next(ACCEPT, listener, 0);
    uint64_t data = entry->user_data;
    io_uring_prep_multishot_accept(entry, listener, NULL, NULL, SOCK_CLOEXEC);
    entry->user_data = data;
}

static void receive(int fd) {
    struct io_uring_sqe *entry = next(RECEIVE, fd, 0);
    uint64_t data = entry->user_data;
    io_uring_prep_recv_multishot(entry, fd, NULL, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = GROUP;
    entry->user_data = data;
}

static void transmit(int fd, unsigned buffer) {
    struct io_uring_sqe *entry = next(SEND, fd, buffer);
    uint64_t data = entry->user_data;
    unsigned start = rest[buffer].start;
    io_uring_prep_send(entry, fd, room[buffer] + start, rest[buffer].end - start, MSG_NOSIGNAL);
    entry->user_data = data;
}

static void give(unsigned buffer) {
    io_uring_buf_ring_add(buffers, room[buffer], ROOM, (unsigned short)buffer, io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(buffers, 1);
}

static void received(int fd, int count, unsigned flags) {
    if (count > 0) {
        unsigned buffer = flags >> IORING_CQE_BUFFER_SHIFT;
        rest[buffer].start = 0;
        rest[buffer].end = (unsigned)count;
        transmit(fd, buffer);
    }
    if (flags & IORING_CQE_F_MORE)
        return;
    if (count > 0 || count == -ENOBUFS)
        receive(fd);
    else
        close(fd);
}

static void attend(const struct io_uring_cqe *over) {
    int fd = (int)(over->user_data >> 2 & UINT32_MAX);
    unsigned buffer = (unsigned)(over->user_data >> 34);
    switch ((enum what)(over->user_data & 3)) {
    case ACCEPT:
        expect(over->res >= 0, "accept");
        receive(over->res);
        if (!(over->flags & IORING_CQE_F_MORE))
            accept_clients(fd);
        break;
    case RECEIVE:
        received(fd, over->res, over->flags);
        break;
    case SEND:
        if (over->res > 0 && (rest[buffer].start += (unsigned)over->res) < rest[buffer].end)
            transmit(fd, buffer);
        else
            give(buffer);
        break;
    }
}

int main(void) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct io_uring_params parameters = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
                                         .cq_entries = 4 * ENTRIES};
    struct io_uring_buf_reg registered = {.ring_entries = BUFFERS, .bgid = GROUP};
    socklen_t length = sizeof name;
    void *memory;

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect(bind(listener, (struct sockaddr *)&name, sizeof name) == 0, "bind");
    expect(listen(listener, BACKLOG) == 0, "listen");
    expect(getsockname(listener, (struct sockaddr *)&name, &length) == 0, "getsockname");
    expect(io_uring_queue_init_params(ENTRIES, &ring, &parameters) == 0, "io_uring_queue_init_params");
    expect(posix_memalign(&memory, 4096, BUFFERS * sizeof(struct io_uring_buf)) == 0, "memory");
    buffers = memory;
    io_uring_buf_ring_init(buffers);
    registered.ring_addr = (uint64_t)(uintptr_t)memory;
    expect(io_uring_register_buf_ring(&ring, &registered, 0) == 0, "io_uring_register_buf_ring");
    for (unsigned buffer = 0; buffer < BUFFERS; buffer++)
        give(buffer);
    accept_clients(listener);
    announce(ntohs(name.sin_port));
    for (;;) {
        struct io_uring_cqe *over;
        unsigned head, count = 0;
        expect(io_uring_submit_and_wait(&ring, 1) >= 0, "io_uring_submit_and_wait");
        io_uring_for_each_cqe(&ring, head, over) {
            attend(over);
            count++;
        }
        io_uring_cq_advance(&ring, count);
    }
}
