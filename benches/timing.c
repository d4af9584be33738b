/*
 * The same work over raw POSIX calls and over anysock, in one process, slice by slice in turn.
 * Prints a line for each pair of neighbouring slices: what, nanoseconds raw, nanoseconds over anysock, each for
 * one operation. Not here: what the numbers mean (`run`), and counted instructions (`calls.c`). Linux only: epoll.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#define _GNU_SOURCE
#include "bench.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUNDS = 9,
    PAIRS = 24,             /* of slices in a round */
    SLICE_NS = 5 * 1000000, /* how long the raw slice shall take */
    PING = 64,
    BLOCK = 64 * 1024,
    BLOCKS = 16, /* the sink acknowledges a mebibyte */
    MOST = 100,  /* sockets to wait for */
};

static char data[BLOCK];

/* A stream that ends in the middle would go on for ever. */
static size_t moved(int64_t result, const char *what) {
    if (result != 0)
        return (size_t)must(result, what);
    fprintf(stderr, "%s: the stream has ended\n", what);
    exit(1);
}

#define MOVED(call) moved((call), #call)

/* --- Sockets. All are made by the same raw calls, and those for anysock then adopted. --- */

static void tcp_pair(int fds[2]) {
    int on = 1;
    int listener = bound(SOCK_STREAM, htonl(INADDR_LOOPBACK));
    MUST(listen(listener, 1));
    fds[0] = (int)MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    connect_to(fds[0], 0, port_of(listener));
    fds[1] = (int)MUST(accept(listener, NULL, NULL));
    for (int end = 0; end < 2; end++)
        MUST(setsockopt(fds[end], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    close(listener);
}

static void udp_pair(int fds[2]) {
    fds[0] = bound(SOCK_DGRAM, htonl(INADDR_LOOPBACK));
    fds[1] = bound(SOCK_DGRAM, htonl(INADDR_LOOPBACK));
}

static int raw[2];
static anysock_t ours[2];

static void both(void pair(int fds[2])) {
    int fds[2];
    pair(raw);
    pair(fds);
    for (int end = 0; end < 2; end++)
        ours[end] = MUST(anysock_adopt(fds[end]));
}

static void close_both(void) {
    for (int end = 0; end < 2; end++) {
        close(raw[end]);
        anysock_close(ours[end]);
    }
}

/* A stream may deliver less than was asked for: both sides loop, as every program must. */

static void raw_send(int fd, size_t length) {
    for (size_t sent = 0; sent < length;)
        sent += MOVED(send(fd, data + sent, length - sent, MSG_NOSIGNAL));
}

static void raw_recv(int fd, size_t length) {
    for (size_t received = 0; received < length;)
        received += MOVED(recv(fd, data + received, length - received, 0));
}

static void our_send(anysock_t h, size_t length) {
    for (size_t sent = 0; sent < length;)
        sent += MOVED(anysock_write(h, data + sent, length - sent));
}

static void our_recv(anysock_t h, size_t length) {
    for (size_t received = 0; received < length;)
        received += MOVED(anysock_read(h, data + received, length - received));
}

/* --- Both ends in one thread: data is always there, so only the calls are measured. --- */

static void tcp_setup(void) { both(tcp_pair); }

static void raw_ping(long times) {
    while (times--) {
        raw_send(raw[0], PING), raw_recv(raw[1], PING);
        raw_send(raw[1], PING), raw_recv(raw[0], PING);
    }
}

static void our_ping(long times) {
    while (times--) {
        our_send(ours[0], PING), our_recv(ours[1], PING);
        our_send(ours[1], PING), our_recv(ours[0], PING);
    }
}

static void unix_pair(int fds[2]) { MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)); }

static void unix_setup(void) { both(unix_pair); }

static void raw_block(long times) {
    while (times--)
        raw_send(raw[0], BLOCK), raw_recv(raw[1], BLOCK);
}

static void our_block(long times) {
    while (times--)
        our_send(ours[0], BLOCK), our_recv(ours[1], BLOCK);
}

static void raw_would_block(long times) {
    while (times--)
        if (recv(raw[0], data, PING, MSG_DONTWAIT) != -1)
            abort();
}

