/*
 * Whatever a caller passes to any function of the header, NULL, numbers that are no handles, absurd lengths, texts
 * that are none, comes back as an error code that has a name. Memory that is shorter than the caller says is not here:
 * that nobody can see.
 *
 * With --list the program names the functions that it calls; tests/c/run compares them with the header.
 */
#include "check.h"

#include <stdalign.h>

enum { ROOM = 4096, LONG_TEXT = 1 << 20 }; /* 64 of any structure */

/* What a function may be given. */
struct arguments {
    anysock_t h, other;
    void *data;
    size_t length;
    int32_t number, flags;
    int64_t value, timeout, fd;
    const char *text, *option;
};

/*
 * Every function of the header, and how it is called here. Datagrams by the array take `number` as their flags, without
 * ANYSOCK_FLAG_PEEK: that they refuse before they look at the handle.
 */
#define FUNCTIONS(X)                                                                              \
    X(anysock_version, length_of(anysock_version()))                                              \
    X(anysock_abi_version, anysock_abi_version())                                                 \
    X(anysock_has, anysock_has(a->text))                                                          \
    X(anysock_error_name, length_of(anysock_error_name(a->value)))                                \
    X(anysock_error_message, length_of(anysock_error_message(a->value)))                          \
    X(anysock_last_os_error, anysock_last_os_error())                                             \
    X(anysock_open, anysock_open(a->text))                                                        \
    X(anysock_pair, anysock_pair(a->text, a->data, a->data))                                      \
    X(anysock_open_raw, anysock_open_raw(a->number, a->flags, a->number))                         \
    X(anysock_shutdown, anysock_shutdown(a->h, a->number))                                        \
    X(anysock_close, anysock_close(a->h))                                                         \
    X(anysock_bind, anysock_bind(a->h, a->text))                                                  \
    X(anysock_bind_flat, anysock_bind_flat(a->h, a->data))                                        \
    X(anysock_listen, anysock_listen(a->h, a->number))                                            \
    X(anysock_accept, anysock_accept(a->h))                                                       \
    X(anysock_accept_many, anysock_accept_many(a->h, a->data, a->length))                         \
    X(anysock_connect, anysock_connect(a->h, a->text))                                            \
    X(anysock_connect_flat, anysock_connect_flat(a->h, a->data))                                  \
    X(anysock_local_address, anysock_local_address(a->h, a->data, a->length))                     \
    X(anysock_peer_address, anysock_peer_address(a->h, a->data, a->length))                       \
    X(anysock_local_flat, anysock_local_flat(a->h, a->data))                                      \
    X(anysock_peer_flat, anysock_peer_flat(a->h, a->data))                                        \
    X(anysock_read, anysock_read(a->h, a->data, a->length))                                       \
    X(anysock_write, anysock_write(a->h, a->data, a->length))                                     \
    X(anysock_read_full, anysock_read_full(a->h, a->data, a->length))                             \
    X(anysock_write_all, anysock_write_all(a->h, a->data, a->length))                             \
    X(anysock_recv, anysock_recv(a->h, a->data, a->length, a->flags))                             \
    X(anysock_send, anysock_send(a->h, a->data, a->length, a->flags))                             \
    X(anysock_recv_from, anysock_recv_from(a->h, a->data, a->length, a->flags, a->data, a->length)) \
    X(anysock_send_to, anysock_send_to(a->h, a->data, a->length, a->flags, a->text))              \
    X(anysock_readv, anysock_readv(a->h, a->data, a->length))                                     \
    X(anysock_writev, anysock_writev(a->h, a->data, a->length))                                   \
    X(anysock_recv_many, anysock_recv_many(a->h, a->data, a->length, a->number & ~1))             \
    X(anysock_send_many, anysock_send_many(a->h, a->data, a->length, a->number & ~1))             \
    X(anysock_send_file, anysock_send_file(a->h, a->fd, a->value, a->timeout))                    \
    X(anysock_recv_message, anysock_recv_message(a->h, message_at(a->data), a->flags))            \
    X(anysock_send_message, anysock_send_message(a->h, message_at(a->data), a->flags))            \
    X(anysock_set, anysock_set(a->h, a->option, a->value))                                        \
    X(anysock_get, anysock_get(a->h, a->option, a->data))                                         \
    X(anysock_set_text, anysock_set_text(a->h, a->option, a->text))                               \
    X(anysock_get_text, anysock_get_text(a->h, a->option, a->data, a->length))                    \
    X(anysock_set_raw, anysock_set_raw(a->h, a->number, a->flags, a->data, a->length))            \
    X(anysock_get_raw, anysock_get_raw(a->h, a->number, a->flags, a->data, a->length))            \
    X(anysock_select, anysock_select(a->data, NULL, NULL, a->timeout))                            \
    X(anysock_handles_has, anysock_handles_has(a->data, a->h))                                    \
    X(anysock_poller_open, anysock_poller_open())                                                 \
    X(anysock_poller_set, anysock_poller_set(a->h, a->other, a->flags, a->value))                 \
    X(anysock_poller_wait, anysock_poller_wait(a->h, a->data, a->length, a->timeout))             \
    X(anysock_poller_wake, anysock_poller_wake(a->h))                                             \
    X(anysock_queue_open, anysock_queue_open(a->value, a->fd))                                    \
    X(anysock_queue_memory, anysock_queue_memory(a->h, a->data, a->data))                         \
    X(anysock_queue_run, anysock_queue_run(a->h, a->data, 0, a->data, a->length, a->timeout))     \
    X(anysock_queue_wake, anysock_queue_wake(a->h))                                               \
    X(anysock_resolve, anysock_resolve(a->option, a->text, a->timeout, a->data, a->length))       \
    X(anysock_interfaces, anysock_interfaces(a->data, a->length))                                 \
    X(anysock_address_parse, anysock_address_parse(a->option, a->text, a->data))                  \
    X(anysock_address_format, anysock_address_format(a->data, (char *)a->data, a->length))        \
    X(anysock_fd, anysock_fd(a->h))                                                               \
    X(anysock_adopt, anysock_adopt(a->fd))                                                        \
    X(anysock_borrow, anysock_borrow(a->fd))                                                      \
    X(anysock_release, anysock_release(a->h))

static int64_t length_of(const char *text) {
    CHECK(text != NULL && text[0] != '\0');
    return (int64_t)strlen(text);
}

