/*
 * queue_http_server: a small HTTP/1.1 server on one thread and one batch queue.
 *
 *     cc queue_http_server.c -lanysock -o queue_http_server
 *     ./queue_http_server [ADDRESS]             default 127.0.0.1:8080; port 0 takes a free one
 *     curl http://127.0.0.1:8080/               or any browser; Ctrl-C ends the server
 *
 * The loop has one call. What has happened on up to 128 connections comes back from it, and their answers go out with the
 * next: connections are kept, and requests may be sent in advance. `respond` is the place for answers of your own.
 *
 * What it is not: a web server for the internet. It has one page, takes no content, and has no TLS.
 */
#include <anysock.h>

#include <ctype.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 128
#define REQUEST_LIMIT 4096                 /* bytes of a request; those of a buffer */
#define ANSWER_LIMIT 256                   /* bytes of an answer */
#define SHORTEST (sizeof "GET / HTTP/1.0\r\n\r\n" - 1)
#define PATIENCE (10 * ANYSOCK_SECOND)

static const char page[] = "<!DOCTYPE html><title>anysock</title><h1>One thread, one queue</h1>\n";

struct client {
    bool is_last; /* nothing more is answered */
    size_t length;
    char request[REQUEST_LIMIT + 1]; /* what has come of one that is not complete */
};

static anysock_t queue;
static anysock_op wanted[2 * BATCH];
static size_t count;
/* The answers of one turn: the library has copied what could not go at once by the time the call returns. */
static char answers[(REQUEST_LIMIT * 2 / SHORTEST + 1) * ANSWER_LIMIT * BATCH];
static size_t used;

static void on_interrupt(int signal_number) {
    signal(signal_number, SIG_DFL); /* a second Ctrl-C ends the program whatever it does */
    anysock_queue_wake(queue);
}

static int64_t check(int64_t result, const char *what) {
    if (result < 0) {
        fprintf(stderr, "queue_http_server: %s: %s (%s)\n", what, anysock_error_message(result),
                anysock_error_name(result));
        exit(EXIT_FAILURE);
    }
    return result;
}

static anysock_op *want(int64_t op, anysock_t handle, void *token, int64_t flags) {
    anysock_op *next = &wanted[count++];
    *next = (anysock_op){.op = op, .handle = handle, .token = (int64_t)(intptr_t)token, .flags = flags};
    return next;
}

/* -- Requests and answers. ------------------------------------------------------------------------------------------ */

static bool begins_with(const char *text, const char *word) {
    while (*word && tolower((unsigned char)*text) == tolower((unsigned char)*word))
        text++, word++;
    return *word == '\0';
}

/* Whether a line of the request's head says this, with whatever after it. */
static bool says(const char *request, const char *line) {
    for (const char *at = request; (at = strstr(at, "\r\n")) != NULL; at += 2) {
        if (begins_with(at + 2, line))
            return true;
    }
    return false;
}

static void say(const char *status, const char *content, bool with_content, bool is_last) {
    used += (size_t)snprintf(answers + used, ANSWER_LIMIT,
                             "HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %zu\r\n%s\r\n%s", status,
                             strlen(content), is_last ? "Connection: close\r\n" : "", with_content ? content : "");
}

/* Answers a request, which ends with its empty line. */
static void respond(struct client *client, const char *request) {
    bool is_head = strncmp(request, "HEAD ", 5) == 0;
    bool is_old = strstr(request, " HTTP/1.0\r\n") != NULL && !says(request, "Connection: keep-alive");
    if (!is_head && strncmp(request, "GET ", 4) != 0) {
        client->is_last = true;
        say("501 Not Implemented", "", true, true);
        return;
    }
    client->is_last = is_old || says(request, "Connection: close");
    bool is_there = strncmp(strchr(request, ' '), " / ", 3) == 0;
    say(is_there ? "200 OK" : "404 Not Found", is_there ? page : "Not here.\n", !is_head, client->is_last);
}

