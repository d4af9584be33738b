/*
 * select_server: one thread and one select loop, which many HTTP clients talk to at once.
 *
 *     cc select_server.c -lanysock -o select_server
 *     ./select_server [ADDRESS]                 default 127.0.0.1:8080; port 0 takes a free one
 *     curl http://127.0.0.1:8080/               or any browser; Ctrl-C ends the server
 *
 * No call waits but select. A client is read from until its request is whole, then written to until its answer is
 * out; one that is slow at either has its own buffers and holds up nobody. There may be as many clients as the
 * system has descriptors: select has no limit of its own.
 *
 * What it is not: a web server. It has a single page, takes no content, and lets an idle client stay for ever.
 */
#include <anysock.h>

#include <ctype.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REQUEST_LIMIT 8192 /* bytes of a request, as far as its empty line */
#define ANSWER_LIMIT 1024

static const char page[] =
    "<!DOCTYPE html>\n"
    "<title>anysock</title>\n"
    "<h1>One thread, one select</h1>\n"
    "<p>Clients connected: %zu</p>\n"
    "<p>Requests answered: %llu</p>\n";

struct client {
    anysock_t socket;
    enum {
        READING, /* the next request */
        WRITING, /* the answer */
        DRAINING /* all is said; what still comes is thrown away until the client ends too */
    } state;
    bool last; /* the connection ends with this answer */
    size_t received;
    char request[REQUEST_LIMIT + 1]; /* always ends with NUL */
    size_t sent, length;
    char answer[ANSWER_LIMIT];
};

struct server {
    anysock_t listener;
    bool full; /* accept has failed: nobody else comes in until somebody has gone */
    unsigned long long answered;
    size_t count, capacity;
    struct client **clients;
    anysock_t *readable, *writable; /* memory for the sets of select */
};

/* A piece of the request; not NUL-terminated. */
struct word {
    const char *text;
    size_t length;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    interrupted = 1;
    signal(signal_number, SIG_DFL); /* a second Ctrl-C ends the program whatever it does */
}

static void complain(const char *what, int64_t error) {
    fprintf(stderr, "select_server: %s: %s (%s)\n", what, anysock_error_message(error), anysock_error_name(error));
}

static int64_t check(int64_t result, const char *what) {
    if (result < 0) {
        complain(what, result);
        exit(EXIT_FAILURE);
    }
    return result;
}

static void *resize(void *memory, size_t size) {
    memory = realloc(memory, size);
    check(memory ? 0 : ANYSOCK_ENOMEM, "memory");
    return memory;
}

/* -- HTTP: what a request says, and the answer to it. ------------------------------------------------------------ */

