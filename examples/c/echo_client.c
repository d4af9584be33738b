/*
 * echo_client: sends lines to an echo server and prints what comes back.
 *
 *     cc echo_client.c -lanysock -o echo_client
 *     ./echo_client 127.0.0.1:7000 hello "how are you"
 *     ./echo_client localhost:7000 < lines.txt
 *
 * It waits five seconds at the most, for the connection and for each echo. A stream has no borders between messages, so
 * it reads until as many bytes are back as it has sent.
 *
 * What it is not: a telnet. It speaks only when it has been answered; netcat.c does both at once.
 */
#include <anysock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE (5 * ANYSOCK_SECOND)

static int64_t check(int64_t result, const char *what) {
    if (result < 0) {
        fprintf(stderr, "echo_client: %s: %s (%s)\n", what, anysock_error_message(result), anysock_error_name(result));
        exit(EXIT_FAILURE);
    }
    return result;
}

static void fail(const char *message) {
    fprintf(stderr, "echo_client: %s\n", message);
    exit(EXIT_FAILURE);
}

/* An error after a part of the bytes comes with the next call, hence the loop. */
static void send_all(anysock_t server, const char *text, size_t length) {
    while (length > 0) {
        int64_t sent = check(anysock_write_all(server, text, length), "write");
        text += sent;
        length -= (size_t)sent;
    }
}

static void receive_all(anysock_t server, char *text, size_t length) {
    while (length > 0) {
        int64_t received = check(anysock_read_full(server, text, length), "read");
        if (received == 0)
            fail("the server has hung up");
        text += received;
        length -= (size_t)received;
    }
}

static void echo(anysock_t server, const char *text) {
    char back[4096];
    size_t length = strlen(text);
    while (length > 0) {
        size_t part = length < sizeof back ? length : sizeof back;
        send_all(server, text, part);
        receive_all(server, back, part);
        if (memcmp(text, back, part) != 0)
            fail("the echo is not what was said");
        fwrite(back, 1, part, stdout);
        text += part;
        length -= part;
    }
}

int main(int argc, char **argv) {
    char line[4096];

    if (argc < 2) {
        fprintf(stderr, "usage: echo_client ADDRESS [LINE...]\n");
        return 2;
    }
    anysock_t server = check(anysock_open("tcp"), "open");
    check(anysock_set(server, ANYSOCK_OPT_TIMEOUT, PATIENCE), "timeout");
    check(anysock_connect(server, argv[1]), argv[1]);

    for (int i = 2; i < argc; i++) {
        echo(server, argv[i]);
        echo(server, "\n");
    }
    while (argc == 2 && fgets(line, sizeof line, stdin))
        echo(server, line);

    /* "That was all": the server reads the end of the stream, and ends its own half. */
    check(anysock_shutdown(server, ANYSOCK_SHUT_WRITE), "shutdown");
    if (check(anysock_read(server, line, sizeof line), "read") != 0)
        fail("the server says more than it was told");
    anysock_close(server);
    return EXIT_SUCCESS;
}