static void our_would_block(long times) {
    while (times--)
        if (anysock_recv(ours[0], data, PING, ANYSOCK_FLAG_DONT_WAIT) != ANYSOCK_EAGAIN)
            abort();
}

static void raw_set(long times) {
    int value = BLOCK;
    while (times--)
        MUST(setsockopt(raw[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof value));
}

static void our_set(long times) {
    while (times--)
        MUST(anysock_set(ours[0], ANYSOCK_OPT_SEND_BUFFER, BLOCK));
}

static void raw_own_address(long times) {
    while (times--) {
        struct sockaddr_in own;
        socklen_t length = sizeof own;
        char host[INET_ADDRSTRLEN];
        MUST(getsockname(raw[0], (struct sockaddr *)&own, &length));
        snprintf(data, sizeof data, "%s:%d", inet_ntop(AF_INET, &own.sin_addr, host, sizeof host), ntohs(own.sin_port));
    }
}

static void our_own_address(long times) {
    while (times--)
        MUST(anysock_local_address(ours[0], data, sizeof data));
}

/* --- Datagrams, to a connected peer and to an address that each call gives and gets. --- */

static struct sockaddr_in raw_name[2];
static char our_name[2][64];

static void datagram_setup(void) {
    both(udp_pair);
    for (int end = 0; end < 2; end++) {
        raw_name[end] = loopback(0, port_of(raw[end]));
        MUST(anysock_local_address(ours[end], our_name[end], sizeof our_name[end]));
    }
}

static void connected_datagram_setup(void) {
    datagram_setup();
    for (int end = 0; end < 2; end++) {
        connect_to(raw[end], 0, raw_name[!end].sin_port);
        MUST(anysock_connect(ours[end], our_name[!end]));
    }
}

static void raw_datagram(long times) {
    struct sockaddr_in from;
    while (times--)
        for (int end = 0; end < 2; end++) {
            socklen_t length = sizeof from;
            struct sockaddr *to = (struct sockaddr *)&raw_name[!end];
            MUST(sendto(raw[end], data, PING, MSG_NOSIGNAL, to, sizeof raw_name[!end]));
            MUST(recvfrom(raw[!end], data, PING, 0, (struct sockaddr *)&from, &length));
        }
}

static void our_datagram(long times) {
    char from[64];
    while (times--)
        for (int end = 0; end < 2; end++) {
            MUST(anysock_send_to(ours[end], data, PING, 0, our_name[!end]));
            MUST(anysock_recv_from(ours[!end], data, PING, 0, from, sizeof from));
        }
}

/* --- The same, many by one call, and each with its address. --- */

enum { MANY = 32 };

static char many_data[MANY][PING];
static struct sockaddr_in raw_names[2][MANY];
static struct iovec raw_pieces[MANY];
static struct mmsghdr raw_datagrams[2][MANY]; /* to be sent, to be received */
static anysock_address our_addresses[2][MANY];
static anysock_datagram our_datagrams[2][MANY];

static void many_setup(void) {
    datagram_setup();
    for (int place = 0; place < MANY; place++) {
        raw_pieces[place] = (struct iovec){many_data[place], PING};
        raw_names[0][place] = raw_name[1];
        MUST(anysock_address_parse("udp4", our_name[1], &our_addresses[0][place]));
        for (int way = 0; way < 2; way++) {
            raw_datagrams[way][place].msg_hdr = (struct msghdr){
                .msg_name = &raw_names[way][place],
                .msg_namelen = sizeof raw_names[way][place],
                .msg_iov = &raw_pieces[place],
                .msg_iovlen = 1,
            };
            our_datagrams[way][place] = (anysock_datagram){
                .data = many_data[place],
                .length = PING,
                .address = &our_addresses[way][place],
            };
        }
    }
}

/* None is lost: the receive buffer holds them all, and a loopback datagram is there when its send returns. */
static void all_of_them(int64_t count) {
    if (count != MANY)
        abort();
}

static void raw_many(long times) {
    while (times--) {
        all_of_them(MUST(sendmmsg(raw[0], raw_datagrams[0], MANY, MSG_NOSIGNAL)));
        for (int place = 0; place < MANY; place++) /* the kernel has changed it */
            raw_datagrams[1][place].msg_hdr.msg_namelen = sizeof raw_names[1][place];
        all_of_them(MUST(recvmmsg(raw[1], raw_datagrams[1], MANY, MSG_WAITFORONE, NULL)));
    }
}

static void our_many(long times) {
    while (times--) {
        all_of_them(MUST(anysock_send_many(ours[0], our_datagrams[0], MANY, 0)));
        all_of_them(MUST(anysock_recv_many(ours[1], our_datagrams[1], MANY, 0)));
    }
}

/* --- Connections and sockets come and go. --- */

static int raw_listener;
static anysock_t our_listener;
static in_port_t raw_port;
static char our_address[HOSTS][64];

static void listener_setup(void) {
    int fd = bound(SOCK_STREAM, INADDR_ANY);
    raw_listener = bound(SOCK_STREAM, INADDR_ANY);
    MUST(listen(fd, 16));
    MUST(listen(raw_listener, 16));
    raw_port = port_of(raw_listener);
    for (int host = 0; host < HOSTS; host++)
        snprintf(our_address[host], sizeof our_address[host], "127.0.0.%d:%d", host + 1, ntohs(port_of(fd)));
    our_listener = MUST(anysock_adopt(fd));
}

static void listener_teardown(void) {
    close(raw_listener);
    anysock_close(our_listener);
}

static void raw_connect(long times) {
    while (times--) {
        int client = (int)MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        connect_to(client, (int)(times % HOSTS), raw_port);
        int server = (int)MUST(accept4(raw_listener, NULL, NULL, SOCK_CLOEXEC));
        MUST(close(client));
        MUST(close(server));
    }
}

static void our_connect(long times) {
    while (times--) {
        anysock_t client = MUST(anysock_open("tcp4"));
        MUST(anysock_connect(client, our_address[times % HOSTS]));
        anysock_t server = MUST(anysock_accept(our_listener));
        MUST(anysock_close(client));
        MUST(anysock_close(server));
    }
}

static void nothing(void) {}

static void raw_open(long times) {
    while (times--)
        MUST(close((int)MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))));
}