/* A message of nothing, in memory that is zero. */
static anysock_message *message_at(void *data) {
    if (data != NULL) {
        memcpy(data, &(uint32_t){sizeof(anysock_message)}, sizeof(uint32_t));
    }
    return data;
}

/* A message of data alone. */
static anysock_message message_of(anysock_buffer *buffers, size_t count) {
    return (anysock_message){.size = sizeof(anysock_message), .buffers = buffers, .buffer_count = count};
}

#define DEFINE(name, call)                             \
    static int64_t try_##name(const struct arguments *a) { \
        (void)a;                                       \
        return call;                                   \
    }
FUNCTIONS(DEFINE)

#define ENTRY(name, call) {#name, try_##name},
static const struct function {
    const char *name;
    int64_t (*call)(const struct arguments *);
} functions[] = {FUNCTIONS(ENTRY)};

/* Of those, the ones that need no handle. */
static bool needs_handle(const char *name) {
    static const char *const free_of_them[] = {
        "anysock_version",      "anysock_abi_version", "anysock_has",        "anysock_error_name",  "anysock_error_message",
        "anysock_last_os_error", "anysock_open",        "anysock_pair",       "anysock_select",      "anysock_handles_has",
        "anysock_poller_open",  "anysock_resolve",     "anysock_interfaces", "anysock_adopt",       "anysock_address_parse",
        "anysock_address_format", "anysock_borrow",     "anysock_open_raw",   "anysock_queue_open",
    };
    for (size_t place = 0; place < COUNT(free_of_them); place++) {
        if (strcmp(name, free_of_them[place]) == 0) {
            return false;
        }
    }
    return true;
}

/* --------------------------------------------------------------- handles */

enum { LIVE = 14 };

/* One handle of each sort; none of them ever waits. */
static anysock_t live[LIVE];

/* From here on they are no sockets. */
static size_t strangers;

/* A pair, and where the system has none, two that have each other as peer. */
static void open_datagrams(anysock_t *one, anysock_t *other) {
    char address[ADDRESS];
    if (anysock_has("unixgram") == 1) {
        OK(anysock_pair("unixgram", one, other));
        return;
    }
    *one = OK(anysock_open("udp4"));
    *other = OK(anysock_open("udp4"));
    OK(anysock_bind(*one, "127.0.0.1:0"));
    OK(anysock_bind(*other, "127.0.0.1:0"));
    OK(anysock_local_address(*one, address, sizeof address));
    OK(anysock_connect(*other, address));
    OK(anysock_local_address(*other, address, sizeof address));
    OK(anysock_connect(*one, address));
}

static void open_live(void) {
    char address[ADDRESS];
    live[0] = OK(anysock_open("tcp"));
    live[1] = OK(anysock_open("tcp4"));
    live[2] = listen_tcp(address);
    OK(anysock_pair("tcp", &live[3], &live[4]));
    live[5] = OK(anysock_open("udp"));
    OK(anysock_bind(live[5], "127.0.0.1:0"));
    OK(anysock_pair("unix", &live[6], &live[7]));
    open_datagrams(&live[8], &live[9]);
    OK(anysock_pair(anysock_has("unixpacket") == 1 ? "unixpacket" : "tcp", &live[10], &live[11]));
    live[12] = adopt_reader();
    strangers = live[12] == 0 ? 13 : 12;
    if (live[12] == 0) {
        live[12] = OK(anysock_open("udp4"));
    }
    for (size_t place = 0; place < LIVE - 1; place++) {
        OK(anysock_set(live[place], ANYSOCK_OPT_TIMEOUT, 0));
    }
    live[13] = OK(anysock_poller_open());
}

static void close_live(void) {
    for (size_t place = 0; place < LIVE; place++) {
        int64_t closed = anysock_close(live[place]);
        CHECK(closed == 0 || closed == ANYSOCK_EBADF);
    }
}

/* Numbers that stand for nothing: absurd, closed, of another generation, with bits where no handle has any. */
static const anysock_t *bad_handles(size_t *count) {
    static anysock_t bad[16];
    anysock_t stale = OK(anysock_open("tcp4")), mine = live[6];
    OK(anysock_close(stale));
    const anysock_t list[] = {
        0,          -1,          INT64_MIN,  INT64_MAX,           1,    2,
        16777215,   (1LL << 53), (1LL << 53) - 1, mine + (1LL << 24), -mine, mine | (1LL << 53),
        mine | (1LL << 62), stale, mine + 1000000,
    };
    memcpy(bad, list, sizeof list);
    *count = COUNT(list);
    return bad;
}

static const char *const usual_texts[] = {"127.0.0.1:0", "tcp", ANYSOCK_OPT_LINGER};

static void bad_handles_are_ebadf(void) {
    alignas(16) static char data[ROOM];
    open_live();
    size_t count;
    const anysock_t *bad = bad_handles(&count);
    for (size_t place = 0; place < COUNT(functions); place++) {
        for (size_t which = 0; needs_handle(functions[place].name) && which < count; which++) {
            struct arguments arguments = {
                .h = bad[which], .other = live[6], .data = data, .length = 1, .number = 1, .flags = 2,
                .text = usual_texts[0], .option = usual_texts[2],
            };
            memset(data, 0, sizeof data);
            int64_t result = functions[place].call(&arguments);
            if (result != ANYSOCK_EBADF) {
                fail(__FILE__, __LINE__, "%s(%lld) is %lld (%s)", functions[place].name, (long long)bad[which],
                     (long long)result, name_of(result));
            }
        }
    }
    for (size_t which = 0; which < count; which++) {
        for (int set = 0; set < 3; set++) {
            anysock_t array[] = {live[6], bad[which], live[6]};
            anysock_handles one = {3, array};
            CHECK_IS(anysock_select(set == 0 ? &one : NULL, set == 1 ? &one : NULL, set == 2 ? &one : NULL, 0),
                     ANYSOCK_EBADF);
            CHECK(one.count == 3 && array[0] == live[6] && array[1] == bad[which] && array[2] == live[6]);
        }
        CHECK_IS(anysock_poller_set(live[13], bad[which], ANYSOCK_EVENT_READ, 0), ANYSOCK_EBADF);
        anysock_handles none = {0, NULL};
        CHECK_IS(anysock_handles_has(&none, bad[which]), 0);
    }
    close_live();
}

