/*
 * http_server: a small HTTP/1.1 server on one thread and one poller.
 *
 *     cc http_server.c -lanysock -o http_server
 *     ./http_server [ADDRESS [FILE]]            default 127.0.0.1:8080 and a page of its own; port 0 takes a free one
 *     curl http://127.0.0.1:8080/               or any browser; Ctrl-C ends the server
 *     curl -d 'some text' http://127.0.0.1:8080/
 *
 * `respond` is the place for answers of your own. Connections are kept, requests may be sent in advance, and their heads
 * are limited; content is counted and thrown away as it comes. A client is read from until its request is whole, then
 * written to until its answer is out: one that is slow at either holds up nobody, and one that says nothing costs only
 * its memory. No call waits but the poller's.
 *
 * What it is not: a web server for the internet. It knows one path, has no TLS, and lets an idle client stay for ever.
 */
#include <anysock.h>

#include <ctype.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 256                /* clients that one wait may report */
#define REQUEST_LIMIT 8192       /* bytes of a request, as far as its empty line */
#define CONTENT_LIMIT 1000000000 /* bytes of what comes after it */

static const char page[] =
    "<!DOCTYPE html>\n"
    "<title>anysock</title>\n"
    "<h1>One thread, one poller</h1>\n";

/* A piece of the request; not NUL-terminated. */
struct word {
    const char *text;
    size_t length;
};

struct answer {
    const char *status, *type;
    const char *content; /* stays where it is until it has been written; NULL for a line that says how it went */
    size_t length;
    bool without_content; /* its length is told all the same */
};

struct client {
    anysock_t socket;
    int32_t watched; /* what the poller watches it for: ANYSOCK_EVENT_READ, or ANYSOCK_EVENT_WRITE while an answer is not out */
    struct client *previous, *next;
    enum {
        HEAD,    /* what comes is a request as far as its empty line */
        CONTENT, /* its content, before it is answered */
        NOTHING  /* all is said; what still comes is thrown away until the client ends too */
    } expected;
    bool last;                    /* the connection ends with this answer */
    long long content, remaining; /* bytes of the request's content, in all and still to come */
    struct answer answer;
    anysock_buffer unsent[2]; /* of the answer: its head, its content */
    char head[512];
    size_t received;
    char request[REQUEST_LIMIT + 1]; /* always ends with NUL */
};

struct server {
    anysock_t poller, listener;
    bool full; /* accept has failed: nobody else comes in until somebody has gone */
    struct client *clients;
    struct answer page;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    interrupted = 1;
    signal(signal_number, SIG_DFL); /* a second Ctrl-C ends the program whatever it does */
}

static void complain(const char *what, int64_t error) {
    fprintf(stderr, "http_server: %s: %s (%s)\n", what, anysock_error_message(error), anysock_error_name(error));
}

static int64_t check(int64_t result, const char *what) {
    if (result < 0) {
        complain(what, result);
        exit(EXIT_FAILURE);
    }
    return result;
}

/* -- What is answered. ------------------------------------------------------------------------------------------- */

static bool is(struct word word, const char *text) {
    return word.length == strlen(text) && memcmp(word.text, text, word.length) == 0;
}

static struct answer brief(const char *status) {
    return (struct answer){status, "text/plain", NULL, 0, false};
}

/* Chosen when the head of the request is there; given when its content has come too. */
static struct answer respond(const struct server *server, struct word method, struct word target) {
    bool is_page = strcspn(target.text, "? ") == 1 && *target.text == '/';
    struct answer answer = is_page ? server->page : brief("404 Not Found");

    if (is(method, "GET"))
        return answer;
    if (is(method, "POST"))
        return is_page ? brief("200 OK") : answer;
    if (!is(method, "HEAD"))
        return brief("501 Not Implemented");
    answer.without_content = true;
    return answer;
}

/* -- HTTP: what a request says. ---------------------------------------------------------------------------------- */

/* How long the head at the front of a text is, with its empty line; 0 if that has not come yet. */
static size_t head_length(const char *text) {
    const char *end;
    for (const char *line = text; (end = strchr(line, '\n')) != NULL; line = end + 1)
        if (line + strspn(line, "\r") == end)
            return (size_t)(end + 1 - text);
    return 0;
}

static struct word next_word(const char **text) {
    struct word word = {*text, strcspn(*text, " \r\n")};
    *text += word.length + (word.text[word.length] == ' ');
    return word;
}

/* The value of a header field, NULL if there is none. `fields` is in lower case, `name` is as "\nconnection:". */
static const char *field(const char *fields, const char *name) {
    const char *found = strstr(fields, name);
    return found ? found + strlen(name) : NULL;
}

static bool field_has(const char *fields, const char *name, const char *value) {
    const char *text = field(fields, name);
    const char *found = text ? strstr(text, value) : NULL;
    return found && found < text + strcspn(text, "\n");
}

