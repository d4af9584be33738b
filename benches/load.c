/*
 * The load of the servers' benchmark: one thread that holds as many connections to each server, sends a message on each
 * and the next when it has come back. The servers take turns, in slices of some milliseconds, and of every slice it
 * tells how much time has passed, how much of a processor's the server has taken, and how long half of the requests took
 * at most.
 *
 *     load KIND SIZE CONNECTIONS ROUNDS SLICES REQUESTS PROCESSOR SERVER...
 *
 * KIND is tcp or udp, SIZE the bytes of a message. With a text in the environment variable MESSAGE that is what is sent, and
 * SIZE the bytes of an answer. A SERVER is PID:PORT, on the loopback. A line of output is "round server
 * nanoseconds processor-nanoseconds latency-nanoseconds", the servers numbered from 0. PROCESSOR is the one to run on, -1
 * for any. Not here: how these times are judged (`servers.py`). Linux only: epoll, and the clock of another process.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST = 4096, BATCH = 256, MOST_SERVERS = 16 };

struct connection {
    int fd;
    int received; /* bytes of the message that is under way */
    int64_t said; /* when it was sent */
};

struct server {
    clockid_t clock;
    int epoll;
    struct connection *connections;
};

static int type, size, question, connections;
static char message[LARGEST];
static int64_t *latencies;

static void expect(int holds, const char *what) {
    if (holds)
        return;
    perror(what);
    exit(EXIT_FAILURE);
}

static int64_t now(clockid_t clock) {
    struct timespec time;
    expect(clock_gettime(clock, &time) == 0, "clock_gettime");
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void join(struct server *server, const char *text) {
    char *end;
    pid_t process = (pid_t)strtol(text, &end, 10);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    name.sin_port = htons((uint16_t)atoi(end + 1));

    expect(*end == ':' && clock_getcpuclockid(process, &server->clock) == 0, text);
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->connections = calloc((size_t)connections, sizeof *server->connections);
    expect(server->connections != NULL, "memory");
    for (int i = 0; i < connections; i++) {
        struct connection *connection = server->connections + i;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        connection->fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
        expect(connect(connection->fd, (struct sockaddr *)&name, sizeof name) == 0, "connect");
        expect(epoll_ctl(server->epoll, EPOLL_CTL_ADD, connection->fd, &event) == 0, "epoll_ctl");
    }
}

static void say(struct connection *connection) {
    connection->said = now(CLOCK_MONOTONIC);
    expect(send(connection->fd, message, (size_t)question, MSG_NOSIGNAL) == question, "send");
}

/* Whether the whole message has come back. */
static int hear(struct connection *connection) {
    char data[LARGEST];
    ssize_t count = recv(connection->fd, data, (size_t)(size - connection->received), MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN)
        return 0;
    expect(count > 0, "recv");
    connection->received = (connection->received + (int)count) % size;
    return connection->received == 0;
}

/* So many requests, spread over all connections, each of which always has one under way. */
static void exchange(struct server *server, int requests) {
    int sent = requests < connections ? requests : connections;
    for (int i = 0; i < sent; i++)
        say(server->connections + i);
    for (int answered = 0; answered < requests;) {
        struct epoll_event events[BATCH];
        int count = epoll_wait(server->epoll, events, BATCH, -1);
        expect(count >= 0, "epoll_wait");
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!hear(connection))
                continue;
            latencies[answered++] = now(CLOCK_MONOTONIC) - connection->said;
            if (sent < requests) {
                say(connection);
                sent++;
            }
        }
    }
}

static int compare(const void *one, const void *other) {
    int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
    return (a > b) - (a < b);
}

static void slice(int round, int number, struct server *server, int requests) {
    exchange(server, connections + requests / 10); /* what the others have left in the caches is no part of it */
    int64_t start = now(CLOCK_MONOTONIC), taken = now(server->clock);
    exchange(server, requests);
    int64_t end = now(CLOCK_MONOTONIC);
    taken = now(server->clock) - taken;
    qsort(latencies, (size_t)requests, sizeof *latencies, compare);
    printf("%d %d %lld %lld %lld\n", round, number, (long long)(end - start), (long long)taken, (long long)latencies[requests / 2]);
}

int main(int argc, char **argv) {
    static struct server servers[MOST_SERVERS];
    struct rlimit limit;
    int count = argc - 8;

    if (count < 1 || count > MOST_SERVERS) {
        fprintf(stderr, "usage: load tcp|udp SIZE CONNECTIONS ROUNDS SLICES REQUESTS PROCESSOR PID:PORT...\n");
        return 2;
    }
    type = strcmp(argv[1], "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
    size = atoi(argv[2]);
    const char *text = getenv("MESSAGE");
    question = text == NULL ? size : (int)strnlen(text, LARGEST);
    if (text != NULL)
        memcpy(message, text, (size_t)question);
    connections = atoi(argv[3]);
    int rounds = atoi(argv[4]), slices = atoi(argv[5]), requests = atoi(argv[6]), processor = atoi(argv[7]);
    expect(size > 0 && size <= LARGEST && connections > 0 && requests > 0, "numbers");
    latencies = malloc((size_t)(connections + 2 * requests) * sizeof *latencies);
    expect(latencies != NULL, "memory");
    if (processor >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(processor, &set);
        expect(sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity");
    }
    expect(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    expect(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");

    for (int i = 0; i < count; i++)
        join(servers + i, argv[8 + i]);
    for (int turn = 0; turn < rounds * slices; turn++)
        for (int i = 0; i < count; i++) {
            int number = (turn + i) % count; /* everybody in every place, and nobody twice in a row */
            slice(turn / slices, number, servers + number, requests);
        }
    return EXIT_SUCCESS;
}
