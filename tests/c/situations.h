/*
 * What memory.c tries while there is no memory, and the campaign while system calls are refused: every function of the header,
 * in the situations in which it needs something of the kernel. Each is a call that is prepared while all is well, and can be made
 * again after it has failed. Not here: how something fails, and what must hold.
 */
#ifndef SITUATIONS_H
#define SITUATIONS_H

#include "check.h"

enum { MOST_HANDLES = 700, BUFFER = 1 << 16, MOST_EVENTS = 4096, MOST_OPS = 160 };

/* What a situation has; its end closes all of it. No memory of threads: what a library that was loaded has of that is allocated
 * when it is used. */
struct world {
    anysock_t one, other, listener, poller, queue, many[MOST_HANDLES];
    int count, files[2];
    char text[ADDRESS];
    anysock_address flat;
    char buffer[BUFFER];
    anysock_t members[MOST_HANDLES];
    anysock_event events[MOST_EVENTS];
    anysock_op ops[MOST_OPS];
    anysock_done done[MOST_OPS];
};

struct situation {
    const char *name;
    void (*prepare)(struct world *);
    int64_t (*act)(struct world *);
    /* It is about the whole process, so that nobody else does anything meanwhile. */
    bool is_alone;
};

#define W struct world *w __attribute__((unused))
#define SETUP(name) static void name(W)
#define ACT(name, expression) \
    static int64_t name(W) { \
        return (expression); \
    }

static void nothing(W) {
}

/* A handle that the world closes. 0, or the error. */
static int64_t keep(struct world *w, int64_t handle) {
    if (handle < 0) {
        return handle;
    }
    CHECK(w->count < MOST_HANDLES);
    w->many[w->count++] = handle;
    return 0;
}

/* 0 for an answer that is another one each time. */
static int64_t error_of(int64_t result) {
    return result < 0 ? result : 0;
}

static void end_world(struct world *w) {
    const anysock_t handles[] = {w->queue, w->poller, w->listener, w->one, w->other};
    for (size_t place = 0; place < COUNT(handles); place++) {
        if (handles[place] != 0) {
            OK(anysock_close(handles[place]));
        }
    }
    while (w->count > 0) {
        OK(anysock_close(w->many[--w->count]));
    }
    for (size_t place = 0; place < COUNT(w->files); place++) {
        if (w->files[place] > 0) {
            close(w->files[place]);
        }
    }
}

/* ------------------------------------------------------------- the library */

ACT(versions, anysock_version() == NULL || anysock_abi_version() < 0)
ACT(has, anysock_has("tcp.fastopen"))
ACT(error_texts, anysock_error_name(-20123) == NULL || anysock_error_message(-20777) == NULL || anysock_error_name(-31) == NULL)

static int64_t an_error_of_the_system(W) {
    int64_t result = anysock_open_raw(AF_INET, SOCK_STREAM, 250);
    /* The number is for logs; without memory there may be none. */
    int64_t number = anysock_last_os_error();
    return result == ANYSOCK_ENOMEM || number == 0 || number == -result ? result : -1;
}

/* ------------------------------------------------------------ open and close */

#define OPEN(name, kind) ACT(name, keep(w, anysock_open(kind)))
OPEN(open_tcp, "tcp")
OPEN(open_tcp4, "tcp4")
OPEN(open_udp, "udp")
OPEN(open_unix, "unix")
OPEN(open_unixpacket, "unixpacket")
OPEN(open_raw_kind, "ip4:icmp")
OPEN(open_by_protocols_name, "ip4:udplite")
ACT(open_raw, keep(w, anysock_open_raw(AF_INET, SOCK_STREAM, 0)))

static int64_t open_six_hundred(struct world *w) {
    int64_t result = 0;
    while (w->count < 600 && result == 0) {
        result = keep(w, anysock_open("tcp"));
    }
    return result;
}

static int64_t pair_of(struct world *w, const char *kind) {
    anysock_t one = 0, other = 0;
    int64_t result = anysock_pair(kind, &one, &other);
    CHECK((result == 0) == (one != 0) && (result == 0) == (other != 0));
    return result < 0 ? result : keep(w, one) + keep(w, other);
}

ACT(pair_unix, pair_of(w, "unix"))
ACT(pair_datagrams, pair_of(w, "unixgram"))
ACT(pair_tcp, pair_of(w, "tcp"))
ACT(pair_tcp6, pair_of(w, "tcp6"))

SETUP(a_tcp) {
    w->one = OK(anysock_open("tcp"));
}

SETUP(a_tcp4) {
    w->one = OK(anysock_open("tcp4"));
}

SETUP(an_udp) {
    w->one = OK(anysock_open("udp"));
}

SETUP(an_unix) {
    w->one = OK(anysock_open("unix"));
}

SETUP(a_pair) {
    OK(anysock_pair("unix", &w->one, &w->other));
    OK(anysock_set(w->one, ANYSOCK_OPT_TIMEOUT, 20 * MILLISECOND));
}

SETUP(a_tcp_pair) {
    OK(anysock_pair("tcp4", &w->one, &w->other));
    OK(anysock_set(w->one, ANYSOCK_OPT_TIMEOUT, 20 * MILLISECOND));
}

SETUP(a_pair_with_bytes) {
    a_pair(w);
    CHECK_IS(anysock_write(w->other, "hello, world", 12), 12);
}

ACT(shutdown_both, anysock_shutdown(w->one, ANYSOCK_SHUT_READ | ANYSOCK_SHUT_WRITE))

/* Never refused: memory comes back by closing. */
static int64_t close_one(struct world *w) {
    anysock_t handle = w->one;
    w->one = 0;
    CHECK_IS(anysock_close(handle), 0);
    return 0;
}

