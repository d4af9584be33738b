/*
 * conversation: both ends of the conversation that every language has with every other (tests/languages/README.md), in C.
 *
 *     ./conversation listen 127.0.0.1:0
 *     ./conversation talk 127.0.0.1:7000 127.0.0.1:7001     where the server is, and where nobody listens
 *
 * What it is not: an example of a server. It serves one client at a time.
 */
#define _GNU_SOURCE
#include <anysock.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE (30 * ANYSOCK_SECOND)
#define MEBIBYTE 1048576

static unsigned char data[MEBIBYTE], back[2 * MEBIBYTE];

static int64_t check(int64_t result, const char *what) {
    if (result < 0) {
        fprintf(stderr, "conversation: %s: %s (%s)\n", what, anysock_error_message(result), anysock_error_name(result));
        exit(EXIT_FAILURE);
    }
    return result;
}

/* RFC 1950. */
static uint32_t adler32(const unsigned char *bytes, size_t count) {
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < count; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* How many bytes came before the end, or an error. */
static int64_t read_to_end(anysock_t from, unsigned char *room, size_t size) {
    size_t have = 0;
    while (have < size) {
        int64_t count = anysock_read(from, room + have, size - have);
        if (count < 0)
            return count;
        if (count == 0)
            break;
        have += (size_t)count;
    }
    return (int64_t)have;
}

/* The server: reads a client to its end, and answers with how much that was, its checksum, and all of it. */
static void answer(anysock_t client) {
    char line[64];
    int64_t count = read_to_end(client, back, sizeof back);
    if (count < 0)
        return;
    int length = snprintf(line, sizeof line, "%lld %u\n", (long long)count, adler32(back, (size_t)count));
    anysock_write_all(client, line, (size_t)length);
    anysock_write_all(client, back, (size_t)count);
}

static void serve(const char *address) {
    char text[64];
    anysock_t listener = check(anysock_open("tcp"), "open");
    check(anysock_bind(listener, address), "bind");
    check(anysock_listen(listener, 0), "listen");
    check(anysock_local_address(listener, text, sizeof text), "address");
    printf("listening on %s\n", text);
    fflush(stdout);
    for (;;) {
        anysock_t client = check(anysock_accept(listener), "accept");
        answer(client);
        anysock_close(client);
    }
}

/* The client: a line for each step. */

static void refused(const char *nobody) {
    anysock_t socket = check(anysock_open("tcp"), "open");
    printf("refused %s\n", anysock_error_name(anysock_connect(socket, nobody)));
    anysock_close(socket);
}

static anysock_t connected(const char *address) {
    char text[64];
    anysock_t server = check(anysock_open("tcp"), "open");
    snprintf(text, sizeof text, "localhost%s", strrchr(address, ':'));
    check(anysock_set(server, ANYSOCK_OPT_TIMEOUT, PATIENCE), "timeout");
    check(anysock_connect(server, text), text);
    check(anysock_peer_address(server, text, sizeof text), "peer");
    printf("connected %s\n", text);
    return server;
}

static void silence(anysock_t server) {
    check(anysock_set(server, ANYSOCK_OPT_TIMEOUT, 50 * ANYSOCK_MILLISECOND), "timeout");
    printf("silence %s\n", anysock_error_name(anysock_read(server, back, 1)));
    check(anysock_set(server, ANYSOCK_OPT_TIMEOUT, PATIENCE), "timeout");
}

static void say(anysock_t server) {
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i % 251);
    check(anysock_write_all(server, data, sizeof data), "write");
    check(anysock_shutdown(server, ANYSOCK_SHUT_WRITE), "shutdown");
}

/* Which of two has something to read: one to whom nobody speaks, or the server. */
static void ready(anysock_t server) {
    anysock_t idle, other;
    check(anysock_pair("tcp", &idle, &other), "pair");
    anysock_t both[] = {idle, server};
    anysock_handles set = {2, both};
    check(anysock_select(&set, NULL, NULL, PATIENCE), "select");
    printf("ready%s%s\n", anysock_handles_has(&set, idle) ? " idle" : "", anysock_handles_has(&set, server) ? " server" : "");
    anysock_close(idle);
    anysock_close(other);
}

static void hear(anysock_t server) {
    int64_t count = check(read_to_end(server, back, sizeof back), "read");
    unsigned char *end = memchr(back, '\n', (size_t)count);
    if (end == NULL)
        check(ANYSOCK_EBADMSG, "answer");
    size_t rest = (size_t)(back + count - (end + 1));
    printf("answer %.*s\n", (int)(end - back), back);
    printf("echo %zu %u\n", rest, adler32(end + 1, rest));
}

static void *blocked(void *socket) {
    char byte;
    return (void *)(intptr_t)anysock_read(*(anysock_t *)socket, &byte, 1);
}

static void cancelled(void) {
    void *result;
    do { /* once more if the thread came too late to be blocked */
        anysock_t idle, other;
        pthread_t reader;
        check(anysock_pair("tcp", &idle, &other), "pair");
        pthread_create(&reader, NULL, blocked, &idle);
        usleep(20000);
        anysock_close(idle);
        pthread_join(reader, &result);
        anysock_close(other);
    } while ((intptr_t)result == ANYSOCK_EBADF);
    printf("cancelled %s\n", anysock_error_name((intptr_t)result));
}

static void talk(const char *address, const char *nobody) {
    refused(nobody);
    anysock_t server = connected(address);
    silence(server);
    say(server);
    ready(server);
    hear(server);
    cancelled();
    anysock_close(server);
    printf("gone %s\n", anysock_error_name(anysock_read(server, back, 1)));
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "listen") == 0)
        serve(argv[2]);
    else if (argc == 4 && strcmp(argv[1], "talk") == 0)
        talk(argv[2], argv[3]);
    else
        fprintf(stderr, "usage: conversation listen ADDRESS | conversation talk ADDRESS NOBODY\n");
    return argc < 3;
}
