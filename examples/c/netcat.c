/*
 * netcat: standard input goes to a socket, what comes from the socket goes to standard output.
 *
 *     cc netcat.c -lanysock -o netcat
 *     ./netcat 127.0.0.1 8080                   a client; `netcat example.org http` and `netcat [::1]:8080` do as well
 *     ./netcat -l 9000                          a server for one client, on every interface; `-l 127.0.0.1:9000` on one
 *     ./netcat -u 127.0.0.1 9000                datagrams; with -l, those of whoever sends the first
 *     ./netcat -U /tmp/socket                   a unix socket; with -l too
 *     -w SECONDS                                the longest wait for the connection, and the longest silence after that
 *     -v                                        says what happens
 *
 * The end of the input ends this side's half of the connection; it goes on reading until the peer has finished as well.
 * Datagrams have no end: -w or Ctrl-C. The result is 0 after a conversation, 1 after an error, 2 for wrong arguments.
 *
 * Input and socket are waited for in one select: on Unix a pipe or a terminal can be adopted as a handle. A file can't,
 * and never needs to be waited for.
 *
 * What it is not: a port scanner, or a telnet. And on Windows, where input can't be waited for, it reads a line at a
 * time and shows answers in between.
 */
#include <anysock.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What can't be adopted is a file on Unix. On Windows it may be a console, whose user waits for an answer to each line. */
#ifdef _WIN32
#define PAUSE '\n'
#else
#define PAUSE EOF
#endif

static const char *kind = "tcp";
static bool is_listener, is_verbose;
static int64_t patience = -1;

/* Where standard input stands: a handle to select, a file to read, or at its end. */
static anysock_t input;
static bool input_is_file, input_has_ended;

/* What was read from the input and not yet sent. */
static char unsent[16384];
static size_t unsent_start, unsent_length;

static int64_t check(int64_t result, const char *what) {
    if (result < 0) {
        fprintf(stderr, "netcat: %s: %s (%s)\n", what, anysock_error_message(result), anysock_error_name(result));
        exit(EXIT_FAILURE);
    }
    return result;
}

static void say(const char *what, const char *about) {
    if (is_verbose)
        fprintf(stderr, "netcat: %s%s\n", what, about);
}

static bool is_datagram(void) {
    return strcmp(kind, "udp") == 0;
}

/* -- The connection. --------------------------------------------------------------------------------------------- */

static anysock_t connect_to(const char *address) {
    anysock_t peer = check(anysock_open(kind), kind);
    check(anysock_set(peer, ANYSOCK_OPT_CONNECT_TIMEOUT, patience), "timeout");
    check(anysock_connect(peer, address), address);
    say("connected to ", address);
    return peer;
}

/* The first datagram, which is not read yet, says who the peer is. */
static anysock_t await_datagram(anysock_t h) {
    char sender[128], first;
    check(anysock_set(h, ANYSOCK_OPT_READ_TIMEOUT, patience), "timeout");
    check(anysock_recv_from(h, &first, 1, ANYSOCK_FLAG_PEEK, sender, sizeof sender), "receive");
    check(anysock_connect(h, sender), sender);
    say("datagram from ", sender);
    return h;
}

static anysock_t await_connection(anysock_t listener, const char *address) {
    char text[128];
    check(anysock_set(listener, ANYSOCK_OPT_ACCEPT_TIMEOUT, patience), "timeout");
    anysock_t peer = check(anysock_accept(listener), "accept");
    anysock_close(listener);
    if (strcmp(kind, "unix") == 0)
        remove(address);
    check(anysock_peer_address(peer, text, sizeof text), "peer address");
    say("connection from ", *text ? text : address);
    return peer;
}

static anysock_t listen_on(const char *address) {
    char text[128];
    anysock_t h = check(anysock_open(kind), kind);
    check(anysock_bind(h, address), address);
    if (!is_datagram())
        check(anysock_listen(h, 1), "listen");
    check(anysock_local_address(h, text, sizeof text), "local address");
    say("listening on ", text);
    return is_datagram() ? await_datagram(h) : await_connection(h, address);
}

/* -- The conversation. ------------------------------------------------------------------------------------------- */

static void open_input(void) {
    int64_t adopted = anysock_adopt(0);
    if (adopted == ANYSOCK_ENOTSOCK)
        input_is_file = true;
    else if (adopted == ANYSOCK_EBADF)
        input_has_ended = true; /* started with its input closed */
    else
        input = check(adopted, "standard input");
}

/* As much as there is room for, or up to a pause. */
static int64_t read_file(void) {
    size_t length = 0;
    for (int c = 0; c != PAUSE && length < sizeof unsent && (c = getchar()) != EOF;)
        unsent[length++] = (char)c;
    return (int64_t)length;
}

/* The end of the input is the end of this side's half. */
static void end_input(anysock_t peer) {
    input_has_ended = true;
    if (!is_datagram())
        check(anysock_shutdown(peer, ANYSOCK_SHUT_WRITE), "shutdown");
}