static int64_t close_the_poller(struct world *w) {
    anysock_t handle = w->poller;
    w->poller = 0;
    CHECK_IS(anysock_close(handle), 0);
    return 0;
}

static int64_t close_the_queue(struct world *w) {
    anysock_t handle = w->queue;
    w->queue = 0;
    CHECK_IS(anysock_close(handle), 0);
    return 0;
}

/* --------------------------------------------------------- server and client */

SETUP(with_options) {
    w->one = OK(anysock_open("tcp"));
    OK(anysock_set(w->one, ANYSOCK_OPT_KEEPALIVE, 1));
    OK(anysock_set(w->one, ANYSOCK_OPT_TCP_NODELAY, 1));
    OK(anysock_set(w->one, ANYSOCK_OPT_RECEIVE_BUFFER, 1 << 16));
}

static int64_t bind_abstract(struct world *w) {
    char name[ADDRESS];
    snprintf(name, sizeof name, "@anysock-memory-%d-%lld", (int)getpid(), (long long)w->one);
    return anysock_bind(w->one, name);
}

static int64_t bind_path(struct world *w) {
    char path[ADDRESS];
    snprintf(path, sizeof path, "/tmp/anysock-memory-%d-%lld", (int)getpid(), (long long)w->one);
    int64_t result = anysock_bind(w->one, path);
    unlink(path);
    return result;
}

static int64_t bind_flat(struct world *w) {
    anysock_address address = {.family = AF_INET, .length = 4, .bytes = {127, 0, 0, 1}};
    return anysock_bind_flat(w->one, &address);
}

ACT(bind_literal, anysock_bind(w->one, "127.0.0.1:0"))
ACT(bind_everywhere, anysock_bind(w->one, ":0"))
ACT(bind_name, anysock_bind(w->one, "localhost:0"))
ACT(connect_service, anysock_connect(w->one, "127.0.0.1:discard"))
ACT(listen_now, anysock_listen(w->one, 0))

SETUP(a_listener) {
    w->listener = OK(anysock_open("tcp4"));
    OK(anysock_bind(w->listener, "127.0.0.1:0"));
    OK(anysock_listen(w->listener, 0));
    OK(anysock_set(w->listener, ANYSOCK_OPT_ACCEPT_TIMEOUT, 20 * MILLISECOND));
    OK(anysock_local_address(w->listener, w->text, sizeof w->text));
    OK(anysock_local_flat(w->listener, &w->flat));
}

SETUP(who_connects) {
    a_listener(w);
    w->one = OK(anysock_open("tcp4"));
    OK(anysock_connect(w->one, w->text));
    OK(anysock_set(w->listener, ANYSOCK_OPT_ACCEPT_TIMEOUT, 10 * SECOND));
}

ACT(accept_one, keep(w, anysock_accept(w->listener)))

static int64_t accept_some(struct world *w) {
    anysock_t handles[4];
    int64_t count = anysock_accept_many(w->listener, handles, COUNT(handles));
    for (int64_t place = 0; place < count; place++) {
        keep(w, handles[place]);
    }
    return count;
}

SETUP(a_client) {
    a_listener(w);
    w->one = OK(anysock_open("tcp4"));
}

SETUP(a_client_of_either_family) {
    a_listener(w);
    with_options(w);
}

SETUP(a_client_by_name) {
    a_client_of_either_family(w);
    char port[8];
    snprintf(port, sizeof port, "%s", strrchr(w->text, ':'));
    snprintf(w->text, sizeof w->text, "localhost%s", port);
}

SETUP(an_impatient_client_by_name) {
    a_client_by_name(w);
    OK(anysock_set(w->one, ANYSOCK_OPT_CONNECT_TIMEOUT, 0));
}

SETUP(a_client_of_nobody) {
    a_client(w);
    OK(anysock_close(w->listener));
    w->listener = 0;
}

SETUP(an_unix_client) {
    snprintf(w->text, sizeof w->text, "@anysock-memory-%d-%p", (int)getpid(), (void *)w);
    w->listener = OK(anysock_open("unix"));
    OK(anysock_bind(w->listener, w->text));
    OK(anysock_listen(w->listener, 0));
    w->one = OK(anysock_open("unix"));
}

ACT(connect_now, anysock_connect(w->one, w->text))
ACT(connect_flat, anysock_connect_flat(w->one, &w->flat))

/* Without waiting, and again until it has come to an end. */
static int64_t connect_in_steps(struct world *w) {
    int64_t result = anysock_connect(w->one, w->text);
    while (result == ANYSOCK_EINPROGRESS || result == ANYSOCK_EALREADY) {
        nap();
        result = anysock_connect(w->one, w->text);
    }
    return result;
}

ACT(local_address, anysock_local_address(w->one, w->text, sizeof w->text))
ACT(peer_address, anysock_peer_address(w->one, w->text, sizeof w->text))
ACT(local_flat, anysock_local_flat(w->one, &w->flat))
ACT(peer_flat, anysock_peer_flat(w->one, &w->flat))

/* --------------------------------------------------------------------- bytes */

ACT(read_some, anysock_read(w->one, w->buffer, 100))
ACT(write_some, anysock_write(w->one, "x", 1))
ACT(read_all, anysock_read_full(w->one, w->buffer, 100))
ACT(receive, anysock_recv(w->one, w->buffer, 100, ANYSOCK_FLAG_PEEK))
ACT(receive_urgent, anysock_recv(w->one, w->buffer, 1, ANYSOCK_FLAG_OOB))
ACT(receive_without_waiting, anysock_recv(w->one, w->buffer, 1, ANYSOCK_FLAG_DONT_WAIT))
ACT(send_urgent, anysock_send(w->one, "!", 1, ANYSOCK_FLAG_OOB))