static void our_open(long times) {
    while (times--)
        MUST(anysock_close(MUST(anysock_open("tcp4"))));
}

/* --- Waiting for many, one of which is ready. Raw and anysock wait for the same sockets. --- */

static int crowd, active, made;
static anysock_t members[MOST], set[MOST];
static int peers[MOST];
static struct pollfd entries[MOST];
static int epoll;
static anysock_t poller;

/* Sockets to which nothing has come. */
static void gather(int size) {
    int fds[2];
    crowd = made = size;
    for (int place = 0; place < made; place++) {
        tcp_pair(fds);
        peers[place] = fds[1];
        members[place] = MUST(anysock_adopt(fds[0]));
        entries[place] = (struct pollfd){.fd = fds[0], .events = POLLIN};
    }
}

static void activate(void) {
    active = crowd / 2;
    raw_send(peers[active], 1);
}

static void disperse(void) {
    for (int place = 0; place < made; place++) {
        close(peers[place]);
        anysock_close(members[place]);
    }
}

static void gather_10(void) { gather(10), activate(); }
static void gather_100(void) { gather(100), activate(); }

static void raw_poll_once(void) {
    int place = 0;
    MUST(poll(entries, (nfds_t)crowd, -1));
    while (entries[place].revents == 0)
        place++;
    if (place != active)
        abort();
}

static void our_select_once(void) {
    anysock_handles readable = {crowd, set};
    memcpy(set, members, (size_t)crowd * sizeof *set);
    if (MUST(anysock_select(&readable, NULL, NULL, -1)) != 1 || set[0] != members[active])
        abort();
}

static void raw_poll(long times) {
    while (times--)
        raw_poll_once();
}

static void our_select(long times) {
    while (times--)
        our_select_once();
}

static void register_100(void) {
    gather_100();
    epoll = (int)MUST(epoll_create1(EPOLL_CLOEXEC));
    poller = MUST(anysock_poller_open());
    for (int place = 0; place < crowd; place++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)place};
        MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, entries[place].fd, &event));
        MUST(anysock_poller_set(poller, members[place], ANYSOCK_EVENT_READ, place));
    }
}