/* How long the request at the front of a text is, with its empty line; 0 if that has not come yet. */
static size_t request_length(const char *text) {
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

static bool is(struct word word, const char *text) {
    return word.length == strlen(text) && memcmp(word.text, text, word.length) == 0;
}

/* Whether a header field has a value in it. `fields` is in lower case, `name` is as "\nconnection:". */
static bool field_has(const char *fields, const char *name, const char *value) {
    const char *field = strstr(fields, name);
    const char *found = field ? strstr(field, value) : NULL;
    return found && found < field + 1 + strcspn(field + 1, "\n");
}

static bool has_content(const char *fields) {
    const char *length = strstr(fields, "\ncontent-length:");
    if (strstr(fields, "\ntransfer-encoding:"))
        return true;
    if (!length)
        return false;
    length += strlen("\ncontent-length:");
    return length[strspn(length, " \t0\r")] != '\n';
}

/* The status of a request line that can't be answered, and that the rest of the request can't mend; else NULL. */
static const char *request_line_error(struct word method, struct word target, struct word version) {
    if (method.length == 0 || target.length == 0 || version.length != strlen("HTTP/1.1"))
        return "400 Bad Request";
    if (memcmp(version.text, "HTTP/", 5) != 0 || !isdigit((unsigned char)version.text[5]))
        return "400 Bad Request";
    return memcmp(version.text, "HTTP/1.", 7) == 0 ? NULL : "505 HTTP Version Not Supported";
}

static void answer(struct server *server, struct client *client, const char *status, bool with_content) {
    const char *type = "text/plain";
    char content[ANSWER_LIMIT / 2], date[64];
    time_t now = time(NULL);
    int length;

    server->answered++;
    if (strcmp(status, "200 OK") == 0) {
        type = "text/html; charset=utf-8";
        length = snprintf(content, sizeof content, page, server->count, server->answered);
    } else {
        length = snprintf(content, sizeof content, "%s\n", status);
    }
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
    client->length = (size_t)snprintf(client->answer, sizeof client->answer,
                                      "HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n"
                                      "Cache-Control: no-store\r\nConnection: %s\r\n\r\n%s",
                                      status, date, type, length, client->last ? "close" : "keep-alive",
                                      with_content ? content : "");
    client->sent = 0;
    client->state = WRITING;
}

/* The answer to what is no request: after it, nobody knows where the next one begins. */
static bool refuse(struct server *server, struct client *client, const char *status) {
    client->last = true;
    answer(server, client, status, true);
    return true;
}

static void forget(struct client *client, size_t length) {
    client->received -= length;
    memmove(client->request, client->request + length, client->received + 1);
}

/* Answers the next request in the client's buffer, if it has come; whether there is an answer to write. */
static bool next_answer(struct server *server, struct client *client) {
    forget(client, strspn(client->request, "\r\n")); /* empty lines before a request count for nothing */

    const char *text = client->request;
    struct word method = next_word(&text), target = next_word(&text), version = {text, strcspn(text, "\r\n")};
    size_t length = request_length(client->request);
    bool line_is_whole = strchr(client->request, '\n') != NULL;
    const char *error = line_is_whole ? request_line_error(method, target, version) : NULL;

    if (error || strlen(client->request) < client->received)
        return refuse(server, client, error ? error : "400 Bad Request");
    if (length == 0 && client->received == REQUEST_LIMIT)
        return refuse(server, client, line_is_whole ? "431 Request Header Fields Too Large" : "414 URI Too Long");
    if (length == 0)
        return false;

    /* From here on the request ends with its empty line, and its fields are in lower case. */
    char *fields = strchr(client->request, '\n');
    char *end = client->request + length - 1;
    for (char *c = fields; c < end; c++)
        *c = (char)tolower((unsigned char)*c);
    *end = '\0';

    if (has_content(fields))
        return refuse(server, client, "413 Content Too Large");
    if (!is(method, "GET") && !is(method, "HEAD"))
        return refuse(server, client, "501 Not Implemented");

    bool is_page = strcspn(target.text, "? ") == 1 && *target.text == '/';
    client->last = is(version, "HTTP/1.0") ? !field_has(fields, "\nconnection:", "keep-alive")
                                           : field_has(fields, "\nconnection:", "close");
    answer(server, client, is_page ? "200 OK" : "404 Not Found", is(method, "GET"));
    forget(client, length);
    return true;
}

/* -- A client: each of these says whether it is still there. ----------------------------------------------------- */

static bool receive(struct client *client) {
    if (client->state == DRAINING)
        client->received = 0;
    int64_t count = anysock_recv(client->socket, client->request + client->received,
                                 REQUEST_LIMIT - client->received, ANYSOCK_FLAG_DONT_WAIT);
    if (count == ANYSOCK_EAGAIN)
        return true;
    if (count <= 0)
        return false;
    client->received += (size_t)count;
    client->request[client->received] = '\0';
    return true;
}

static bool transmit(struct client *client) {
    int64_t count = anysock_send(client->socket, client->answer + client->sent, client->length - client->sent,
                                 ANYSOCK_FLAG_DONT_WAIT);
    if (count == ANYSOCK_EAGAIN)
        return true;
    if (count < 0)
        return false;
    client->sent += (size_t)count;
    if (client->sent < client->length)
        return true;
    if (!client->last) {
        client->state = READING;
        return true;
    }
    /* Closing now, with bytes unread, would reset the connection, and the client might lose its answer. */
    client->state = DRAINING;
    return anysock_shutdown(client->socket, ANYSOCK_SHUT_WRITE) == 0;
}

/* Does what the client is ready for. What it has sent in advance is answered before it is read from again. */
static bool attend(struct server *server, struct client *client) {
    bool here = client->state == WRITING ? transmit(client) : receive(client);
    while (here && client->state == READING && next_answer(server, client))
        here = transmit(client);
    return here;
}

/* -- The server. ------------------------------------------------------------------------------------------------- */

static void add_client(struct server *server, anysock_t socket) {
    if (server->count == server->capacity) {
        server->capacity = server->capacity ? 2 * server->capacity : 16;
        server->clients = resize(server->clients, server->capacity * sizeof *server->clients);
        server->readable = resize(server->readable, (server->capacity + 1) * sizeof *server->readable);
        server->writable = resize(server->writable, server->capacity * sizeof *server->writable);
    }
    struct client *client = resize(NULL, sizeof *client);
    client->socket = socket;
    client->state = READING;
    client->received = 0;
    server->clients[server->count++] = client;
}

static void remove_client(struct server *server, size_t place) {
    struct client **client = server->clients + place;
    anysock_close((*client)->socket);
    free(*client);
    server->count--;
    memmove(client, client + 1, (server->count - place) * sizeof *client);
    server->full = false;
}

static void accept_clients(struct server *server) {
    anysock_t socket;
    while ((socket = anysock_accept(server->listener)) > 0)
        add_client(server, socket);
    if (socket == ANYSOCK_EAGAIN)
        return;
    /* Most likely descriptors have run out. The connection stays in the queue, and asking again at once is in vain. */
    complain("accept", socket);
    if (server->count == 0)
        exit(EXIT_FAILURE);
    server->full = true;
}

static void add(anysock_handles *set, anysock_t handle) {
    set->handles[set->count++] = handle;
}

/* Whether a handle is the next of those that are ready. select keeps their order: one walk meets them all. */
static bool is_next(anysock_handles *ready, anysock_t handle) {
    if (ready->count == 0 || *ready->handles != handle)
        return false;
    ready->handles++;
    ready->count--;
    return true;
}

/* Waits until somebody is ready, and serves everybody who is. */
static void serve(struct server *server) {
    anysock_handles readable = {0, server->readable}, writable = {0, server->writable};
    if (!server->full)
        add(&readable, server->listener);
    for (size_t i = 0; i < server->count; i++) {
        struct client *client = server->clients[i];
        add(client->state == WRITING ? &writable : &readable, client->socket);
    }

    int64_t ready = anysock_select(&readable, &writable, NULL, -1);
    if (ready == ANYSOCK_EINTR)
        return;
    check(ready, "select");

    bool newcomers = is_next(&readable, server->listener);
    for (size_t i = 0; i < server->count;) {
        struct client *client = server->clients[i];
        bool is_ready = is_next(&readable, client->socket) || is_next(&writable, client->socket);
        if (is_ready && !attend(server, client))
            remove_client(server, i);
        else
            i++;
    }
    if (newcomers)
        accept_clients(server);
}

int main(int argc, char **argv) {
    const char *address = argc > 1 ? argv[1] : "127.0.0.1:8080";
    struct server server = {0};
    char text[128];

    if (argc > 2) {
        fprintf(stderr, "usage: select_server [ADDRESS]\n");
        return 2;
    }
    server.readable = resize(NULL, sizeof *server.readable);
    server.listener = check(anysock_open("tcp"), "open");
    check(anysock_bind(server.listener, address), address);
    check(anysock_listen(server.listener, 0), "listen");
    check(anysock_set(server.listener, ANYSOCK_OPT_ACCEPT_TIMEOUT, 0), "accept_timeout");
    check(anysock_set(server.listener, ANYSOCK_OPT_INTERRUPTIBLE, 1), "interruptible"); /* Ctrl-C ends select */
    check(anysock_local_address(server.listener, text, sizeof text), "local address");
    printf("listening on http://%s/\n", text);
    fflush(stdout);

    signal(SIGINT, on_interrupt);
    while (!interrupted)
        serve(&server);

    while (server.count > 0)
        remove_client(&server, server.count - 1);
    anysock_close(server.listener);
    free(server.clients);
    free(server.readable);
    free(server.writable);
    return EXIT_SUCCESS;
}