/* ------------------------------------------------------------ NULL and memory */

static void null_is_efault(void) {
    anysock_t first = -7, stream;
    anysock_address address = {0};
    int64_t value;
    char text[ADDRESS];
    open_live();
    stream = live[6];
    CHECK_IS(anysock_has(NULL), ANYSOCK_EFAULT);
    CHECK_IS(anysock_open(NULL), ANYSOCK_EFAULT);
    CHECK_IS(anysock_pair(NULL, &first, &first), ANYSOCK_EFAULT);
    CHECK_IS(anysock_pair("unix", NULL, &first), ANYSOCK_EFAULT);
    CHECK_IS(anysock_pair("unix", &first, NULL), ANYSOCK_EFAULT);
    CHECK_IS(first, -7);
    CHECK_IS(anysock_bind(live[1], NULL), ANYSOCK_EFAULT);
    CHECK_IS(anysock_connect(live[1], NULL), ANYSOCK_EFAULT);
    CHECK_IS(anysock_local_address(stream, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_peer_address(stream, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_read(stream, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_write(stream, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_read_full(stream, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_write_all(stream, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_recv(stream, NULL, 1, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_send(stream, NULL, 1, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_recv_from(live[5], NULL, 1, 0, text, sizeof text), ANYSOCK_EFAULT);
    CHECK_IS(anysock_recv_from(live[5], text, sizeof text, 0, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_send_to(live[5], NULL, 1, 0, "127.0.0.1:9"), ANYSOCK_EFAULT);
    CHECK_IS(anysock_readv(stream, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_writev(stream, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_readv(stream, &(anysock_buffer){NULL, 1}, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_writev(stream, &(anysock_buffer){NULL, 1}, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_accept_many(live[2], NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_recv_many(live[5], NULL, 1, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_send_many(live[5], NULL, 1, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_recv_many(live[5], &(anysock_datagram){.length = 1}, 1, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_send_many(live[8], &(anysock_datagram){.length = 1}, 1, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_recv_message(stream, NULL, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_send_message(stream, NULL, 0), ANYSOCK_EFAULT);
    anysock_message without[] = {
        {.size = sizeof(anysock_message), .buffer_count = 1},
        {.size = sizeof(anysock_message), .buffers = &(anysock_buffer){NULL, 1}, .buffer_count = 1},
        {.size = sizeof(anysock_message), .control_count = 1},
        {.size = sizeof(anysock_message), .handle_count = 1},
        {.size = sizeof(anysock_message), .raw_length = 1},
    };
    for (size_t place = 0; place < COUNT(without); place++) {
        CHECK_IS(anysock_recv_message(live[8], &without[place], 0), ANYSOCK_EFAULT);
        CHECK_IS(anysock_send_message(live[8], &without[place], 0), ANYSOCK_EFAULT);
    }
    CHECK_IS(anysock_set(stream, NULL, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_get(stream, NULL, &value), ANYSOCK_EFAULT);
    CHECK_IS(anysock_get(stream, ANYSOCK_OPT_TIMEOUT, NULL), ANYSOCK_EFAULT);
    CHECK_IS(anysock_set_text(stream, NULL, ""), ANYSOCK_EFAULT);
    CHECK_IS(anysock_set_text(stream, ANYSOCK_OPT_KIND, NULL), ANYSOCK_EFAULT);
    CHECK_IS(anysock_get_text(stream, NULL, text, sizeof text), ANYSOCK_EFAULT);
    CHECK_IS(anysock_get_text(stream, ANYSOCK_OPT_KIND, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_set_raw(stream, SOL_SOCKET, SO_KEEPALIVE, NULL, 4), ANYSOCK_EFAULT);
    CHECK_IS(anysock_get_raw(stream, SOL_SOCKET, SO_KEEPALIVE, NULL, 4), ANYSOCK_EFAULT);
    CHECK_IS(anysock_select(&(anysock_handles){1, NULL}, NULL, NULL, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_handles_has(&(anysock_handles){1, NULL}, stream), ANYSOCK_EFAULT);
    CHECK_IS(anysock_poller_wait(live[13], NULL, 1, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_resolve(NULL, "127.0.0.1:80", 0, text, sizeof text), ANYSOCK_EFAULT);
    CHECK_IS(anysock_resolve("tcp", NULL, 0, text, sizeof text), ANYSOCK_EFAULT);
    CHECK_IS(anysock_resolve("tcp", "127.0.0.1:80", 0, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_interfaces(NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_address_parse(NULL, "127.0.0.1:80", &address), ANYSOCK_EFAULT);
    CHECK_IS(anysock_address_parse("udp", NULL, &address), ANYSOCK_EFAULT);
    CHECK_IS(anysock_address_parse("udp", "127.0.0.1:80", NULL), ANYSOCK_EFAULT);
    CHECK_IS(anysock_address_format(NULL, text, sizeof text), ANYSOCK_EFAULT);
    CHECK_IS(anysock_address_format(&address, NULL, 1), ANYSOCK_EFAULT);
    close_live();
}

static void null_of_no_length_is_fine(void) {
    open_live();
    anysock_t stream = live[6];
    CHECK_IS(anysock_read(stream, NULL, 0), 0);
    CHECK_IS(anysock_write(stream, NULL, 0), 0);
    CHECK_IS(anysock_read_full(stream, NULL, 0), 0);
    CHECK_IS(anysock_write_all(stream, NULL, 0), 0);
    CHECK_IS(anysock_readv(stream, NULL, 0), 0);
    CHECK_IS(anysock_writev(stream, NULL, 0), 0);
    CHECK_IS(anysock_readv(stream, &(anysock_buffer){NULL, 0}, 1), 0);
    CHECK_IS(anysock_recv(live[6], NULL, 0, 0), 0);
    anysock_message nothing = message_of(NULL, 0);
    CHECK_IS(anysock_send_message(stream, &nothing, 0), 0);
    CHECK_IS(anysock_recv_message(stream, &nothing, 0), 0);
    CHECK_IS(anysock_send_message(live[8], &nothing, 0), 0);
    CHECK_IS(anysock_recv_message(live[9], &nothing, 0), 0);
    CHECK_IS(anysock_write(live[8], NULL, 0), 0);
    CHECK_IS(anysock_recv_from(live[9], NULL, 0, 0, NULL, 0), 0);
    CHECK_IS(anysock_send_many(live[8], NULL, 0, 0), 0);
    CHECK_IS(anysock_recv_many(live[9], NULL, 0, 0), 0);
    CHECK_IS(anysock_send_many(live[8], &(anysock_datagram){0}, 1, 0), 1);
    CHECK_IS(anysock_recv_many(live[9], &(anysock_datagram){0}, 1, 0), 1);
    CHECK_IS(anysock_select(NULL, NULL, NULL, 0), 0);
    CHECK_IS(anysock_select(&(anysock_handles){0, NULL}, &(anysock_handles){0, NULL}, NULL, 0), 0);
    CHECK_IS(anysock_handles_has(NULL, stream), 0);
    CHECK(anysock_local_address(live[5], NULL, 0) > 0);
    CHECK(anysock_get_text(stream, ANYSOCK_OPT_KIND, NULL, 0) == (int64_t)strlen("unix"));
    CHECK(anysock_resolve("tcp", "127.0.0.1:80", 0, NULL, 0) == (int64_t)strlen("127.0.0.1:80"));
    CHECK(anysock_interfaces(NULL, 0) > 0);
    CHECK_IS(anysock_address_format(&(anysock_address){0}, NULL, 0), 0);
    close_live();
}

/* Lengths that no memory has, though the pointer is good. */
static void absurd_lengths_are_einval(void) {
    static const size_t lengths[] = {SIZE_MAX, SIZE_MAX / 2 + 1};
    char data[ADDRESS];
    open_live();
    for (size_t place = 0; place < COUNT(lengths); place++) {
        size_t length = lengths[place];
        anysock_t stream = live[6], datagrams = live[5];
        anysock_buffer buffers[] = {{data, 1}, {data, length}}, halves[] = {{data, SIZE_MAX / 2}, {data, SIZE_MAX / 2}};
        CHECK_IS(anysock_local_address(datagrams, data, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_peer_address(live[3], data, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_read(stream, data, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_write(stream, data, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_read_full(stream, data, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_write_all(stream, data, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_recv(stream, data, length, 0), ANYSOCK_EINVAL);
        CHECK_IS(anysock_send(stream, data, length, 0), ANYSOCK_EINVAL);
        CHECK_IS(anysock_recv_from(datagrams, data, length, 0, data, 1), ANYSOCK_EINVAL);
        CHECK_IS(anysock_recv_from(datagrams, data, 1, 0, data, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_send_to(datagrams, data, length, 0, "127.0.0.1:9"), ANYSOCK_EINVAL);
        CHECK_IS(anysock_readv(stream, buffers, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_writev(stream, buffers, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_readv(stream, buffers, COUNT(buffers)), ANYSOCK_EINVAL);
        CHECK_IS(anysock_writev(stream, buffers, COUNT(buffers)), ANYSOCK_EINVAL);
        CHECK_IS(anysock_readv(stream, halves, COUNT(halves)), ANYSOCK_EINVAL);
        CHECK_IS(anysock_writev(stream, halves, COUNT(halves)), ANYSOCK_EINVAL);
        CHECK_IS(anysock_accept_many(live[2], (anysock_t *)(void *)data, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_recv_many(datagrams, (anysock_datagram *)(void *)data, length, 0), ANYSOCK_EINVAL);
        CHECK_IS(anysock_send_many(datagrams, (anysock_datagram *)(void *)data, length, 0), ANYSOCK_EINVAL);
        CHECK_IS(anysock_recv_many(datagrams, &(anysock_datagram){data, length, 0, NULL, 0, 0}, 1, 0), ANYSOCK_EINVAL);
        CHECK_IS(anysock_send_many(datagrams, &(anysock_datagram){data, length, 0, NULL, 0, 0}, 1, 0), ANYSOCK_EINVAL);
        anysock_message absurd[] = {message_of(buffers, length), message_of(buffers, 2), message_of(halves, 2),
                                    message_of(NULL, 0),         message_of(NULL, 0),    message_of(NULL, 0)};
        absurd[3].controls = (anysock_control *)(void *)data, absurd[3].control_count = length;
        absurd[4].handles = (anysock_t *)(void *)data, absurd[4].handle_count = length;
        absurd[5].raw_control = data, absurd[5].raw_length = length;
        for (size_t which = 0; which < COUNT(absurd); which++) {
            CHECK_IS(anysock_recv_message(stream, &absurd[which], 0), ANYSOCK_EINVAL);
            CHECK_IS(anysock_send_message(stream, &absurd[which], 0), ANYSOCK_EINVAL);
        }
        CHECK_IS(anysock_get_text(stream, ANYSOCK_OPT_KIND, data, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_set_raw(stream, SOL_SOCKET, SO_KEEPALIVE, data, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_get_raw(stream, SOL_SOCKET, SO_KEEPALIVE, data, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_resolve("tcp", "127.0.0.1:80", 0, data, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_interfaces(data, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_address_format(&(anysock_address){0}, data, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_poller_wait(live[13], (anysock_event *)(void *)data, length, 0), 0);
    }
    anysock_handles set = {-1, live};
    CHECK_IS(anysock_select(&set, NULL, NULL, 0), ANYSOCK_EINVAL);
    CHECK_IS(anysock_handles_has(&set, live[0]), ANYSOCK_EINVAL);
    set.count = INT64_MIN;
    CHECK_IS(anysock_select(NULL, &set, NULL, 0), ANYSOCK_EINVAL);
    set.count = INT64_MAX;
    CHECK_IS(anysock_select(NULL, NULL, &set, 0), ANYSOCK_EINVAL);
    close_live();
}

/* Lengths beyond what the system's own types count, with memory that is not touched where it does not exist. */
static void lengths_beyond_int_are_no_small_ones(void) {
    /* Not on the stack: near the end of the address space the kernel refuses a length that reaches beyond it. */
    static char data[2 << 20]; /* Windows looks at the memory as far as one call may reach */
    const size_t beyond = (size_t)(UINT64_C(1) << 32);
    int on = 1;
    if (beyond == 0) {
        SKIP("a length has no more bits than an int");
    }
    open_live();
    anysock_t stream = live[6];
    CHECK_IS(anysock_set_raw(stream, SOL_SOCKET, SO_KEEPALIVE, &on, beyond + sizeof on), ANYSOCK_EINVAL);
    CHECK_IS(anysock_get_raw(stream, SOL_SOCKET, SO_KEEPALIVE, data, beyond + sizeof on), ANYSOCK_EINVAL);
    CHECK_IS(anysock_write(live[7], "x", 1), 1);
    CHECK_IS(anysock_read(stream, data, beyond << 8), 1);
    close_live();
}

/* Memory that is not there is found by the kernel; nothing is lost by it. */
static void unmapped_memory_is_efault(void) {
    if (is_slow()) {
        SKIP("valgrind counts the kernel's look at such memory as an error of the program");
    }
    void *nowhere = forbidden_page();
    open_live();
    anysock_t stream = live[6];
    anysock_buffer buffer = {nowhere, 8};
    char data[8];
    anysock_datagram datagram = {nowhere, 8, 0, NULL, 0, 0};
    CHECK_IS(anysock_send_many(live[8], &datagram, 1, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_write(live[8], "12345678", 8), 8);
    CHECK_IS(anysock_recv_many(live[9], &datagram, 1, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_write(stream, nowhere, 8), ANYSOCK_EFAULT);
    CHECK_IS(anysock_write_all(stream, nowhere, 8), ANYSOCK_EFAULT);
    CHECK_IS(anysock_send(stream, nowhere, 8, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_writev(stream, &buffer, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_send_to(live[5], nowhere, 8, 0, "127.0.0.1:9"), ANYSOCK_EFAULT);
    anysock_message message = message_of(&buffer, 1);
    CHECK_IS(anysock_send_message(stream, &message, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_write(live[7], "12345678", 8), 8);
    CHECK_IS(anysock_read(stream, nowhere, 8), ANYSOCK_EFAULT);
    CHECK_IS(anysock_read_full(stream, nowhere, 8), ANYSOCK_EFAULT);
    CHECK_IS(anysock_recv(stream, nowhere, 8, ANYSOCK_FLAG_PEEK), ANYSOCK_EFAULT);
    CHECK_IS(anysock_readv(stream, &buffer, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_recv_message(stream, &message, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_read(stream, data, 8), 8);
    CHECK(memcmp(data, "12345678", 8) == 0);
    close_live();
}

static void unmapped_option_is_efault(void) {
    if (is_slow()) {
        SKIP("valgrind counts the kernel's look at such memory as an error of the program");
    }
    open_live();
    CHECK_IS(anysock_set_raw(live[6], SOL_SOCKET, SO_KEEPALIVE, forbidden_page(), 4), ANYSOCK_EFAULT);
    close_live();
}

/* ----------------------------------------------------------------- numbers */

static void bad_numbers_are_einval(void) {
    static const int32_t shuts[] = {0, 4, -1, INT32_MIN, INT32_MAX};
    static const int32_t receive_flags[] = {64, -1, ANYSOCK_FLAG_MORE, INT32_MIN};
    static const int32_t send_flags[] = {64, -1, ANYSOCK_FLAG_PEEK, ANYSOCK_FLAG_WAIT_ALL, ANYSOCK_FLAG_TRUNC, INT32_MIN};
    static const int32_t events[] = {ANYSOCK_EVENT_HANGUP, ANYSOCK_EVENT_ERROR, ANYSOCK_EVENT_EDGE, ANYSOCK_EVENT_ONESHOT, 128, -1, INT32_MIN};
    static const int64_t timeouts[] = {-2, INT64_MIN};
    alignas(16) static char space[sizeof(anysock_message)];
    char data[8];
    anysock_event event;
    open_live();
    anysock_t stream = live[6], poller = live[13];
    for (size_t place = 0; place < COUNT(shuts); place++) {
        CHECK_IS(anysock_shutdown(stream, shuts[place]), ANYSOCK_EINVAL);
    }
    for (size_t place = 0; place < COUNT(receive_flags); place++) {
        CHECK_IS(anysock_recv(stream, data, 1, receive_flags[place]), ANYSOCK_EINVAL);
        CHECK_IS(anysock_recv_from(stream, data, 1, receive_flags[place], NULL, 0), ANYSOCK_EINVAL);
        CHECK_IS(anysock_recv_many(live[5], NULL, 0, receive_flags[place]), ANYSOCK_EINVAL);
        CHECK_IS(anysock_recv_message(stream, message_at(space), receive_flags[place]), ANYSOCK_EINVAL);
    }
    for (size_t place = 0; place < COUNT(send_flags); place++) {
        CHECK_IS(anysock_send(stream, data, 1, send_flags[place]), ANYSOCK_EINVAL);
        CHECK_IS(anysock_send_message(stream, message_at(space), send_flags[place]), ANYSOCK_EINVAL);
        CHECK_IS(anysock_send_to(live[5], data, 1, send_flags[place], "127.0.0.1:9"), ANYSOCK_EINVAL);
        CHECK_IS(anysock_send_many(live[5], NULL, 0, send_flags[place]), ANYSOCK_EINVAL);
    }
    for (size_t place = 0; place < COUNT(events); place++) {
        CHECK_IS(anysock_poller_set(poller, stream, events[place], 0), ANYSOCK_EINVAL);
    }
    for (size_t place = 0; place < COUNT(timeouts); place++) {
        CHECK_IS(anysock_select(NULL, NULL, NULL, timeouts[place]), ANYSOCK_EINVAL);
        CHECK_IS(anysock_poller_wait(poller, &event, 1, timeouts[place]), ANYSOCK_EINVAL);
        CHECK_IS(anysock_resolve("tcp", "127.0.0.1:80", timeouts[place], data, 8), ANYSOCK_EINVAL);
        CHECK_IS(anysock_send_file(stream, 0, timeouts[place], 1), ANYSOCK_EINVAL);
        CHECK_IS(anysock_send_file(stream, 0, 0, timeouts[place]), ANYSOCK_EINVAL);
        CHECK_IS(anysock_set(stream, ANYSOCK_OPT_TIMEOUT, timeouts[place]), ANYSOCK_EINVAL);
        CHECK_IS(anysock_set(stream, ANYSOCK_OPT_READ_TIMEOUT, timeouts[place]), ANYSOCK_EINVAL);
    }
    CHECK_IS(anysock_poller_wait(poller, &event, 0, 0), ANYSOCK_EINVAL);
    CHECK_IS(anysock_poller_wait(stream, &event, 1, 0), ANYSOCK_EINVAL);
    CHECK_IS(anysock_poller_wake(stream), ANYSOCK_EINVAL);
    CHECK_IS(anysock_poller_set(stream, stream, ANYSOCK_EVENT_READ, 0), ANYSOCK_EINVAL);
    CHECK_IS(anysock_poller_set(poller, stream, 0, 0), ANYSOCK_ENOENT);
    CHECK_IS(anysock_poller_set(poller, poller, ANYSOCK_EVENT_READ, 0), ANYSOCK_EOPNOTSUPP);
    CHECK_IS(anysock_select(&(anysock_handles){1, &poller}, NULL, NULL, 0), ANYSOCK_EOPNOTSUPP);
    anysock_handles one = {2, live}, shifted = {2, live + 1};
    CHECK_IS(anysock_select(&one, &one, NULL, 0), ANYSOCK_EINVAL);
    CHECK_IS(anysock_select(&one, NULL, &shifted, 0), ANYSOCK_EINVAL);
    close_live();
}

static void descriptors_that_are_none(void) {
    static const int64_t numbers[] = {-1, -2, INT64_MIN, INT64_MAX, 1LL << 32, (1LL << 32) + 1, 1000000};
    open_live();
    for (size_t place = 0; place < COUNT(numbers); place++) {
        CHECK_IS(anysock_adopt(numbers[place]), ANYSOCK_EBADF);
        CHECK_IS(anysock_borrow(numbers[place]), ANYSOCK_EBADF);
        CHECK_IS(anysock_send_file(live[6], numbers[place], 0, 1), ANYSOCK_EBADF);
    }
    close_live();
    int64_t file = open_program(), directory = open_directory();
    CHECK_IS(anysock_adopt(file), ANYSOCK_ENOTSOCK);
    CHECK_IS(anysock_adopt(directory), ANYSOCK_ENOTSOCK);
    CHECK_IS(anysock_borrow(file), ANYSOCK_ENOTSOCK);
    close_file(file);
    close_file(directory);
    CHECK_IS(anysock_adopt(file), ANYSOCK_EBADF);
}

/* Readable when something is to be reported, where the system can say so by one. */
static void pollers_descriptor(anysock_t poller) {
#ifdef _WIN32
    CHECK_IS(anysock_fd(poller), ANYSOCK_EOPNOTSUPP);
#else
    CHECK(fcntl((int)OK(anysock_fd(poller)), F_GETFD) >= 0);
#endif
}

/* Pollers, pipes and the like in the place of a socket, and sockets of the wrong kind. */
static void wrong_kinds_are_told(void) {
    char text[ADDRESS] = "";
    anysock_t first;
    open_live();
    anysock_t poller = live[13], stranger = live[strangers], udp = live[5];
    CHECK_IS(anysock_read(poller, text, 1), ANYSOCK_ENOTSOCK);
    CHECK_IS(anysock_write(poller, text, 1), ANYSOCK_ENOTSOCK);
    pollers_descriptor(poller);
    CHECK_IS(anysock_release(poller), ANYSOCK_ENOTSOCK);
    for (size_t place = strangers; place < LIVE; place++) {
        CHECK_IS(anysock_bind(live[place], "127.0.0.1:0"), ANYSOCK_ENOTSOCK);
        CHECK_IS(anysock_connect(live[place], "127.0.0.1:9"), ANYSOCK_ENOTSOCK);
        CHECK_IS(anysock_listen(live[place], 0), ANYSOCK_ENOTSOCK);
        CHECK_IS(anysock_accept(live[place]), ANYSOCK_ENOTSOCK);
        CHECK_IS(anysock_accept_many(live[place], &first, 1), ANYSOCK_ENOTSOCK);
        CHECK_IS(anysock_recv_many(live[place], NULL, 0, 0), ANYSOCK_ENOTSOCK);
        CHECK_IS(anysock_send_many(live[place], NULL, 0, 0), ANYSOCK_ENOTSOCK);
        CHECK_IS(anysock_shutdown(live[place], ANYSOCK_SHUT_BOTH), ANYSOCK_ENOTSOCK);
        CHECK_IS(anysock_local_address(live[place], text, sizeof text), ANYSOCK_ENOTSOCK);
        CHECK_IS(anysock_peer_address(live[place], text, sizeof text), ANYSOCK_ENOTSOCK);
        CHECK_IS(anysock_send_to(live[place], text, 1, 0, "127.0.0.1:9"), ANYSOCK_ENOTSOCK);
        CHECK_IS(anysock_send_file(live[place], 0, 0, 1), ANYSOCK_ENOTSOCK);
        anysock_message message = message_of(NULL, 0);
        CHECK_IS(anysock_recv_message(live[place], &message, 0), ANYSOCK_ENOTSOCK);
        CHECK_IS(anysock_send_message(live[place], &message, 0), ANYSOCK_ENOTSOCK);
        CHECK_IS(anysock_set(live[place], ANYSOCK_OPT_KEEPALIVE, 1), ANYSOCK_ENOTSOCK);
        CHECK_IS(anysock_set_raw(live[place], SOL_SOCKET, SO_KEEPALIVE, text, 4), ANYSOCK_ENOTSOCK);
    }
    CHECK_IS(anysock_recv(stranger, text, 1, ANYSOCK_FLAG_PEEK), ANYSOCK_ENOTSOCK);
    CHECK_IS(anysock_fd(live[0]), ANYSOCK_ENOTCONN);
    CHECK_IS(anysock_release(live[0]), ANYSOCK_ENOTCONN);
    CHECK_IS(anysock_local_address(live[0], text, sizeof text), ANYSOCK_ENOTCONN);
    CHECK_IS(anysock_listen(udp, 0), ANYSOCK_EOPNOTSUPP);
    CHECK_IS(anysock_accept(udp), ANYSOCK_EOPNOTSUPP);
    CHECK_IS(anysock_accept_many(udp, &first, 1), ANYSOCK_EOPNOTSUPP);
    CHECK_IS(anysock_accept_many(live[2], &first, 0), ANYSOCK_EINVAL);
    CHECK_IS(anysock_recv_many(live[3], NULL, 0, 0), ANYSOCK_EOPNOTSUPP);
    CHECK_IS(anysock_send_many(live[3], NULL, 0, 0), ANYSOCK_EOPNOTSUPP);
    CHECK_IS(anysock_accept(live[3]), ANYSOCK_EINVAL);
    CHECK_IS(anysock_listen(live[3], 0), ANYSOCK_EINVAL);
    CHECK_IS(anysock_connect(live[3], "127.0.0.1:9"), ANYSOCK_EISCONN);
    CHECK_IS(anysock_connect(live[2], "127.0.0.1:9"), ANYSOCK_EOPNOTSUPP);
    CHECK_IS(anysock_read(live[1], text, 1), ANYSOCK_ENOTCONN);
    CHECK_IS(anysock_write(live[1], text, 1), ANYSOCK_ENOTCONN);
    CHECK_IS(anysock_pair("udp", &poller, &poller), ANYSOCK_EOPNOTSUPP);
    close_live();
}

/* ------------------------------------------------------------------- texts */

static char long_text[LONG_TEXT + 1];

static void bad_texts_are_errors(void) {
    static const char *const texts[] = {
        "",     " ",      "\xff\xfe",  "tcp ", "TCP",   "tcp5",    "%s%n",           "127.0.0.1", ":::::",
        "[::1", "[::1]x", "[::1]:",    "1:2:3", ":-1",  ":65536",  "127.0.0.1:0x50", "\n",        "[%]:1",
        "@",    "ip4:",   "ip4:99999", "ip9:1", "[::1%]:1", long_text,
    };
    char text[ADDRESS];
    int64_t value;
    anysock_address address;
    memset(long_text, 'a', LONG_TEXT);
    open_live();
    for (size_t place = 0; place < COUNT(texts); place++) {
        CHECK(anysock_open(texts[place]) < 0);
        CHECK(anysock_pair(texts[place], &value, &value) < 0);
        CHECK(anysock_has(texts[place]) <= 0);
        CHECK(anysock_bind(live[1], texts[place]) < 0);
        CHECK(anysock_connect(live[1], texts[place]) < 0);
        CHECK(anysock_send_to(live[5], "x", 1, 0, texts[place]) < 0);
        CHECK(anysock_resolve("tcp", texts[place], 0, text, sizeof text) < 0);
        CHECK(anysock_resolve(texts[place], "127.0.0.1:80", 0, text, sizeof text) < 0);
        CHECK(anysock_address_parse("tcp", texts[place], &address) < 0);
        CHECK(anysock_address_parse(texts[place], "127.0.0.1:80", &address) < 0);
        CHECK(anysock_set(live[3], texts[place], 1) < 0);
        CHECK(anysock_get(live[3], texts[place], &value) < 0);
        CHECK(anysock_set_text(live[3], texts[place], "x") < 0);
        CHECK(anysock_get_text(live[3], texts[place], text, sizeof text) < 0);
        CHECK(anysock_set_text(live[3], ANYSOCK_OPT_TCP_CONGESTION, texts[place]) < 0);
        CHECK(anysock_set_text(live[5], ANYSOCK_OPT_IP_MULTICAST_JOIN, texts[place]) < 0);
    }
    CHECK_IS(anysock_open("\xff"), ANYSOCK_EINVAL);
    CHECK_IS(anysock_bind(live[1], "\xff"), ANYSOCK_EINVAL);
    CHECK_IS(anysock_set(live[3], "no.such.option", 1), ANYSOCK_ENOPROTOOPT);
    CHECK_IS(anysock_address_parse("unix", long_text, &address), ANYSOCK_ENAMETOOLONG);
    close_live();
}

/* A text that does not fit is cut, ends with NUL, and its full length is told. */
static void texts_are_cut(void) {
    open_live();
    char whole[ADDRESS], cut[ADDRESS];
    int64_t length = OK(anysock_local_address(live[5], whole, sizeof whole));
    CHECK_IS(length, strlen(whole));
    for (size_t capacity = 1; capacity <= (size_t)length + 1; capacity++) {
        memset(cut, '#', sizeof cut);
        CHECK_IS(anysock_local_address(live[5], cut, capacity), length);
        CHECK(strlen(cut) == capacity - 1 && memcmp(cut, whole, capacity - 1) == 0 && cut[capacity] == '#');
    }
    close_live();
}

/* ----------------------------------------------------------- misalignment */

/* Memory at an odd address, large enough for two of anything. */
static void *odd(size_t size) {
    alignas(16) static char memory[4][256];
    static int next;
    CHECK(size < 255);
    return memory[next++ % 4] + 1;
}

static void misaligned_memory_is_no_harm(void) {
    open_live();
    anysock_t stream = live[6], first;
    char byte;
    void *out = odd(8), *other = odd(8);
    OK(anysock_pair("unix", out, other));
    memcpy(&first, out, sizeof first);
    OK(anysock_close(first));
    memcpy(&first, other, sizeof first);
    OK(anysock_close(first));
    OK(anysock_get(stream, ANYSOCK_OPT_TIMEOUT, out));
    CHECK_IS(anysock_write(live[7], "xyz", 3), 3);
    anysock_buffer buffer = {&byte, 1};
    void *buffers = odd(sizeof buffer);
    memcpy(buffers, &buffer, sizeof buffer);
    CHECK_IS(anysock_readv(stream, buffers, 1), 1);
    CHECK(byte == 'x');
    CHECK_IS(anysock_writev(stream, buffers, 1), 1);
    anysock_message message = message_of(buffers, 1);
    void *messages = odd(sizeof message);
    memcpy(messages, &message, sizeof message);
    CHECK_IS(anysock_recv_message(stream, messages, 0), 1);
    CHECK(byte == 'y');
    CHECK_IS(anysock_send_message(stream, messages, 0), 1);
    void *address = odd(sizeof(anysock_address));
    char text[ADDRESS];
    OK(anysock_address_parse("udp", "192.0.2.1:80", address));
    OK(anysock_address_format(address, text, sizeof text));
    CHECK(strcmp(text, "192.0.2.1:80") == 0);
    void *listed = odd(sizeof stream), *many = odd(2 * sizeof(anysock_datagram));
    anysock_datagram datagrams[] = {{&byte, 1, 0, NULL, 0, 0}, {&byte, 1, 0, address, 0, 0}};
    OK(anysock_local_address(live[5], text, sizeof text));
    OK(anysock_connect(live[5], text)); /* to itself */
    OK(anysock_address_parse("udp", text, address));
    memcpy(many, datagrams, sizeof datagrams);
    CHECK_IS(anysock_send_many(live[5], many, 2, 0), 2);
    memset(address, 0, sizeof(anysock_address));
    CHECK_IS(anysock_recv_many(live[5], many, 2, 0), 2);
    CHECK(anysock_address_format(address, NULL, 0) == (int64_t)strlen(text));
    OK(anysock_local_address(live[2], text, sizeof text));
    anysock_t client = connect_to("tcp", text);
    CHECK_IS(anysock_accept_many(live[2], listed, 1), 1);
    memcpy(&first, listed, sizeof first);
    check_talk(client, first);
    OK(anysock_close(client));
    OK(anysock_close(first));
    anysock_handles set = {1, &stream};
    void *sets = odd(sizeof set);
    memcpy(sets, &set, sizeof set);
    CHECK_IS(anysock_select(sets, NULL, NULL, 0), 1);
    CHECK_IS(anysock_handles_has(sets, stream), 1);
    OK(anysock_poller_set(live[13], stream, ANYSOCK_EVENT_READ, 3));
    anysock_event event;
    void *events = odd(sizeof event);
    CHECK_IS(anysock_poller_wait(live[13], events, 1, 0), 1);
    memcpy(&event, events, sizeof event);
    CHECK_IS(event.token, 3);
    /* The array itself must be what C says it is. */
    void *array = odd(sizeof stream);
    memcpy(array, &stream, sizeof stream);
    set.handles = array;
    CHECK_IS(anysock_select(&set, NULL, NULL, 0), ANYSOCK_EINVAL);
    close_live();
}

/* -------------------------------------------------------------- at random */

static uint64_t random_state = 88172645463325252u;

static uint64_t draw(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

#define ANY(array) ((array)[draw() % COUNT(array)])

static anysock_t any_handle(void) {
    size_t count;
    const anysock_t *bad = bad_handles(&count);
    return draw() % 4 == 0 ? bad[draw() % count] : ANY(live);
}

static struct arguments draw_arguments(void *data) {
    static const size_t lengths[] = {0, 1, 8, 64, SIZE_MAX, SIZE_MAX / 2 + 1};
    static const int32_t numbers[] = {0, 1, 2, 3, 7, 8, 31, 33, 64, -1, INT32_MIN, INT32_MAX};
    static const int64_t values[] = {0, 1, -1, -9, -2, 20000, -20001, 1 << 20, INT64_MIN, INT64_MAX};
    static const int64_t timeouts[] = {0, 0, 0, -2, INT64_MIN}; /* nothing here may wait */
    static const int64_t descriptors[] = {-1, 1LL << 32, 1000000, INT64_MIN, INT64_MAX};
    static const char *const texts[] = {NULL,       "",         "127.0.0.1:0", "[::1]:0", "@", "@anysock.test.nulls",
                                        "\xff\xfe", "tcp", "unix", "udp",  "linger",  long_text};
    static const char *const options[] = {NULL, "", "\xff", "tcp", "linger", "keepalive", "receive_buffer", "ip.ttl",
                                          "kind", "tcp.congestion", "ip.multicast_join", "error", "available"};
    return (struct arguments){
        .h = any_handle(),
        .other = any_handle(),
        .data = draw() % 4 ? data : NULL,
        .length = ANY(lengths),
        .number = ANY(numbers),
        .flags = ANY(numbers),
        .value = ANY(values),
        .timeout = ANY(timeouts),
        .fd = ANY(descriptors),
        .text = ANY(texts),
        .option = ANY(options),
    };
}

/* What a call has opened is closed again. */
static void undo(const char *name, int64_t result, const anysock_t *data) {
    if (result < 0) {
        return;
    }
    if (strcmp(name, "anysock_open") == 0 || strcmp(name, "anysock_open_raw") == 0 || strcmp(name, "anysock_accept") == 0 ||
        strcmp(name, "anysock_poller_open") == 0 || strcmp(name, "anysock_queue_open") == 0) {
        OK(anysock_close(result));
    } else if (strcmp(name, "anysock_release") == 0) {
        close_plain((int)result);
    } else if (strcmp(name, "anysock_pair") == 0) {
        OK(anysock_close(data[0]));
    } else if (strcmp(name, "anysock_accept_many") == 0) {
        for (int64_t place = 0; place < result; place++) {
            OK(anysock_close(data[place]));
        }
    }
}

/* Both results of a pair go to one place here, so that it must be called otherwise. */
static bool is_left_out(const struct function *function, const struct arguments *arguments) {
    return function->call == try_anysock_pair && arguments->data != NULL;
}

static void any_call_has_a_result_with_a_name(void) {
    alignas(16) static char data[ROOM];
    memset(long_text, 'a', LONG_TEXT);
    for (int round = 0; round < rounds(200, 10); round++) {
        open_live();
        for (int turn = 0; turn < 1000; turn++) {
            const struct function *function = &ANY(functions);
            struct arguments arguments = draw_arguments(data);
            if (is_left_out(function, &arguments)) {
                continue;
            }
            memset(data, 0, sizeof data);
            int64_t result = function->call(&arguments);
            if (result == ANYSOCK_EINTERNAL || (result < 0 && strcmp(anysock_error_name(result), "EUNKNOWN") == 0)) {
                fail(__FILE__, __LINE__, "%s is %lld (%s)", function->name, (long long)result, name_of(result));
            }
            undo(function->name, result, (anysock_t *)(void *)data);
        }
        close_live();
    }
}

int main(int count, char **arguments) {
    if (count == 2 && strcmp(arguments[1], "--list") == 0) {
        for (size_t place = 0; place < COUNT(functions); place++) {
            puts(functions[place].name);
        }
        return EXIT_SUCCESS;
    }
    begin(arguments);
    RUN(bad_handles_are_ebadf);
    RUN(null_is_efault);
    RUN(null_of_no_length_is_fine);
    RUN(absurd_lengths_are_einval);
    RUN(lengths_beyond_int_are_no_small_ones);
    RUN(unmapped_memory_is_efault);
    RUN(unmapped_option_is_efault);
    RUN(bad_numbers_are_einval);
    RUN(descriptors_that_are_none);
    RUN(wrong_kinds_are_told);
    RUN(bad_texts_are_errors);
    RUN(texts_are_cut);
    RUN(misaligned_memory_is_no_harm);
    RUN(any_call_has_a_result_with_a_name);
    return finish();
}