/* A space before the colon, or a line that goes on in the next, is understood by each server in its own way. */
static bool fields_are_clear(const char *fields) {
    for (const char *line = fields; line; line = strchr(line + 1, '\n')) {
        size_t name = strcspn(line + 1, ": \t\r\n");
        if (line[1] != '\0' && (name == 0 || line[1 + name] != ':'))
            return false;
    }
    return true;
}

/* How much content comes after the head; -1 if that is not said clearly. */
static long long content_length(const char *fields) {
    const char *text = field(fields, "\ncontent-length:");
    if (!text)
        return 0;
    text += strspn(text, " \t");
    size_t digits = strspn(text, "0123456789");
    bool alone = text[digits + strspn(text + digits, " \t\r")] == '\n' && !field(text, "\ncontent-length:");
    return digits > 0 && digits < 18 && alone ? atoll(text) : -1;
}

/* The status of a request line that can't be answered, and that the rest of the request can't mend; else NULL. */
static const char *request_line_error(struct word method, struct word target, struct word version) {
    if (method.length == 0 || target.length == 0 || version.length != strlen("HTTP/1.1"))
        return "400 Bad Request";
    if (memcmp(version.text, "HTTP/", 5) != 0 || !isdigit((unsigned char)version.text[5]))
        return "400 Bad Request";
    return memcmp(version.text, "HTTP/1.", 7) == 0 ? NULL : "505 HTTP Version Not Supported";
}

/* The status of fields that leave in doubt what the request is or where it ends; else NULL. */
static const char *fields_error(const char *fields, bool needs_host) {
    if (!fields_are_clear(fields) || content_length(fields) < 0 || (needs_host && !field(fields, "\nhost:")))
        return "400 Bad Request";
    if (field(fields, "\ntransfer-encoding:"))
        return "411 Length Required";
    return content_length(fields) > CONTENT_LIMIT ? "413 Content Too Large" : NULL;
}

/* -- The next request: each of these says whether there is something to write now. -------------------------------- */

static bool say(struct client *client) {
    const struct answer *answer = &client->answer;
    char line[128], date[64];
    time_t now = time(NULL);

    snprintf(line, sizeof line, "%s, %lld bytes received\n", answer->status, client->content);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
    int length = snprintf(client->head, sizeof client->head,
                          "HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                          "Connection: %s\r\n\r\n%s",
                          answer->status, date, answer->type, answer->content ? answer->length : strlen(line),
                          client->last ? "close" : "keep-alive",
                          answer->content || answer->without_content ? "" : line);
    client->unsent[0] = (anysock_buffer){client->head, (size_t)length};
    client->unsent[1] = (anysock_buffer){(void *)answer->content, answer->without_content ? 0 : answer->length};
    client->expected = client->last ? NOTHING : HEAD;
    return true;
}

/* The answer to what is no request: after it, nobody knows where the next one begins. */
static bool refuse(struct client *client, const char *status) {
    client->last = true;
    client->content = 0;
    client->answer = brief(status);
    return say(client);
}

static void forget(struct client *client, size_t length) {
    client->received -= length;
    memmove(client->request, client->request + length, client->received + 1);
}

static bool take_content(struct client *client) {
    size_t there = client->received;
    if ((long long)there > client->remaining)
        there = (size_t)client->remaining;
    client->remaining -= (long long)there;
    forget(client, there);
    return client->remaining == 0 && say(client);
}

/* A client that has asked whether it may send its content is told so, unless it has begun already. */
static bool invite(struct client *client) {
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (client->received > 0)
        return take_content(client);
    client->unsent[0] = (anysock_buffer){(void *)go_on, strlen(go_on)};
    return true;
}

static bool take_head(const struct server *server, struct client *client) {
    forget(client, strspn(client->request, "\r\n")); /* empty lines before a request count for nothing */

    const char *text = client->request;
    struct word method = next_word(&text), target = next_word(&text), version = {text, strcspn(text, "\r\n")};
    size_t length = head_length(client->request);
    bool line_is_whole = strchr(client->request, '\n') != NULL;
    const char *error = line_is_whole ? request_line_error(method, target, version) : NULL;

    if (error)
        return refuse(client, error);
    if (length == 0 && strlen(client->request) < client->received)
        return refuse(client, "400 Bad Request");
    if (length == 0 && client->received == REQUEST_LIMIT)
        return refuse(client, line_is_whole ? "431 Request Header Fields Too Large" : "414 URI Too Long");
    if (length == 0)
        return false;

    /* From here on the head ends with its empty line, and its fields are in lower case. */
    char *fields = strchr(client->request, '\n');
    char *end = client->request + length - (client->request[length - 2] == '\r' ? 2 : 1);
    for (char *c = fields; c < end; c++)
        *c = (char)tolower((unsigned char)*c);
    *end = '\0';

    bool is_old = is(version, "HTTP/1.0");
    error = fields_error(fields, !is_old);
    if (error)
        return refuse(client, error);

    bool asks = field_has(fields, "\nexpect:", "100-continue") && !is_old;
    client->last = is_old ? !field_has(fields, "\nconnection:", "keep-alive")
                          : field_has(fields, "\nconnection:", "close");
    client->content = client->remaining = content_length(fields);
    client->answer = respond(server, method, target);
    client->expected = CONTENT;
    forget(client, length);
    return asks && client->remaining > 0 ? invite(client) : take_content(client);
}