static void unregister(void) {
    close(epoll);
    anysock_close(poller);
    disperse();
}

static void raw_epoll(long times) {
    struct epoll_event events[16];
    while (times--)
        if (MUST(epoll_wait(epoll, events, 16, -1)) != 1 || events[0].data.u32 != (uint32_t)active)
            abort();
}

static void our_poller(long times) {
    anysock_event events[16];
    while (times--)
        if (MUST(anysock_poller_wait(poller, events, 16, -1)) != 1 || events[0].token != active)
            abort();
}

/* --- The other end is another thread: reads wait. The scheduler gets no say in where: it would decide the result. --- */

static pthread_t raw_peer, our_peer;

static void pin(pthread_t thread, int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    errno = pthread_setaffinity_np(thread, sizeof one, &one);
    MUST(errno ? -1 : 0);
}

static void start(void *raw_run(void *), void *our_run(void *), int peers_cpu) {
    both(tcp_pair);
    pthread_create(&raw_peer, NULL, raw_run, NULL);
    pthread_create(&our_peer, NULL, our_run, NULL);
    pin(pthread_self(), 0);
    pin(raw_peer, peers_cpu);
    pin(our_peer, peers_cpu);
}

/* The peers end when their streams do. */
static void stop(void) {
    shutdown(raw[0], SHUT_WR);
    anysock_shutdown(ours[0], ANYSOCK_SHUT_WRITE);
    pthread_join(raw_peer, NULL);
    pthread_join(our_peer, NULL);
    close_both();
}

static void *raw_echo(void *unused) {
    char message[PING];
    for (ssize_t got; (got = recv(raw[1], message, PING, 0)) > 0;)
        MUST(send(raw[1], message, (size_t)got, MSG_NOSIGNAL));
    return unused;
}

static void *our_echo(void *unused) {
    char message[PING];
    for (int64_t got; (got = anysock_read(ours[1], message, PING)) > 0;)
        MUST(anysock_write(ours[1], message, (size_t)got));
    return unused;
}

static void echo_setup(void) { start(raw_echo, our_echo, 0); }
static void far_echo_setup(void) { start(raw_echo, our_echo, 1); }

static void raw_round_trip(long times) {
    while (times--)
        raw_send(raw[0], PING), raw_recv(raw[0], PING);
}

static void our_round_trip(long times) {
    while (times--)
        our_send(ours[0], PING), our_recv(ours[0], PING);
}

/* The answer comes to one of a hundred, from another thread. */
static void far_crowd_setup(void) {
    gather(MOST - 1);
    start(raw_echo, our_echo, 1);
    active = crowd++;
    entries[active] = (struct pollfd){.fd = raw[0], .events = POLLIN};
    members[active] = ours[0];
}

static void far_crowd_stop(void) {
    stop();
    disperse();
}

static void raw_poll_round_trip(long times) {
    while (times--)
        raw_send(raw[0], PING), raw_poll_once(), raw_recv(raw[0], PING);
}

static void our_select_round_trip(long times) {
    while (times--)
        our_send(ours[0], PING), our_select_once(), our_recv(ours[0], PING);
}

static void *raw_sink(void *unused) {
    static char room[BLOCK];
    int64_t total = 0;
    for (ssize_t got; (got = recv(raw[1], room, BLOCK, 0)) > 0;)
        for (total += got; total >= BLOCKS * BLOCK; total -= BLOCKS * BLOCK)
            MUST(send(raw[1], room, 1, MSG_NOSIGNAL));
    return unused;
}

static void *our_sink(void *unused) {
    static char room[BLOCK];
    int64_t total = 0;
    for (int64_t got; (got = anysock_read(ours[1], room, BLOCK)) > 0;)
        for (total += got; total >= BLOCKS * BLOCK; total -= BLOCKS * BLOCK)
            MUST(anysock_write(ours[1], room, 1));
    return unused;
}

static void sink_setup(void) { start(raw_sink, our_sink, 1); }

static void raw_bulk(long times) {
    for (long block = 0; block < times * BLOCKS; block++)
        raw_send(raw[0], BLOCK);
    raw_recv(raw[0], (size_t)times);
}

