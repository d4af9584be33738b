/*
 * What the echo servers of the benchmark share: how the generator learns the port, and what a server keeps of a client.
 * Not here: any input or output of clients; that is each library's own.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#ifndef SERVER_H
#define SERVER_H

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 256, ROOM = 4096, BACKLOG = 4096 };

/* What has been read and not been written yet; a client is read from only when that is nothing. */
struct echo {
    size_t sent, received;
    char data[ROOM];
};

/* Ends the program; no server of a benchmark goes on after an error. */
static inline void expect(int holds, const char *what) {
    if (holds)
        return;
    perror(what);
    exit(EXIT_FAILURE);
}

/* Tells the port to whoever has started the server. */
static inline void announce(int port) {
    printf("%d\n", port);
    fflush(stdout);
}

#endif