/* More than the kernel takes: the count so far, and the timeout with the next call. */
static int64_t write_very_much(struct world *w) {
    int64_t result = 0;
    for (int round = 0; round < 100 && result >= 0; round++) {
        result = anysock_write_all(w->one, w->buffer, BUFFER);
    }
    return result;
}

static int64_t read_pieces(struct world *w) {
    anysock_buffer pieces[] = {{w->buffer, 4}, {NULL, 0}, {w->buffer + 4, 96}};
    return anysock_readv(w->one, pieces, COUNT(pieces));
}

static int64_t write_pieces(struct world *w) {
    anysock_buffer pieces[300];
    for (size_t place = 0; place < COUNT(pieces); place++) {
        pieces[place] = (anysock_buffer){w->buffer, 3};
    }
    return anysock_writev(w->one, pieces, COUNT(pieces));
}

SETUP(two_udp) {
    w->one = OK(anysock_open("udp4"));
    w->other = OK(anysock_open("udp4"));
    OK(anysock_bind(w->one, "127.0.0.1:0"));
    OK(anysock_bind(w->other, "127.0.0.1:0"));
    OK(anysock_local_address(w->one, w->text, sizeof w->text));
    OK(anysock_local_flat(w->one, &w->flat));
    OK(anysock_set(w->one, ANYSOCK_OPT_TIMEOUT, 20 * MILLISECOND));
}

SETUP(a_datagram) {
    two_udp(w);
    CHECK_IS(anysock_send_to(w->other, "hello", 5, 0, w->text), 5);
}

ACT(receive_from, anysock_recv_from(w->one, w->buffer, 100, 0, w->text, sizeof w->text))
ACT(send_to, anysock_send_to(w->other, "hello", 5, 0, w->text))

static int64_t send_to_name(struct world *w) {
    char name[ADDRESS];
    snprintf(name, sizeof name, "localhost%.8s", strrchr(w->text, ':'));
    return anysock_send_to(w->other, "hello", 5, 0, name);
}

static int64_t send_forty(struct world *w) {
    anysock_datagram datagrams[40] = {{0}};
    for (size_t place = 0; place < COUNT(datagrams); place++) {
        datagrams[place] = (anysock_datagram){.data = w->buffer, .length = 3, .address = &w->flat};
    }
    return anysock_send_many(w->other, datagrams, COUNT(datagrams), 0);
}

SETUP(forty_datagrams) {
    two_udp(w);
    CHECK_IS(send_forty(w), 40);
}

static int64_t receive_forty(struct world *w) {
    anysock_datagram datagrams[40] = {{0}};
    anysock_address senders[40];
    for (size_t place = 0; place < COUNT(datagrams); place++) {
        datagrams[place] = (anysock_datagram){.data = w->buffer, .length = 10, .address = &senders[place]};
    }
    return anysock_recv_many(w->one, datagrams, COUNT(datagrams), 0);
}

SETUP(a_file) {
    a_tcp_pair(w);
    w->files[0] = POSIX(open("/etc/services", O_RDONLY | O_CLOEXEC));
}

SETUP(a_full_pipe) {
    a_tcp_pair(w);
    POSIX(pipe2(w->files, O_CLOEXEC));
    CHECK(write(w->files[1], "0123456789", 10) == 10);
}

SETUP(a_full_socket) {
    a_tcp_pair(w);
    POSIX(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w->files));
    CHECK(write(w->files[1], "0123456789", 10) == 10);
}

ACT(send_file, anysock_send_file(w->one, w->files[0], 0, 1000))
ACT(send_what_comes, anysock_send_file(w->one, w->files[0], -1, 10))

/* ------------------------------------------------------------------ messages */

SETUP(who_tells_credentials) {
    a_pair(w);
    OK(anysock_set(w->one, ANYSOCK_OPT_UNIX_CREDENTIALS, 1));
}

static int64_t send_handles(struct world *w) {
    anysock_t handles[8];
    for (size_t place = 0; place < COUNT(handles); place++) {
        handles[place] = w->one;
    }
    anysock_buffer data = {(char[]){"abc"}, 3};
    anysock_control who = {.kind = ANYSOCK_CONTROL_CREDENTIALS, .pid = getpid(), .uid = getuid(), .gid = getgid()};
    anysock_message message = {.size = sizeof message, .buffers = &data, .buffer_count = 1, .controls = &who,
                               .control_count = 1, .handles = handles, .handle_count = COUNT(handles)};
    return anysock_send_message(w->other, &message, 0);
}

SETUP(handles_on_their_way) {
    who_tells_credentials(w);
    CHECK_IS(send_handles(w), 3);
}

static int64_t receive_everything(struct world *w, int32_t *flags) {
    anysock_t handles[16];
    anysock_control controls[8];
    char raw[1024];
    anysock_address sender;
    anysock_buffer room = {w->buffer, 100};
    anysock_message message = {.size = sizeof message, .buffers = &room, .buffer_count = 1, .address = &sender,
                               .controls = controls, .control_count = COUNT(controls), .handles = handles,
                               .handle_count = COUNT(handles), .raw_control = raw, .raw_length = sizeof raw};
    int64_t count = anysock_recv_message(w->one, &message, 0);
    for (size_t place = 0; count >= 0 && place < message.handle_count; place++) {
        keep(w, handles[place]);
    }
    *flags = message.flags;
    return count;
}

/* All that were sent, or it says that some are missing. */
static int64_t receive_handles(struct world *w) {
    int32_t flags;
    int64_t count = receive_everything(w, &flags);
    CHECK(count < 0 || w->count == 8 || (flags & ANYSOCK_FLAG_CONTROL_TRUNC) != 0);
    return count;
}

static int64_t receive_control(struct world *w) {
    int32_t flags;
    return receive_everything(w, &flags);
}