/* Answers the requests that are complete by now. */
static void take(struct client *client, const char *data, size_t length) {
    while (length > 0 && !client->is_last) {
        size_t room = REQUEST_LIMIT - client->length, more = length < room ? length : room;
        if (more == 0) {
            client->is_last = true;
            say("431 Request Header Fields Too Large", "", true, true);
            return;
        }
        memcpy(client->request + client->length, data, more);
        client->length += more;
        client->request[client->length] = '\0';
        data += more;
        length -= more;
        char *end;
        while (!client->is_last && (end = strstr(client->request, "\r\n\r\n")) != NULL) {
            size_t whole = (size_t)(end + 4 - client->request);
            char next = client->request[whole];
            client->request[whole] = '\0';
            respond(client, client->request);
            client->request[whole] = next;
            client->length -= whole;
            memmove(client->request, client->request + whole, client->length + 1);
        }
    }
}

/* -- What has happened. --------------------------------------------------------------------------------------------- */

static void accepted(const anysock_done *done) {
    struct client *client = done->result < 0 ? NULL : calloc(1, sizeof *client);
    if (done->result < 0) { /* out of descriptors: those who wait stay queued until somebody has gone */
        want(ANYSOCK_OP_TIMER, 0, NULL, 0)->value = ANYSOCK_SECOND / 10;
    } else if (client == NULL) {
        anysock_close(done->result);
    } else {
        anysock_set(done->result, ANYSOCK_OPT_TIMEOUT, PATIENCE);
        want(ANYSOCK_OP_READ, done->result, client, ANYSOCK_QUEUE_MULTI);
    }
}

static void received(const anysock_done *done) {
    struct client *client = (struct client *)(intptr_t)done->token;
    if (done->result <= 0) {
        if (done->result != ANYSOCK_ECANCELED) /* closed already */
            want(ANYSOCK_OP_CLOSE, done->handle, client, 0);
        return;
    }
    size_t before = used;
    bool was_last = client->is_last;
    take(client, (const char *)(intptr_t)done->data, (size_t)done->result);
    want(ANYSOCK_OP_GIVE, 0, NULL, 0)->buffer = done->buffer;
    if (used > before) {
        anysock_op *op = want(ANYSOCK_OP_WRITE, done->handle, client, ANYSOCK_QUEUE_QUIET);
        op->data = (int64_t)(intptr_t)(answers + before);
        op->length = (int64_t)(used - before);
    }
    if (client->is_last && !was_last) { /* the client hears that this was all, and closes */
        anysock_op *op = want(ANYSOCK_OP_SHUTDOWN, done->handle, NULL, ANYSOCK_QUEUE_QUIET);
        op->value = ANYSOCK_SHUT_WRITE;
    }
}

int main(int argc, char **argv) {
    static anysock_done done[BATCH / 2];
    char address[128];
    int64_t happened;

    if (argc > 2) {
        fprintf(stderr, "usage: queue_http_server [ADDRESS]\n");
        return 2;
    }
    anysock_t listener = check(anysock_open("tcp"), "open");
    check(anysock_bind(listener, argc > 1 ? argv[1] : "127.0.0.1:8080"), "bind");
    check(anysock_listen(listener, 0), "listen");
    check(anysock_local_address(listener, address, sizeof address), "local address");
    queue = check(anysock_queue_open(0, REQUEST_LIMIT), "queue");
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    printf("listening on %s\n", address);
    fflush(stdout);

    want(ANYSOCK_OP_ACCEPT, listener, NULL, ANYSOCK_QUEUE_MULTI);
    /* Nothing has happened only when the queue was woken. */
    while ((happened = check(anysock_queue_run(queue, wanted, count, done, BATCH / 2, -1), "run")) > 0) {
        count = used = 0;
        for (int64_t i = 0; i < happened; i++) {
            if (done[i].op == ANYSOCK_OP_ACCEPT)
                accepted(&done[i]);
            else if (done[i].op == ANYSOCK_OP_READ)
                received(&done[i]);
            else if (done[i].op == ANYSOCK_OP_TIMER)
                want(ANYSOCK_OP_ACCEPT, listener, NULL, ANYSOCK_QUEUE_MULTI);
            else if (done[i].op == ANYSOCK_OP_WRITE) /* it has failed: it is quiet otherwise */
                want(ANYSOCK_OP_CLOSE, done[i].handle, (void *)(intptr_t)done[i].token, ANYSOCK_QUEUE_NOW);
            else if (done[i].op == ANYSOCK_OP_CLOSE && done[i].result == 0)
                free((void *)(intptr_t)done[i].token);
        }
    }
    anysock_close(queue);
    anysock_close(listener);
    return EXIT_SUCCESS;
}
