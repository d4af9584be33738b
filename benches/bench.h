/*
 * What the benchmarks have in common: calls that must not fail, and sockets of the loopback. Not here: what is measured.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#ifndef BENCH_H
#define BENCH_H

#include <anysock.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { HOSTS = 16 }; /* loopback addresses, lest the ports of one run out */

/* Ends the program at the first failure: a benchmark of errors is none. */
static inline int64_t must(int64_t result, const char *what) {
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", what, result == -1 ? strerror(errno) : anysock_error_message(result));
        exit(1);
    }
    return result;
}

#define MUST(call) must((call), #call)

static inline struct sockaddr_in loopback(int host, in_port_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (in_addr_t)host);
    return address;
}

static inline in_port_t port_of(int fd) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    MUST(getsockname(fd, (struct sockaddr *)&address, &length));
    return address.sin_port;
}

static inline int bound(int type, in_addr_t host) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = host};
    int fd = (int)MUST(socket(AF_INET, type | SOCK_CLOEXEC, 0));
    MUST(bind(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

static inline void connect_to(int fd, int host, in_port_t port) {
    struct sockaddr_in address = loopback(host, port);
    MUST(connect(fd, (struct sockaddr *)&address, sizeof address));
}

#endif