static int64_t send_from_here(struct world *w) {
    anysock_buffer data = {(char[]){"abc"}, 3};
    anysock_control where = {.kind = ANYSOCK_CONTROL_PACKET_INFO, .local_address = w->flat};
    where.local_address.port = 0;
    anysock_message message = {.size = sizeof message, .buffers = &data, .buffer_count = 1, .address = &w->flat,
                               .controls = &where, .control_count = 1};
    return anysock_send_message(w->other, &message, 0);
}

SETUP(a_datagram_with_control) {
    two_udp(w);
    OK(anysock_set(w->one, ANYSOCK_OPT_IP_PACKET_INFO, 1));
    OK(anysock_set(w->one, ANYSOCK_OPT_IP_RECEIVE_TTL, 1));
    OK(anysock_set(w->one, ANYSOCK_OPT_TIMESTAMP, 1));
    CHECK_IS(anysock_send_to(w->other, "abc", 3, 0, w->text), 3);
}

/* ------------------------------------------------------------------- options */

static int64_t get_number(struct world *w, const char *option) {
    int64_t value;
    int64_t result = anysock_get(w->one, option, &value);
    return result < 0 ? result : 0;
}

#define GET(name, option) ACT(name, get_number(w, option))
GET(get_keepalive, ANYSOCK_OPT_KEEPALIVE)
GET(get_rtt, ANYSOCK_OPT_TCP_RTT)
GET(get_error, ANYSOCK_OPT_ERROR)
GET(get_available, ANYSOCK_OPT_AVAILABLE)

#define TEXT_OF(name, option) ACT(name, anysock_get_text(w->one, option, w->text, sizeof w->text))
TEXT_OF(get_kind, ANYSOCK_OPT_KIND)
TEXT_OF(get_congestion, ANYSOCK_OPT_TCP_CONGESTION)
TEXT_OF(get_state, ANYSOCK_OPT_TCP_STATE)
TEXT_OF(get_device, ANYSOCK_OPT_IP_BIND_DEVICE)
TEXT_OF(get_multicast_interface, ANYSOCK_OPT_IP_MULTICAST_INTERFACE)

ACT(set_keepalive, anysock_set(w->one, ANYSOCK_OPT_KEEPALIVE, 1))
ACT(set_timeout, anysock_set(w->one, ANYSOCK_OPT_TIMEOUT, SECOND))
ACT(set_native, anysock_set(w->one, ANYSOCK_OPT_NATIVE, 1))
ACT(set_inherit, anysock_set(w->one, ANYSOCK_OPT_INHERIT, 1))
ACT(set_congestion, anysock_set_text(w->one, ANYSOCK_OPT_TCP_CONGESTION, "reno"))
ACT(set_device, anysock_set_text(w->one, ANYSOCK_OPT_IP_BIND_DEVICE, "lo"))
ACT(join_group, anysock_set_text(w->one, ANYSOCK_OPT_IP_MULTICAST_JOIN, "239.1.2.3%lo"))
ACT(join_group_of_source, anysock_set_text(w->one, ANYSOCK_OPT_IP_MULTICAST_JOIN_SOURCE, "127.0.0.1@232.1.2.3%lo"))
ACT(set_multicast_interface, anysock_set_text(w->one, ANYSOCK_OPT_IP_MULTICAST_INTERFACE, "lo"))

static int64_t set_raw(struct world *w) {
    int value = 1;
    return anysock_set_raw(w->one, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value);
}

static int64_t get_raw(struct world *w) {
    int value;
    return anysock_get_raw(w->one, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value);
}

/* ----------------------------------------------------------------- readiness */

/* Pairs, of which one end can be read. */
static void many_pairs(struct world *w, int count) {
    while (w->count < 2 * count) {
        anysock_t one, other;
        OK(anysock_pair("unix", &one, &other));
        keep(w, one);
        keep(w, other);
    }
    CHECK_IS(anysock_write(w->many[0], "x", 1), 1);
}

SETUP(one_pair) {
    many_pairs(w, 1);
}

SETUP(forty_pairs) {
    many_pairs(w, 40);
}

SETUP(three_hundred_pairs) {
    many_pairs(w, 300);
}

static int64_t select_all(struct world *w, int64_t timeout) {
    anysock_t *members = w->members;
    memcpy(members, w->many, sizeof w->members);
    anysock_handles set = {w->count, members};
    int64_t result = anysock_select(&set, NULL, NULL, timeout);
    /* Untouched, or just the one that is ready. */
    CHECK(result >= 0 || (set.count == w->count && members[w->count - 1] == w->many[w->count - 1]));
    CHECK(result < 0 || (result == 1 && set.count == 1 && members[0] == w->many[1]));
    CHECK(anysock_handles_has(&set, w->many[1]) == 1);
    return result;
}

ACT(select_now, select_all(w, 0))
ACT(select_soon, select_all(w, 10 * MILLISECOND))

/* So often that the set is registered. */
static int64_t select_often(struct world *w) {
    int64_t result = 0;
    for (int round = 0; round < 50 && result >= 0; round++) {
        result = select_all(w, round % 2 * MILLISECOND);
    }
    return result;
}

SETUP(a_set_that_is_registered) {
    forty_pairs(w);
    CHECK_IS(select_often(w), 1);
}

static int64_t select_nothing(W) {
    return anysock_select(NULL, NULL, NULL, MILLISECOND);
}

SETUP(an_idle_poller) {
    a_pair(w);
    w->poller = OK(anysock_poller_open());
}

SETUP(a_poller) {
    an_idle_poller(w);
    OK(anysock_poller_set(w->poller, w->one, ANYSOCK_EVENT_READ, 7));
    CHECK_IS(anysock_write(w->other, "x", 1), 1);
}