static void take_input(anysock_t peer) {
    int64_t length = input_is_file ? read_file() : check(anysock_read(input, unsent, sizeof unsent), "standard input");
    if (length == 0)
        end_input(peer);
    unsent_start = 0;
    unsent_length = (size_t)length;
}

static void send_unsent(anysock_t peer) {
    int64_t sent = anysock_send(peer, unsent + unsent_start, unsent_length, ANYSOCK_FLAG_DONT_WAIT);
    if (sent == ANYSOCK_EAGAIN)
        return;
    unsent_start += (size_t)check(sent, "write");
    unsent_length -= (size_t)sent;
}

/* Shows what the peer has said; whether it may say more. */
static bool show(anysock_t peer) {
    char data[65536]; /* no datagram is longer */
    int64_t length = anysock_recv(peer, data, sizeof data, ANYSOCK_FLAG_DONT_WAIT);
    if (length == ANYSOCK_EAGAIN)
        return true;
    check(length, "read");
    if (fwrite(data, 1, (size_t)length, stdout) != (size_t)length || fflush(stdout) != 0) {
        perror("netcat: standard output");
        exit(EXIT_FAILURE);
    }
    return length > 0 || is_datagram();
}

static void add(anysock_handles *set, anysock_t handle) {
    set->handles[set->count++] = handle;
}

/* Goes on until both sides have finished, or nobody has said anything for too long. */
static void converse(anysock_t peer) {
    bool peer_has_finished = false;
    if (input_has_ended)
        end_input(peer);
    while (!peer_has_finished || !input_has_ended || unsent_length > 0) {
        anysock_t readable_memory[2], writable_memory[1];
        anysock_handles readable = {0, readable_memory}, writable = {0, writable_memory};
        bool wants_input = !input_has_ended && unsent_length == 0;

        if (wants_input && input_is_file) {
            take_input(peer);
            wants_input = false;
        }
        if (wants_input)
            add(&readable, input);
        if (!peer_has_finished)
            add(&readable, peer);
        if (unsent_length > 0)
            add(&writable, peer);
        if (readable.count + writable.count == 0)
            continue; /* the file has just ended, and the peer had finished before */

        if (check(anysock_select(&readable, &writable, NULL, patience), "select") == 0) {
            say("nobody has said anything for too long", "");
            return;
        }
        if (anysock_handles_has(&readable, peer))
            peer_has_finished = !show(peer);
        if (anysock_handles_has(&writable, peer))
            send_unsent(peer);
        if (wants_input && anysock_handles_has(&readable, input))
            take_input(peer);
    }
    say("both sides have finished", "");
}

/* -- The command line. ------------------------------------------------------------------------------------------- */

static void usage(void) {
    fprintf(stderr, "usage: netcat [-uUv] [-w SECONDS] HOST PORT | ADDRESS\n"
                    "       netcat -l [-uUv] [-w SECONDS] PORT | ADDRESS\n");
    exit(2);
}

static int64_t seconds(const char *text) {
    char *end;
    double value = strtod(text ? text : "", &end);
    if (!text || end == text || *end || !(value > 0 && value < 1e9))
        usage();
    return (int64_t)(value * ANYSOCK_SECOND);
}

/* Takes in the options; how many arguments they were. `-lvw5` is `-l -v -w 5`. */
static int read_options(char **argv) {
    int used = 1;
    for (; argv[used] && argv[used][0] == '-' && argv[used][1]; used++) {
        for (const char *letter = argv[used] + 1; *letter; letter++) {
            switch (*letter) {
            case 'l': is_listener = true; break;
            case 'u': kind = "udp"; break;
            case 'U': kind = "unix"; break;
            case 'v': is_verbose = true; break;
            case 'w':
                patience = seconds(letter[1] ? letter + 1 : argv[++used]);
                letter = " "; /* the rest of the word was the number */
                break;
            default: usage();
            }
        }
    }
    return used;
}

/* The address as anysock writes it: `host:port`, `[::1]:port`, or a path. */
static const char *read_address(int count, char **words) {
    static char address[1024];
    bool is_port = strcmp(kind, "unix") != 0 && count == 1 && !strchr(words[0], ':');

    if (count < 1 || count > 2)
        usage();
    if (count == 2)
        snprintf(address, sizeof address, strchr(words[0], ':') ? "[%s]:%s" : "%s:%s", words[0], words[1]);
    else /* a port alone is every interface to a listener, and this machine to a client */
        snprintf(address, sizeof address, is_port ? ":%s" : "%s", words[0]);
    return address;
}

int main(int argc, char **argv) {
    int used = read_options(argv);
    const char *address = read_address(argc - used, argv + used);
    open_input(); /* before there is a socket: it would get the input's number if that is free */
    anysock_t peer = is_listener ? listen_on(address) : connect_to(address);
    converse(peer);
    anysock_close(peer);
    if (input > 0)
        anysock_release(input);
    return EXIT_SUCCESS;
}