static void our_bulk(long times) {
    for (long block = 0; block < times * BLOCKS; block++)
        our_send(ours[0], BLOCK);
    our_recv(ours[0], (size_t)times);
}

/* --- The table, and how it is run. --- */

typedef void work_function(long times);

/* Of the wall, or of this thread: where the other end has a core of its own, waking that takes most of the time. */
#define WALL CLOCK_MONOTONIC
#define PROCESSOR CLOCK_THREAD_CPUTIME_ID

/* What makes threads comes last: from the first thread on, the C library's calls cost more. */
static const struct work {
    const char *name;
    clockid_t clock;
    void (*setup)(void);
    work_function *raw, *ours;
    void (*teardown)(void);
} WORKS[] = {
    {"TCP ping-pong, 64 B, one thread", WALL, tcp_setup, raw_ping, our_ping, close_both},
    {"64 KiB write and read, one thread", WALL, unix_setup, raw_block, our_block, close_both},
    {"read that would block", WALL, tcp_setup, raw_would_block, our_would_block, close_both},
    {"an option by its name (number)", WALL, tcp_setup, raw_set, our_set, close_both},
    {"the own address as text (inet_ntop, snprintf)", WALL, tcp_setup, raw_own_address, our_own_address, close_both},
    {"UDP ping-pong, 64 B, connected", WALL, connected_datagram_setup, raw_ping, our_ping, close_both},
    {"UDP ping-pong, 64 B, with addresses", WALL, datagram_setup, raw_datagram, our_datagram, close_both},
    {"UDP, 64 B, 32 at a time, with addresses (sendmmsg)", WALL, many_setup, raw_many, our_many, close_both},
    {"connect, accept, close twice", WALL, listener_setup, raw_connect, our_connect, listener_teardown},
    {"open, close", WALL, nothing, raw_open, our_open, nothing},
    {"select, 1 of 10 ready (poll)", WALL, gather_10, raw_poll, our_select, disperse},
    {"select, 1 of 100 ready (poll)", WALL, gather_100, raw_poll, our_select, disperse},
    {"poller, 1 of 100 ready (epoll)", WALL, register_100, raw_epoll, our_poller, unregister},
    {"TCP ping-pong, 64 B, two threads, one core", WALL, echo_setup, raw_round_trip, our_round_trip, stop},
    {"TCP ping-pong, 64 B, two threads, two cores", WALL, far_echo_setup, raw_round_trip, our_round_trip, stop},
    {"- processor time of one", PROCESSOR, far_echo_setup, raw_round_trip, our_round_trip, stop},
    {"- and with select of 100 before the read (poll)", PROCESSOR, far_crowd_setup, raw_poll_round_trip,
     our_select_round_trip, far_crowd_stop},
    {"TCP stream of 64 KiB writes, per MiB", WALL, sink_setup, raw_bulk, our_bulk, stop},
};

static double slice(const struct work *work, work_function *run, long times) {
    struct timespec from, to;
    clock_gettime(work->clock, &from);
    run(times);
    clock_gettime(work->clock, &to);
    return (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
}

static long calibrate(const struct work *work) {
    long times = 1;
    while (slice(work, work->raw, times) < SLICE_NS / 2.0)
        times *= 2;
    work->ours(times);
    return times;
}

static void measure(const struct work *work) {
    work->setup();
    long times = calibrate(work);
    for (int pair = 0; pair < ROUNDS * PAIRS; pair++) {
        double raw_ns = pair % 2 ? slice(work, work->raw, times) : 0;
        double our_ns = slice(work, work->ours, times);
        if (pair % 2 == 0)
            raw_ns = slice(work, work->raw, times);
        printf("%s\t%d\t%.1f\t%.1f\n", work->name, pair / PAIRS, raw_ns / (double)times, our_ns / (double)times);
    }
    fflush(stdout);
    work->teardown();
}

int main(int argc, char **argv) {
    const char *only = argc > 1 ? argv[1] : "";
    for (size_t place = 0; place < sizeof WORKS / sizeof *WORKS; place++)
        if (strstr(WORKS[place].name, only))
            measure(&WORKS[place]);
    return 0;
}