SETUP(a_poller_with_a_half_that_is_shut) {
    a_poller(w);
    OK(anysock_shutdown(w->one, ANYSOCK_SHUT_READ));
}

SETUP(a_poller_for_many) {
    forty_pairs(w);
    w->poller = OK(anysock_poller_open());
}

SETUP(a_poller_of_many) {
    a_poller_for_many(w);
    for (int place = 0; place < w->count; place++) {
        OK(anysock_poller_set(w->poller, w->many[place], ANYSOCK_EVENT_READ, place));
    }
}

SETUP(pollers_of_one_handle) {
    a_pair(w);
    for (int place = 0; place < 20; place++) {
        keep(w, OK(anysock_poller_open()));
        OK(anysock_poller_set(w->many[place], w->one, ANYSOCK_EVENT_READ, place));
    }
}

SETUP(a_poller_of_a_connect) {
    a_client(w);
    w->poller = OK(anysock_poller_open());
    OK(anysock_set(w->one, ANYSOCK_OPT_CONNECT_TIMEOUT, 0));
    OK(anysock_poller_set(w->poller, w->one, ANYSOCK_EVENT_WRITE, 7));
    int64_t result = anysock_connect(w->one, w->text);
    CHECK(result == 0 || result == ANYSOCK_EINPROGRESS);
}

ACT(poller_open, keep(w, anysock_poller_open()))
ACT(poller_add, anysock_poller_set(w->poller, w->one, ANYSOCK_EVENT_READ, 7))
ACT(poller_change, anysock_poller_set(w->poller, w->one, ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_EDGE, 8))
ACT(poller_wake, anysock_poller_wake(w->poller))

/* Never refused, as closing. */
static int64_t poller_remove(struct world *w) {
    int64_t result = anysock_poller_set(w->poller, w->one, 0, 0);
    CHECK(result == 0);
    OK(anysock_poller_set(w->poller, w->one, ANYSOCK_EVENT_READ, 7) == ANYSOCK_ENOMEM ? 0 : 0);
    return 0;
}

static int64_t poller_add_many(struct world *w) {
    int64_t result = 0;
    for (int place = 0; place < w->count && result == 0; place++) {
        result = anysock_poller_set(w->poller, w->many[place], ANYSOCK_EVENT_READ, place);
    }
    return result;
}

static int64_t poller_add_lazily(struct world *w) {
    int64_t result = w->count > 0 ? 0 : keep(w, anysock_open("tcp"));
    return result < 0 ? result : anysock_poller_set(w->poller, w->many[0], ANYSOCK_EVENT_READ, 1);
}

static int64_t wait_for(struct world *w, size_t capacity) {
    return anysock_poller_wait(w->poller, w->events, capacity, 20 * MILLISECOND);
}

ACT(poller_wait, wait_for(w, 4))
ACT(poller_wait_for_many, wait_for(w, MOST_EVENTS))

/* --------------------------------------------------------------------- queue */

SETUP(a_queue) {
    a_pair(w);
    w->queue = OK(anysock_queue_open(8, 0));
    anysock_done done[4];
    CHECK_IS(anysock_queue_run(w->queue, NULL, 0, done, COUNT(done), 0), 0);
}

SETUP(a_fresh_queue) {
    a_pair(w);
    w->queue = OK(anysock_queue_open(8, 0));
}

SETUP(a_queue_that_polls) {
    a_fresh_queue(w);
    OK(anysock_set_text(w->queue, ANYSOCK_OPT_QUEUE_ENGINE, "poll"));
}

SETUP(a_queue_with_bytes) {
    a_queue(w);
    CHECK_IS(anysock_write(w->other, "hello", 5), 5);
}

/* Hands an operation over and waits for its event: what came of it. A buffer goes back. */
static int64_t run_op(struct world *w, anysock_op op) {
    anysock_done done[8];
    op.token = 5;
    int64_t count = anysock_queue_run(w->queue, &op, 1, done, COUNT(done), 0);
    for (int round = 0; round < 3000 && count == 0; round++) {
        count = anysock_queue_run(w->queue, NULL, 0, done, COUNT(done), 10 * MILLISECOND);
    }
    if (count <= 0) {
        return count;
    }
    CHECK(done[0].token == 5);
    if (done[0].buffer != 0) {
        anysock_op give = {.op = ANYSOCK_OP_GIVE, .buffer = done[0].buffer, .flags = ANYSOCK_QUEUE_QUIET};
        anysock_done unexpected;
        /* It is taken in any case; without memory the run may be refused before it begins. */
        int64_t given = anysock_queue_run(w->queue, &give, 1, &unexpected, 1, 0);
        CHECK(given == 0 || given == ANYSOCK_ENOMEM);
    }
    return done[0].result < 0 ? done[0].result : done[0].op == ANYSOCK_OP_ACCEPT ? keep(w, done[0].result) : 0;
}

#define NUMBER(pointer) ((int64_t)(intptr_t)(pointer))
#define QUEUE(name, ...) ACT(name, run_op(w, (anysock_op){__VA_ARGS__}))

ACT(queue_open, keep(w, anysock_queue_open(0, 0)))
QUEUE(queue_nop, .op = ANYSOCK_OP_NOP)
QUEUE(queue_timer, .op = ANYSOCK_OP_TIMER, .value = 1000)
QUEUE(queue_poll, .op = ANYSOCK_OP_POLL, .handle = w->one, .value = ANYSOCK_EVENT_WRITE)
QUEUE(queue_read, .op = ANYSOCK_OP_READ, .handle = w->one, .length = 100)
QUEUE(queue_write, .op = ANYSOCK_OP_WRITE, .handle = w->one, .data = NUMBER(w->buffer), .length = 100)
QUEUE(queue_receive_from, .op = ANYSOCK_OP_RECEIVE_FROM, .handle = w->one, .length = 100)
QUEUE(queue_send_to, .op = ANYSOCK_OP_SEND_TO, .handle = w->other, .data = NUMBER(w->buffer), .length = 9,
      .value = NUMBER(&w->flat), .flags = ANYSOCK_QUEUE_FLAT)
