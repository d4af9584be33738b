/*
 * What one wait costs, by how many sockets are watched: select(2), poll(2) and epoll against anysock_select and an
 * anysock poller, all over the same TCP connections, slice by slice in turn. Prints a line for each slice: case, how
 * many sockets, way, nanoseconds for one wait. Not here: what the numbers mean (`waits.py`). Linux only: epoll.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#define _GNU_SOURCE
#include "bench.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MOST = 10000,
    ROUNDS = 9,
    SLICE_NS = 3 * 1000000,
    CALLS_BEFORE = 50, /* whoever learns from call to call has learnt */
    STEP = 100,        /* how far a set moves on that is another at every call */
    WORD = 8 * sizeof(unsigned long),
};

static int fds[MOST];
static anysock_t handles[MOST], set[MOST];
static struct pollfd entries[MOST];
static anysock_event reports[MOST];
static struct epoll_event events[MOST];
/* select(2) takes sets of any length, if not by way of fd_set. */
static unsigned long wanted[MOST * 3 / WORD], found[MOST * 3 / WORD];

static int size, ready, epoll, peers;
static anysock_t poller;

/* --- The connections. Their other ends are another process's, which has descriptors of its own. --- */

/* Connects, and then sends a byte through each connection whose place it is told. */
static void be_the_peers(int orders, in_port_t port) {
    static int ends[MOST];
    int place;
    for (place = 0; place < MOST; place++) {
        ends[place] = (int)MUST(socket(AF_INET, SOCK_STREAM, 0));
        connect_to(ends[place], place % HOSTS, port);
    }
    while (read(orders, &place, sizeof place) == sizeof place)
        MUST(send(ends[place], "x", 1, MSG_NOSIGNAL));
    _exit(0);
}

static void connect_all(void) {
    int orders[2];
    int listener = bound(SOCK_STREAM, INADDR_ANY);
    MUST(listen(listener, 4096));
    MUST(pipe(orders));
    if (MUST(fork()) == 0) {
        close(orders[1]);
        be_the_peers(orders[0], port_of(listener));
    }
    close(orders[0]);
    peers = orders[1];
    for (int place = 0; place < MOST; place++) {
        fds[place] = (int)MUST(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
        handles[place] = MUST(anysock_adopt(fds[place]));
        entries[place] = (struct pollfd){.fd = fds[place], .events = POLLIN};
    }
    close(listener);
}

/* Has a byte come, and waits until it has. */
static void activate(int place) {
    struct pollfd entry = {.fd = fds[place], .events = POLLIN};
    MUST(write(peers, &place, sizeof place));
    MUST(poll(&entry, 1, -1));
}

static void quieten(void) {
    char byte;
    for (int place = 0; place < MOST; place++)
        while (recv(fds[place], &byte, 1, MSG_DONTWAIT) == 1)
            ;
}

/* --- The ways to wait. Each does what a program must that uses it: fill in the sets, find the ready ones. --- */

static void expect(int64_t count) {
    if (count == ready)
        return;
    fprintf(stderr, "%lld ready, not %d\n", (long long)count, ready);
    exit(1);
}

static void by_poll_from(int first) {
    int left = (int)MUST(poll(entries + first, (nfds_t)size, -1));
    expect(left);
    for (int place = first; left > 0; place++)
        left -= entries[place].revents != 0;
}

static void by_select_from(int first) {
    anysock_handles readable = {size, set};
    memcpy(set, handles + first, (size_t)size * sizeof *set);
    expect(anysock_select(&readable, NULL, NULL, -1));
}

static void by_poll(void) { by_poll_from(0); }
static void by_our_select(void) { by_select_from(0); }

static void by_select(void) {
    int highest = fds[size - 1];
    size_t words = (size_t)highest / WORD + 1;
    memcpy(found, wanted, words * sizeof *found);
    int left = (int)MUST(select(highest + 1, (fd_set *)found, NULL, NULL, NULL));
    expect(left);
    for (int place = 0; left > 0; place++)
        left -= found[(size_t)fds[place] / WORD] >> ((size_t)fds[place] % WORD) & 1;
}

static void by_epoll(void) { expect(epoll_wait(epoll, events, size, -1)); }
static void by_our_poller(void) { expect(anysock_poller_wait(poller, reports, (size_t)size, -1)); }

/* Two sets that take turns. */
static int turn;
static void by_poll_in_turn(void) { by_poll_from((turn = !turn) * size); }
static void by_our_select_in_turn(void) { by_select_from((turn = !turn) * size); }

/* A set that is another at every call. */
static int moved;
static int move_on(void) { return moved = (moved + STEP) % (MOST - size); }
static void by_poll_moving(void) { by_poll_from(move_on()); }
static void by_our_select_moving(void) { by_select_from(move_on()); }

/* --- The cases. --- */

typedef void wait_function(void);

static const struct way {
    const char *name;
    wait_function *one, *in_turn, *moving;
} WAYS[] = {
    {"poll", by_poll, by_poll_in_turn, by_poll_moving},
    {"anysock_select", by_our_select, by_our_select_in_turn, by_our_select_moving},
    {"select", by_select, NULL, NULL},
    {"epoll", by_epoll, NULL, NULL},
    {"anysock_poller", by_our_poller, NULL, NULL},
};
enum { COUNT = sizeof WAYS / sizeof *WAYS };

static double slice(wait_function *wait, long times) {
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long done = 0; done < times; done++)
        wait();
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
}

