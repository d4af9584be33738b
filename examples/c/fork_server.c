/*
 * fork_server: an echo server with a process for each client.
 *
 *     cc fork_server.c -lanysock -o fork_server
 *     ./fork_server [ADDRESS]                 default 127.0.0.1:7000; port 0 takes a free one
 *
 * The child closes the listener, the parent closes the connection: a handle works in both after fork, and closing it
 * in one does not disturb the other. The connection ends when its last copy is closed.
 *
 * What it is not: portable. Windows has no fork; select_server.c runs everywhere.
 */
#define _POSIX_C_SOURCE 200809L

#include <anysock.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int64_t check(int64_t result, const char *what) {
    if (result < 0) {
        fprintf(stderr, "fork_server: %s: %s (%s)\n", what, anysock_error_message(result), anysock_error_name(result));
        exit(EXIT_FAILURE);
    }
    return result;
}

/* Says everything back until the client has finished. */
static void echo(anysock_t client) {
    char data[16384];
    int64_t received;
    while ((received = check(anysock_read(client, data, sizeof data), "read")) > 0)
        for (int64_t sent = 0; sent < received;)
            sent += check(anysock_write_all(client, data + sent, (size_t)(received - sent)), "write");
}

int main(int argc, char **argv) {
    const char *address = argc > 1 ? argv[1] : "127.0.0.1:7000";
    char text[128];

    if (argc > 2) {
        fprintf(stderr, "usage: fork_server [ADDRESS]\n");
        return 2;
    }
    signal(SIGCHLD, SIG_IGN); /* nobody asks how the children ended: so the system buries them, and none is a zombie */
    anysock_t listener = check(anysock_open("tcp"), "open");
    check(anysock_bind(listener, address), address);
    check(anysock_listen(listener, 0), "listen");
    check(anysock_local_address(listener, text, sizeof text), "local address");
    printf("listening on %s\n", text);
    fflush(stdout);

    for (;;) {
        anysock_t client = check(anysock_accept(listener), "accept");
        pid_t child = fork();
        if (child == 0) {
            anysock_close(listener);
            echo(client);
            anysock_close(client);
            return EXIT_SUCCESS;
        }
        if (child < 0)
            perror("fork_server: fork");
        else if (anysock_peer_address(client, text, sizeof text) >= 0)
            printf("process %ld serves %s\n", (long)child, text);
        fflush(stdout);
        anysock_close(client);
    }
}