QUEUE(queue_send_file, .op = ANYSOCK_OP_SEND_FILE, .handle = w->one, .data = w->files[0], .length = 1000)
QUEUE(queue_accept, .op = ANYSOCK_OP_ACCEPT, .handle = w->listener)
QUEUE(queue_connect, .op = ANYSOCK_OP_CONNECT, .handle = w->one, .data = NUMBER(w->text))
QUEUE(queue_connect_flat, .op = ANYSOCK_OP_CONNECT, .handle = w->one, .data = NUMBER(&w->flat), .flags = ANYSOCK_QUEUE_FLAT)
QUEUE(queue_resolve, .op = ANYSOCK_OP_RESOLVE, .data = NUMBER("localhost:80"), .value = NUMBER("tcp"))
QUEUE(queue_resolve_number, .op = ANYSOCK_OP_RESOLVE, .data = NUMBER("127.0.0.1:80"), .value = NUMBER("tcp"))
QUEUE(queue_cancel, .op = ANYSOCK_OP_CANCEL, .value = 99)
QUEUE(queue_shutdown, .op = ANYSOCK_OP_SHUTDOWN, .handle = w->one, .value = ANYSOCK_SHUT_WRITE)

static int64_t queue_close(struct world *w) {
    int64_t result = run_op(w, (anysock_op){.op = ANYSOCK_OP_CLOSE, .handle = w->one});
    if (result == 0) {
        w->one = 0;
    }
    return result;
}

SETUP(a_queue_and_a_file) {
    a_queue(w);
    w->files[0] = POSIX(open("/etc/services", O_RDONLY | O_CLOEXEC));
}

SETUP(a_queue_and_a_datagram) {
    a_datagram(w);
    w->queue = OK(anysock_queue_open(8, 0));
}

SETUP(a_queue_and_who_connects) {
    who_connects(w);
    w->queue = OK(anysock_queue_open(8, 0));
}

SETUP(a_queue_and_a_client) {
    a_client_of_either_family(w);
    w->queue = OK(anysock_queue_open(8, 0));
}

SETUP(a_queue_and_a_client_by_name) {
    a_client_by_name(w);
    w->queue = OK(anysock_queue_open(8, 0));
}

SETUP(a_queue_and_many) {
    forty_pairs(w);
    w->queue = OK(anysock_queue_open(128, 256));
}

/* Bytes for everybody, and everybody's: by the ring, where there is one. */
static int64_t queue_for_many(struct world *w) {
    enum { MEMBERS = MOST_OPS / 2 };
    anysock_op *ops = w->ops;
    anysock_done *done = w->done;
    CHECK(w->count == MEMBERS);
    for (int place = 0; place < MEMBERS; place++) {
        anysock_t handle = w->many[place];
        ops[place] = (anysock_op){.op = ANYSOCK_OP_WRITE, .handle = handle, .data = NUMBER(w->buffer), .length = 10};
        ops[MEMBERS + place] = (anysock_op){.op = ANYSOCK_OP_READ, .handle = handle, .length = 100};
    }
    int64_t count = anysock_queue_run(w->queue, ops, MOST_OPS, done, MOST_OPS, SECOND);
    if (count < 0) {
        return count;
    }
    int64_t worst = 0;
    for (int left = MOST_OPS; left > 0 && count > 0;) {
        for (int64_t place = 0; place < count; place++, left--) {
            worst = done[place].result < worst ? done[place].result : worst;
            ops[0] = (anysock_op){.op = ANYSOCK_OP_GIVE, .buffer = done[place].buffer, .flags = ANYSOCK_QUEUE_QUIET};
            if (done[place].buffer != 0) {
                anysock_queue_run(w->queue, ops, 1, done, 0, 0);
            }
        }
        count = left > 0 ? anysock_queue_run(w->queue, NULL, 0, done, MOST_OPS, 100 * MILLISECOND) : 0;
        worst = count < worst ? count : worst;
    }
    return worst;
}

/* What the kernel does not take is kept; then all of it is cancelled. */
static int64_t queue_and_cancel(struct world *w) {
    enum { WRITES = 40 };
    anysock_op ops[WRITES + 1];
    anysock_done done[WRITES + 1];
    for (int place = 0; place < WRITES; place++) {
        ops[place] = (anysock_op){.op = ANYSOCK_OP_WRITE, .handle = w->one, .data = NUMBER(w->buffer), .length = BUFFER / 4};
    }
    ops[WRITES] = (anysock_op){.op = ANYSOCK_OP_CANCEL, .handle = w->one, .flags = ANYSOCK_QUEUE_ALL, .token = 7};
    int64_t count = anysock_queue_run(w->queue, ops, COUNT(ops), done, COUNT(done), 0);
    int64_t result = count < 0 ? count : 0;
    for (int64_t place = 0; place < count; place++) {
        result = done[place].result == ANYSOCK_ENOMEM ? ANYSOCK_ENOMEM : result;
    }
    /* Else it can't be done again. */
    while (anysock_recv(w->other, w->buffer, BUFFER, ANYSOCK_FLAG_DONT_WAIT) > 0) {
    }
    return result;
}

ACT(queue_wake, anysock_queue_wake(w->queue))
ACT(queue_fd, error_of(anysock_fd(w->queue)))

static int64_t queue_memory(struct world *w) {
    int64_t address, length;
    return anysock_queue_memory(w->queue, &address, &length);
}