static bool next_answer(const struct server *server, struct client *client) {
    if (client->expected == HEAD)
        return take_head(server, client);
    if (client->expected == CONTENT)
        return take_content(client);
    client->received = 0;
    return false;
}

/* -- A client: each of these says whether it is still there. ----------------------------------------------------- */

static bool has_unsent(const struct client *client) {
    return client->unsent[0].length + client->unsent[1].length > 0;
}

static bool receive(struct client *client) {
    int64_t count = anysock_read(client->socket, client->request + client->received, REQUEST_LIMIT - client->received);
    if (count == ANYSOCK_EAGAIN)
        return true;
    if (count <= 0)
        return false;
    client->received += (size_t)count;
    client->request[client->received] = '\0';
    return true;
}

static bool transmit(struct client *client) {
    int64_t count = anysock_writev(client->socket, client->unsent, 2);
    if (count == ANYSOCK_EAGAIN)
        return true;
    if (count < 0)
        return false;
    size_t sent = (size_t)count;
    for (anysock_buffer *piece = client->unsent; piece < client->unsent + 2; piece++) {
        size_t part = sent < piece->length ? sent : piece->length;
        piece->data = (char *)piece->data + part;
        piece->length -= part;
        sent -= part;
    }
    if (has_unsent(client) || client->expected != NOTHING)
        return true;
    /* Closing now, with bytes unread, would reset the connection, and the client might lose its answer. */
    return anysock_shutdown(client->socket, ANYSOCK_SHUT_WRITE) == 0;
}

/* The token is the client itself, so that no answer of the poller has to be looked up. */
static bool watch(struct server *server, struct client *client, int32_t events) {
    if (client->watched == events)
        return true;
    client->watched = events;
    return anysock_poller_set(server->poller, client->socket, events, (int64_t)(intptr_t)client) == 0;
}

/* Does what the client is ready for. What it has sent in advance is answered before it is read from again. */
static bool attend(struct server *server, struct client *client) {
    bool here = has_unsent(client) ? transmit(client) : receive(client);
    while (here && !has_unsent(client) && next_answer(server, client))
        here = transmit(client);
    return here && watch(server, client, has_unsent(client) ? ANYSOCK_EVENT_WRITE : ANYSOCK_EVENT_READ);
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

static void open_server(struct server *server, const char *address) {
    server->listener = check(anysock_open("tcp"), "open");
    check(anysock_bind(server->listener, address), address);
    check(anysock_listen(server->listener, 0), "listen");
    check(anysock_set(server->listener, ANYSOCK_OPT_ACCEPT_TIMEOUT, 0), "accept_timeout");
    server->poller = check(anysock_poller_open(), "poller");
    check(anysock_set(server->poller, ANYSOCK_OPT_INTERRUPTIBLE, 1), "interruptible");
    watch_listener(server, ANYSOCK_EVENT_READ);
}

static void close_server(struct server *server) {
    while (server->clients)
        remove_client(server, server->clients);
    anysock_close(server->listener);
    anysock_close(server->poller);
}

/* A file as a page; all of it is held in memory. */
static struct answer load(const char *path) {
    const char *suffix = strrchr(path, '.');
    bool is_html = suffix && strcmp(suffix, ".html") == 0;
    const char *type = is_html ? "text/html; charset=utf-8" : "application/octet-stream";
    struct answer answer = {"200 OK", type, NULL, 0, false};
    char *content = NULL;
    size_t capacity = 0, count;
    FILE *file = fopen(path, "rb");

    check(file ? 0 : ANYSOCK_ENOENT, path);
    do {
        if (answer.length == capacity)
            content = realloc(content, capacity = 2 * capacity + 65536);
        check(content ? 0 : ANYSOCK_ENOMEM, path);
        count = fread(content + answer.length, 1, capacity - answer.length, file);
        answer.length += count;
    } while (count > 0);
    check(ferror(file) ? ANYSOCK_EIO : 0, path);
    fclose(file);
    answer.content = content;
    return answer;
}

int main(int argc, char **argv) {
    struct server server = {.page = {"200 OK", "text/html; charset=utf-8", page, sizeof page - 1, false}};
    char text[128];

    if (argc > 3) {
        fprintf(stderr, "usage: http_server [ADDRESS [FILE]]\n");
        return 2;
    }
    if (argc > 2)
        server.page = load(argv[2]);
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);

    open_server(&server, argc > 1 ? argv[1] : "127.0.0.1:8080");
    check(anysock_local_address(server.listener, text, sizeof text), "local address");
    printf("listening on http://%s/\n", text);
    fflush(stdout);

    while (!interrupted)
        serve(&server);
    close_server(&server);
    return EXIT_SUCCESS;
}
