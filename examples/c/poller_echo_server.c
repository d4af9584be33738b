/*
 * poller_echo_server: one thread and one poller, which send back whatever their many clients say.
 *
 *     cc poller_echo_server.c -lanysock -o poller_echo_server
 *     ./poller_echo_server [ADDRESS]            default 127.0.0.1:7000; port 0 takes a free one
 *     ./echo_client 127.0.0.1:7000 hello        Ctrl-C ends the server
 *
 * A client is registered once, and each wait costs what is ready: those who say nothing cost only their memory. No call
 * waits but the poller's. A client that does not take its echo is not read from until it does, and holds up nobody.
 *
 * What it is not: a protocol. The skeleton of a server that has one is the same; http_server.c puts it to use.
 */
#include <anysock.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 256 /* clients that one wait may report */

struct client {
    anysock_t socket;
    int32_t watched; /* what the poller watches it for: ANYSOCK_EVENT_READ, or ANYSOCK_EVENT_WRITE while an echo is not out */
    struct client *previous, *next;
    size_t sent, received; /* bytes of `data`; both 0 when the echo is out */
    char data[4096];
};

struct server {
    anysock_t poller, listener;
    bool full; /* accept has failed: nobody else comes in until somebody has gone */
    struct client *clients;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    interrupted = 1;
    signal(signal_number, SIG_DFL); /* a second Ctrl-C ends the program whatever it does */
}

static void complain(const char *what, int64_t error) {
    fprintf(stderr, "poller_echo_server: %s: %s (%s)\n", what, anysock_error_message(error),
            anysock_error_name(error));
}

static int64_t check(int64_t result, const char *what) {
    if (result < 0) {
        complain(what, result);
        exit(EXIT_FAILURE);
    }
    return result;
}

/* -- A client: each of these says whether it is still there. ----------------------------------------------------- */

/* At the end of the stream nothing is left to send: it is read from only when its echo is out. */
static bool receive(struct client *client) {
    int64_t count = anysock_read(client->socket, client->data, sizeof client->data);
    if (count == ANYSOCK_EAGAIN)
        return true;
    if (count <= 0)
        return false;
    client->received = (size_t)count;
    return true;
}

static bool transmit(struct client *client) {
    int64_t count = anysock_write(client->socket, client->data + client->sent, client->received - client->sent);
    if (count == ANYSOCK_EAGAIN)
        return true;
    if (count < 0)
        return false;
    client->sent += (size_t)count;
    if (client->sent == client->received)
        client->sent = client->received = 0;
    return true;
}

/* The token is the client itself, so that no answer of the poller has to be looked up. */
static bool watch(struct server *server, struct client *client, int32_t events) {
    if (client->watched == events)
        return true;
    client->watched = events;
    return anysock_poller_set(server->poller, client->socket, events, (int64_t)(intptr_t)client) == 0;
}

/* Does what the client is ready for. What it sends meanwhile is reported by the next wait. */
static bool attend(struct server *server, struct client *client) {
    if (client->received == 0 && !receive(client))
        return false;
    if (client->received > 0 && !transmit(client))
        return false;
    return watch(server, client, client->received > 0 ? ANYSOCK_EVENT_WRITE : ANYSOCK_EVENT_READ);
}

/* -- The server. ------------------------------------------------------------------------------------------------- */

static void watch_listener(struct server *server, int32_t events) {
    check(anysock_poller_set(server->poller, server->listener, events, 0), "poller_set");
    server->full = events == 0;
}

static void remove_client(struct server *server, struct client *client) {
    anysock_close(client->socket); /* which takes it out of the poller too */
    if (client->next)
        client->next->previous = client->previous;
    *(client->previous ? &client->previous->next : &server->clients) = client->next;
    free(client);
    if (server->full)
        watch_listener(server, ANYSOCK_EVENT_READ);
}

static void add_client(struct server *server, anysock_t socket) {
    struct client *client = calloc(1, sizeof *client);
    if (!client) {
        complain("memory", ANYSOCK_ENOMEM);
        anysock_close(socket);
        return;
    }
    client->socket = socket;
    client->next = server->clients;
    if (client->next)
        client->next->previous = client;
    server->clients = client;
    if (anysock_set(socket, ANYSOCK_OPT_TIMEOUT, 0) < 0 || !watch(server, client, ANYSOCK_EVENT_READ))
        remove_client(server, client);
}

static void accept_clients(struct server *server) {
    anysock_t socket;
    while ((socket = anysock_accept(server->listener)) > 0)
        add_client(server, socket);
    if (socket == ANYSOCK_EAGAIN)
        return;
    /* Most likely descriptors have run out. The connection stays in the queue, and asking again at once is in vain. */
    complain("accept", socket);
    if (!server->clients)
        exit(EXIT_FAILURE);
    watch_listener(server, 0);
}

/* Waits until somebody is ready, and serves everybody who is. */
static void serve(struct server *server) {
    anysock_event events[BATCH];

    /* A signal ends the wait. The second is for one that comes just before it. */
    int64_t count = anysock_poller_wait(server->poller, events, BATCH, ANYSOCK_SECOND);
    if (count == ANYSOCK_EINTR)
        return;
    check(count, "poller_wait");

    /* Each answer is another client's, so that none of those still to come has been removed. */
    for (int64_t i = 0; i < count; i++) {
        struct client *client = (struct client *)(intptr_t)events[i].token;
        if (!client)
            accept_clients(server);
        else if (!attend(server, client))
            remove_client(server, client);
    }
}

int main(int argc, char **argv) {
    const char *address = argc > 1 ? argv[1] : "127.0.0.1:7000";
    struct server server = {0};
    char text[128];

    if (argc > 2) {
        fprintf(stderr, "usage: poller_echo_server [ADDRESS]\n");
        return 2;
    }
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);

    server.listener = check(anysock_open("tcp"), "open");
    check(anysock_bind(server.listener, address), address);
    check(anysock_listen(server.listener, 0), "listen");
    check(anysock_set(server.listener, ANYSOCK_OPT_ACCEPT_TIMEOUT, 0), "accept_timeout");
    server.poller = check(anysock_poller_open(), "poller");
    check(anysock_set(server.poller, ANYSOCK_OPT_INTERRUPTIBLE, 1), "interruptible");
    watch_listener(&server, ANYSOCK_EVENT_READ);
    check(anysock_local_address(server.listener, text, sizeof text), "local address");
    printf("listening on %s\n", text);
    fflush(stdout);

    while (!interrupted)
        serve(&server);

    while (server.clients)
        remove_client(&server, server.clients);
    anysock_close(server.listener);
    anysock_close(server.poller);
    return EXIT_SUCCESS;
}