/* --------------------------------------------------------------------- names */

#define RESOLVE(name, address) ACT(name, anysock_resolve("tcp4", address, 10 * SECOND, w->text, sizeof w->text))
RESOLVE(resolve_literal, "127.0.0.1:80")
RESOLVE(resolve_name, "localhost:80")
RESOLVE(resolve_service, ":http")
ACT(interfaces, anysock_interfaces(w->buffer, sizeof w->buffer))
ACT(parse_address, anysock_address_parse("tcp", "[fe80::1%lo]:80", &w->flat))
ACT(parse_abstract, anysock_address_parse("unix", "@abc", &w->flat))

static int64_t resolve_very_long(struct world *w) {
    static char name[1 << 20];
    memset(name, 'a', sizeof name - 1);
    memcpy(name + sizeof name - 4, ":80", 3);
    int64_t result = anysock_resolve("tcp4", name, 10 * SECOND, w->text, sizeof w->text);
    return result < 0 && result != ANYSOCK_ENOMEM ? ANYSOCK_EAI_NONAME : result;
}

static int64_t format_address(struct world *w) {
    anysock_address address = {.family = AF_INET6, .length = 16, .port = 80, .scope = 1, .bytes = {0xfe, 0x80}};
    return anysock_address_format(&address, w->text, sizeof w->text);
}

SETUP(a_resolver_that_has_run) {
    OK(anysock_resolve("tcp4", "localhost:80", 10 * SECOND, w->text, sizeof w->text));
}

/* --------------------------------------------------------------- descriptors */

SETUP(a_socket) {
    POSIX(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w->files));
}

SETUP(a_pipe) {
    POSIX(pipe2(w->files, O_CLOEXEC));
}

SETUP(a_pipe_with_bytes) {
    a_pipe(w);
    w->one = OK(anysock_borrow(w->files[0]));
    CHECK(write(w->files[1], "abc", 3) == 3);
}

static int64_t adopt(struct world *w) {
    int64_t result = keep(w, anysock_adopt(w->files[0]));
    if (result == 0) {
        w->files[0] = 0;
    }
    return result;
}

static int64_t release(struct world *w) {
    int64_t descriptor = anysock_release(w->one);
    if (descriptor < 0) {
        return descriptor;
    }
    w->one = 0;
    w->files[0] = (int)descriptor;
    return 0;
}

ACT(borrow, keep(w, anysock_borrow(w->files[0])))
ACT(descriptor, anysock_fd(w->one) >= 0 ? 0 : -1)
ACT(pollers_descriptor, error_of(anysock_fd(w->poller)))

/* ---------------------------------------------------------------------- fork */