static void measure(const char *name, wait_function *const waits[COUNT]) {
    long times[COUNT] = {0};
    for (int way = 0; way < COUNT; way++) {
        if (waits[way] == NULL)
            continue;
        slice(waits[way], CALLS_BEFORE);
        times[way] = 1 + (long)(SLICE_NS / (slice(waits[way], CALLS_BEFORE) / CALLS_BEFORE));
    }
    for (int round = 0; round < ROUNDS; round++)
        for (int way = 0; way < COUNT; way++)
            if (waits[way] != NULL)
                printf("%s\t%d\t%s\t%.1f\n", name, size, WAYS[way].name, slice(waits[way], times[way]) / (double)times[way]);
    fflush(stdout);
}

static void watch(int sockets) {
    size = sockets;
    epoll = (int)MUST(epoll_create1(EPOLL_CLOEXEC));
    poller = MUST(anysock_poller_open());
    memset(wanted, 0, sizeof wanted);
    for (int place = 0; place < size; place++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)place};
        MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[place], &event));
        MUST(anysock_poller_set(poller, handles[place], ANYSOCK_EVENT_READ, place));
        wanted[(size_t)fds[place] / WORD] |= 1UL << ((size_t)fds[place] % WORD);
    }
}

static void unwatch(void) {
    quieten();
    close(epoll);
    anysock_close(poller);
}

static void one_ready(int sockets) {
    wait_function *waits[COUNT];
    for (int way = 0; way < COUNT; way++)
        waits[way] = WAYS[way].one;
    watch(sockets);
    activate(sockets / 2);
    ready = 1;
    measure("one ready", waits);
    unwatch();
}

static void all_ready(int sockets) {
    wait_function *waits[COUNT];
    for (int way = 0; way < COUNT; way++)
        waits[way] = WAYS[way].one;
    watch(sockets);
    for (int place = 0; place < sockets; place++)
        activate(place);
    ready = sockets;
    measure("all ready", waits);
    unwatch();
}

static void another_at_every_call(int sockets) {
    wait_function *in_turn[COUNT], *moving[COUNT];
    for (int way = 0; way < COUNT; way++) {
        in_turn[way] = WAYS[way].in_turn;
        moving[way] = WAYS[way].moving;
    }
    size = sockets;
    for (int place = sockets / 2; place < MOST; place += sockets)
        activate(place);
    ready = 1;
    measure("two sets in turn", in_turn);
    measure("another set at every call", moving);
    quieten();
}

int main(void) {
    static const int SIZES[] = {1, 4, 16, 64, 256, 1000, 4000, MOST};
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max;
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    connect_all();
    for (size_t place = 0; place < sizeof SIZES / sizeof *SIZES; place++)
        one_ready(SIZES[place]);
    all_ready(16), all_ready(64), all_ready(1000);
    another_at_every_call(64), another_at_every_call(1000);
    close(peers);
    wait(NULL);
    return 0;
}
