/*
 * Makes single calls, raw and over anysock, for an instruction counter to watch: each call sits in a function of its
 * own, `raw_X` or `our_X`, and everything that runs only once is done before `measured` is entered. Not here: the
 * counting (`run`, which reads callgrind's profile), and time (`timing.c`). Linux only: epoll.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#define _GNU_SOURCE
#include <anysock.h>

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WARM_UP = 20, TIMES = 1000, CROWD = 10, LENGTH = 64 };

#define ALONE static __attribute__((noinline))

static char data[LENGTH];
static int raw[2], raw_listener, raw_udp, epoll;
static anysock_t ours[2], our_listener, our_udp, poller;
static struct sockaddr_in raw_address, raw_udp_address;
static char our_address[64], our_udp_address[64];
static anysock_t members[CROWD], set[CROWD];
static struct pollfd entries[CROWD];

/* Ends the program unless a call did what it was made for. */
static void expect(int64_t result, int64_t expected) {
    if (result == expected)
        return;
    fprintf(stderr, "a call gave %lld instead of %lld\n", (long long)result, (long long)expected);
    exit(1);
}

ALONE int64_t raw_read(void) { return read(raw[1], data, LENGTH); }
ALONE int64_t our_read(void) { return anysock_read(ours[1], data, LENGTH); }
ALONE int64_t raw_write(void) { return write(raw[0], data, LENGTH); }
ALONE int64_t our_write(void) { return anysock_write(ours[0], data, LENGTH); }
ALONE int64_t raw_recv(void) { return recv(raw[1], data, LENGTH, MSG_DONTWAIT); }
ALONE int64_t our_recv(void) { return anysock_recv(ours[1], data, LENGTH, ANYSOCK_FLAG_DONT_WAIT); }
ALONE int64_t raw_send(void) { return send(raw[0], data, LENGTH, MSG_DONTWAIT); }
ALONE int64_t our_send(void) { return anysock_send(ours[0], data, LENGTH, ANYSOCK_FLAG_DONT_WAIT); }
ALONE int64_t raw_would_block(void) { return recv(raw[1], data, 1, MSG_DONTWAIT); }
ALONE int64_t our_would_block(void) { return anysock_recv(ours[1], data, 1, ANYSOCK_FLAG_DONT_WAIT); }
ALONE int64_t raw_accept(void) { return accept4(raw_listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }
ALONE int64_t our_accept(void) { return anysock_accept(our_listener); }
ALONE int64_t raw_open(void) { return close(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }
ALONE int64_t our_open(void) { return anysock_close(anysock_open("tcp4")); }
ALONE int64_t our_connect(anysock_t client) { return anysock_connect(client, our_address); }
ALONE int64_t our_local_address(void) { return anysock_local_address(our_listener, our_address, sizeof our_address); }
ALONE int64_t our_set(void) { return anysock_set(ours[0], "send_buffer", 1 << 16); }
ALONE int64_t our_send_to(void) { return anysock_send_to(our_udp, data, LENGTH, 0, our_udp_address); }
ALONE int64_t raw_connect(int client) {
    return connect(client, (struct sockaddr *)&raw_address, sizeof raw_address);
}

ALONE int64_t raw_local_address(void) {
    struct sockaddr_in own;
    socklen_t length = sizeof own;
    return getsockname(raw_listener, (struct sockaddr *)&own, &length);
}

ALONE int64_t raw_set(void) {
    int value = 1 << 16;
    return setsockopt(raw[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof value);
}

ALONE int64_t raw_send_to(void) {
    return sendto(raw_udp, data, LENGTH, 0, (struct sockaddr *)&raw_udp_address, sizeof raw_udp_address);
}

ALONE int64_t raw_recv_from(void) {
    struct sockaddr_in sender;
    socklen_t length = sizeof sender;
    return recvfrom(raw_udp, data, LENGTH, 0, (struct sockaddr *)&sender, &length);
}

ALONE int64_t our_recv_from(void) {
    char sender[64];
    return anysock_recv_from(our_udp, data, LENGTH, 0, sender, sizeof sender);
}

ALONE int64_t raw_select(void) { return poll(entries, CROWD, -1); }

ALONE int64_t our_select(void) {
    anysock_handles readable = {CROWD, set};
    memcpy(set, members, sizeof set);
    return anysock_select(&readable, NULL, NULL, -1);
}

ALONE int64_t raw_poller(void) {
    struct epoll_event events[CROWD];
    return epoll_wait(epoll, events, CROWD, -1);
}

ALONE int64_t our_poller(void) {
    anysock_event events[CROWD];
    return anysock_poller_wait(poller, events, CROWD, -1);
}

/* Instructions do not depend on the kernel's side, so pairs of the AF_UNIX family do for everything but accept. */
static void connected(int fds[2], anysock_t handles[2]) {
    expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    for (int end = 0; handles != NULL && end < 2; end++)
        handles[end] = anysock_adopt(fds[end]);
}

static void listening(void) {
    socklen_t length = sizeof raw_address;
    raw_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect(listen(raw_listener, 1), 0);
    expect(getsockname(raw_listener, (struct sockaddr *)&raw_address, &length), 0);
    raw_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    our_listener = anysock_open("tcp4");
    expect(anysock_bind(our_listener, "127.0.0.1:0"), 0);
    expect(anysock_listen(our_listener, 1), 0);
    anysock_local_address(our_listener, our_address, sizeof our_address);
}

/* Each sends to itself. */
static void datagrams(void) {
    socklen_t length = sizeof raw_udp_address;
    raw_udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    raw_udp_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    expect(bind(raw_udp, (struct sockaddr *)&raw_udp_address, sizeof raw_udp_address), 0);
    expect(getsockname(raw_udp, (struct sockaddr *)&raw_udp_address, &length), 0);
    our_udp = anysock_open("udp4");
    expect(anysock_bind(our_udp, "127.0.0.1:0"), 0);
    anysock_local_address(our_udp, our_udp_address, sizeof our_udp_address);
}

static void crowd(void) {
    int fds[2];
    epoll = epoll_create1(EPOLL_CLOEXEC);
    poller = anysock_poller_open();
    for (int place = 0; place < CROWD; place++) {
        struct epoll_event event = {.events = EPOLLIN};
        connected(fds, NULL);
        members[place] = anysock_adopt(fds[0]);
        entries[place] = (struct pollfd){.fd = fds[0], .events = POLLIN};
        expect(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event), 0);
        expect(anysock_poller_set(poller, members[place], ANYSOCK_EVENT_READ, place), 0);
        if (place == CROWD / 2)
            expect(write(fds[1], data, 1), 1);
    }
}

static void accept_raw(void) {
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect(raw_connect(client), 0);
    int server = (int)raw_accept();
    expect(close(client), 0);
    expect(close(server), 0);
}

static void accept_ours(void) {
    anysock_t client = anysock_open("tcp4");
    expect(our_connect(client), 0);
    anysock_t server = our_accept();
    expect(anysock_close(client), 0);
    expect(anysock_close(server), 0);
}

static void every_call(int times) {
    while (times--) {
        expect(raw_write(), LENGTH), expect(raw_read(), LENGTH);
        expect(our_write(), LENGTH), expect(our_read(), LENGTH);
        expect(raw_send(), LENGTH), expect(raw_recv(), LENGTH);
        expect(our_send(), LENGTH), expect(our_recv(), LENGTH);
        expect(raw_would_block(), -1), expect(our_would_block(), ANYSOCK_EAGAIN);
        expect(raw_select(), 1), expect(our_select(), 1);
        expect(raw_poller(), 1), expect(our_poller(), 1);
        accept_raw(), accept_ours();
        expect(raw_open(), 0), expect(our_open(), 0);
        expect(raw_set(), 0), expect(our_set(), 0);
        expect(raw_send_to(), LENGTH), expect(raw_recv_from(), LENGTH);
        expect(our_send_to(), LENGTH), expect(our_recv_from(), LENGTH);
        expect(raw_local_address(), 0), expect(our_local_address(), (int64_t)strlen(our_address));
    }
}

ALONE void measured(void) { every_call(TIMES); }

int main(void) {
    connected(raw, NULL);
    int fds[2];
    connected(fds, ours);
    listening();
    datagrams();
    crowd();
    every_call(WARM_UP);
    measured();
    return 0;
}