/* The child begins with no memory, and has some when it says so. */
static int64_t in_a_child(struct world *w, int64_t (*body)(struct world *)) {
    pid_t child = fork();
    if (child < 0) {
        return -errno;
    }
    if (child == 0) {
        _exit(body(w) == 0 ? 0 : 1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return status == 0 ? 0 : -70000 - status;
}

static int64_t may_fail(int64_t result) {
    return result >= 0 || result == ANYSOCK_ENOMEM ? 0 : result;
}

static int64_t child_of_many(struct world *w) {
    int64_t poller = may_fail(wait_for(w, 4));
    int64_t set = may_fail(select_all(w, 0));
    anysock_done done;
    int64_t queue = may_fail(anysock_queue_run(w->queue, NULL, 0, &done, 1, 0));
    return poller < 0 ? poller : set < 0 ? set : queue;
}

static int64_t child_of_nothing(W) {
    return 0;
}

SETUP(all_of_it) {
    a_poller_of_many(w);
    CHECK_IS(select_often(w), 1);
    w->queue = OK(anysock_queue_open(8, 0));
    CHECK_IS(run_op(w, (anysock_op){.op = ANYSOCK_OP_NOP}), 0);
}

ACT(fork_alone, in_a_child(w, child_of_nothing))
ACT(fork_and_go_on, in_a_child(w, child_of_many))

/* ----------------------------------------------------------------- the table */

#define WITH(prepare, act) {#act ", " #prepare, prepare, act, false}
#define ALONE(prepare, act) {#act ", " #prepare, prepare, act, true}

static const struct situation situations[] = {
    WITH(nothing, versions), WITH(nothing, has), WITH(nothing, error_texts), WITH(nothing, an_error_of_the_system),

    WITH(nothing, open_tcp), WITH(nothing, open_tcp4), WITH(nothing, open_udp), WITH(nothing, open_unix),
    WITH(nothing, open_unixpacket), WITH(nothing, open_raw_kind), WITH(nothing, open_by_protocols_name),
    WITH(nothing, open_raw), WITH(nothing, open_six_hundred), WITH(nothing, pair_unix), WITH(nothing, pair_datagrams),
    WITH(nothing, pair_tcp), WITH(nothing, pair_tcp6), WITH(a_tcp_pair, shutdown_both), WITH(a_poller, shutdown_both),
    WITH(pollers_of_one_handle, shutdown_both), WITH(a_tcp4, close_one), WITH(with_options, close_one),
    WITH(a_poller, close_one), WITH(pollers_of_one_handle, close_one), WITH(a_poller_of_many, close_the_poller),
    WITH(a_queue, close_the_queue), WITH(a_queue_and_many, close_the_queue),

    WITH(a_tcp, bind_literal), WITH(a_tcp4, bind_literal), WITH(with_options, bind_literal), WITH(a_tcp, bind_everywhere),
    WITH(a_tcp, bind_name), WITH(an_udp, connect_service), WITH(an_unix, bind_abstract), WITH(an_unix, bind_path),
    WITH(a_tcp, bind_flat), WITH(a_tcp, listen_now), WITH(with_options, listen_now), WITH(who_connects, accept_one),
    WITH(a_listener, accept_one), WITH(who_connects, accept_some), WITH(a_client, connect_now),
    WITH(a_client_of_either_family, connect_now), WITH(a_client_by_name, connect_now),
    WITH(an_impatient_client_by_name, connect_in_steps), WITH(a_client, connect_flat),
    WITH(a_client_of_either_family, connect_flat), WITH(an_unix_client, connect_now), WITH(a_client_of_nobody, connect_now),
    WITH(a_tcp_pair, local_address), WITH(a_tcp_pair, peer_address), WITH(a_tcp_pair, local_flat), WITH(a_tcp_pair, peer_flat),

    WITH(a_pair, read_some), WITH(a_pair_with_bytes, read_some), WITH(a_pipe_with_bytes, read_some), WITH(a_pair, write_some),
    WITH(a_pair, write_very_much), WITH(a_pair_with_bytes, read_all), WITH(a_pair_with_bytes, receive),
    WITH(a_tcp_pair, receive_urgent), WITH(a_pair, receive_without_waiting), WITH(a_tcp_pair, send_urgent),
    WITH(a_pair_with_bytes, read_pieces), WITH(a_pair, write_pieces), WITH(a_datagram, receive_from), WITH(two_udp, send_to),
    WITH(two_udp, send_to_name), WITH(two_udp, send_forty), WITH(forty_datagrams, receive_forty), WITH(a_file, send_file),
    WITH(a_full_pipe, send_what_comes), WITH(a_full_socket, send_what_comes),

    WITH(who_tells_credentials, send_handles), WITH(handles_on_their_way, receive_handles), WITH(two_udp, send_from_here),
    WITH(a_datagram_with_control, receive_control),

    WITH(a_tcp4, get_keepalive), WITH(with_options, get_keepalive), WITH(a_tcp_pair, get_rtt), WITH(a_tcp4, get_error),
    WITH(a_pair_with_bytes, get_available), WITH(a_tcp4, get_kind), WITH(a_tcp4, get_congestion), WITH(a_tcp_pair, get_state),
    WITH(a_tcp4, get_device), WITH(two_udp, get_multicast_interface), WITH(a_tcp4, set_keepalive), WITH(a_tcp, set_keepalive),
    WITH(with_options, set_keepalive), WITH(a_tcp, set_timeout), WITH(a_tcp4, set_native), WITH(a_tcp, set_inherit),
    WITH(a_tcp4, set_congestion), WITH(a_tcp, set_congestion), WITH(a_tcp4, set_device), WITH(two_udp, join_group),
    WITH(two_udp, join_group_of_source), WITH(two_udp, set_multicast_interface), WITH(a_tcp4, set_raw), WITH(a_tcp4, get_raw),

    WITH(nothing, select_nothing), WITH(one_pair, select_now), WITH(one_pair, select_soon), WITH(forty_pairs, select_now),
    WITH(forty_pairs, select_soon), WITH(forty_pairs, select_often), WITH(a_set_that_is_registered, select_often),
    WITH(three_hundred_pairs, select_now), WITH(three_hundred_pairs, select_soon), WITH(three_hundred_pairs, select_often),
    WITH(nothing, poller_open), WITH(an_idle_poller, poller_add), WITH(a_poller, poller_change), WITH(a_poller, poller_remove),
    WITH(a_poller_of_many, poller_add_lazily), WITH(a_poller_for_many, poller_add_many), WITH(a_poller, poller_wait),
    WITH(an_idle_poller, poller_wait), WITH(a_poller_with_a_half_that_is_shut, poller_wait),
    WITH(a_poller_of_many, poller_wait_for_many), WITH(a_poller_of_a_connect, poller_wait), WITH(a_poller, poller_wake),

    WITH(nothing, queue_open), WITH(a_queue, queue_memory), WITH(a_queue, queue_wake), WITH(a_fresh_queue, queue_fd),
    WITH(a_fresh_queue, queue_nop), WITH(a_queue_that_polls, queue_nop), WITH(a_queue, queue_timer), WITH(a_queue, queue_poll),
    WITH(a_queue_with_bytes, queue_read), WITH(a_queue_that_polls, queue_write), WITH(a_queue_that_polls, queue_poll),
    WITH(a_queue, queue_write), WITH(a_queue_and_a_datagram, queue_receive_from), WITH(a_queue_and_a_datagram, queue_send_to),
    WITH(a_queue_and_a_file, queue_send_file), WITH(a_queue_and_who_connects, queue_accept),
    WITH(a_queue_and_a_client, queue_connect), WITH(a_queue_and_a_client, queue_connect_flat),
    WITH(a_queue_and_a_client_by_name, queue_connect), WITH(a_queue, queue_resolve), WITH(a_queue, queue_resolve_number),
    WITH(a_queue, queue_cancel), WITH(a_queue, queue_shutdown), WITH(a_queue, queue_close),
    WITH(a_queue_and_many, queue_for_many), WITH(a_queue, queue_and_cancel),

    WITH(nothing, resolve_literal), WITH(nothing, resolve_name), WITH(a_resolver_that_has_run, resolve_name),
    WITH(nothing, resolve_service), WITH(nothing, resolve_very_long), WITH(nothing, interfaces), WITH(nothing, parse_address),
    WITH(nothing, parse_abstract), WITH(nothing, format_address),

    WITH(a_socket, adopt), WITH(a_pipe, adopt), WITH(a_socket, borrow), WITH(a_tcp4, release), WITH(a_tcp4, descriptor),
    WITH(a_poller, pollers_descriptor),

    ALONE(a_pair, fork_alone), ALONE(all_of_it, fork_alone), ALONE(all_of_it, fork_and_go_on),
};

#endif
