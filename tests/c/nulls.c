/*
 * What a careless caller passes: NULL, numbers that are no handles, the wrong kind of handle, flags and lengths that make
 * no sense, memory that is not aligned. Every answer is an error code, and nothing crashes.
 */
#include "check.h"

static anysock_t socket_handle, poller_handle;
static char memory[64];

/* A call with a handle of the caller's choice, everything else in order. */
struct use {
    const char *name;
    int64_t (*call)(anysock_t);
};

static anysock_handles one(anysock_t *handle) {
    return (anysock_handles){1, handle};
}

#define USE(name, expression) \
    static int64_t use_##name(anysock_t h) { return (expression); }

USE(shutdown, anysock_shutdown(h, ANYSOCK_SHUT_BOTH))
USE(bind, anysock_bind(h, "127.0.0.1:0"))
USE(listen, anysock_listen(h, 0))
USE(accept, anysock_accept(h))
USE(connect, anysock_connect(h, "127.0.0.1:1"))
USE(local_address, anysock_local_address(h, memory, sizeof memory))
USE(peer_address, anysock_peer_address(h, memory, sizeof memory))
USE(read, anysock_read(h, memory, 1))
USE(write, anysock_write(h, memory, 1))
USE(read_full, anysock_read_full(h, memory, 1))
USE(write_all, anysock_write_all(h, memory, 1))
USE(recv, anysock_recv(h, memory, 1, 0))
USE(send, anysock_send(h, memory, 1, 0))
USE(recv_from, anysock_recv_from(h, memory, 1, 0, NULL, 0))
USE(send_to, anysock_send_to(h, memory, 1, 0, "127.0.0.1:1"))
USE(readv, anysock_readv(h, &(anysock_buffer){memory, 1}, 1))
USE(writev, anysock_writev(h, &(anysock_buffer){memory, 1}, 1))
USE(set, anysock_set(h, ANYSOCK_OPT_KEEPALIVE, 1))
USE(get, anysock_get(h, ANYSOCK_OPT_KEEPALIVE, &(int64_t){0}))
USE(set_text, anysock_set_text(h, ANYSOCK_OPT_TCP_CONGESTION, "reno"))
USE(get_text, anysock_get_text(h, ANYSOCK_OPT_TCP_STATE, memory, sizeof memory))
USE(set_raw, anysock_set_raw(h, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int)))
USE(get_raw, anysock_get_raw(h, SOL_SOCKET, SO_KEEPALIVE, memory, sizeof(int)))
USE(fd, anysock_fd(h))
USE(release, anysock_release(h))
USE(close, anysock_close(h))
USE(select, anysock_select(&(anysock_handles){1, &h}, NULL, NULL, 0))
USE(poller_set, anysock_poller_set(poller_handle, h, ANYSOCK_READ, 0))
USE(poller_set_of, anysock_poller_set(h, socket_handle, ANYSOCK_READ, 0))
USE(poller_wait, anysock_poller_wait(h, &(anysock_event){0}, 1, 0))
USE(poller_wake, anysock_poller_wake(h))

#define ROW(name) {"anysock_" #name, use_##name}

static const struct use uses[] = {
    ROW(shutdown),   ROW(bind),         ROW(listen),      ROW(accept),     ROW(connect), ROW(local_address),
    ROW(peer_address), ROW(read),       ROW(write),       ROW(read_full),  ROW(write_all), ROW(recv),
    ROW(send),       ROW(recv_from),    ROW(send_to),     ROW(readv),      ROW(writev),  ROW(set),
    ROW(get),        ROW(set_text),     ROW(get_text),    ROW(set_raw),    ROW(get_raw), ROW(fd),
    ROW(release),    ROW(close),        ROW(select),      ROW(poller_set), ROW(poller_set_of), ROW(poller_wait),
    ROW(poller_wake),
};

static void open_both(void) {
    socket_handle = OK(anysock_open("tcp4"));
    poller_handle = OK(anysock_poller_open());
}

static void close_both(void) {
    OK(anysock_close(socket_handle));
    OK(anysock_close(poller_handle));
}

static void numbers_that_are_no_handles(void) {
    open_both();
    anysock_t stale = OK(anysock_open("unix"));
    OK(anysock_close(stale));
    const anysock_t none[] = {0,         -1,        INT64_MIN, INT64_MAX, 1, 2, ((int64_t)1 << 53) - 1,
                              (int64_t)1 << 53, stale, stale + 1, -stale,    socket_handle + ((int64_t)1 << 24)};
    for (size_t use = 0; use < COUNT(uses); use++) {
        for (size_t number = 0; number < COUNT(none); number++) {
            int64_t result = uses[use].call(none[number]);
            if (result != ANYSOCK_EBADF) {
                fail(__FILE__, __LINE__, "%s(%lld) is %s", uses[use].name, (long long)none[number], name_of(result));
            }
        }
    }
    close_both();
}

static void the_wrong_kind_of_handle(void) {
    open_both();
    for (size_t use = 0; use < COUNT(uses); use++) {
        bool for_pollers = strncmp(uses[use].name, "anysock_poller", 14) == 0;
        bool for_both = uses[use].call == use_close || uses[use].call == use_poller_set;
        if (!for_both) {
            CHECK(uses[use].call(for_pollers ? socket_handle : poller_handle) < 0);
        }
    }
    CHECK_IS(use_select(poller_handle), ANYSOCK_EOPNOTSUPP);
    CHECK_IS(use_poller_set(poller_handle), ANYSOCK_EOPNOTSUPP);
    CHECK_IS(use_poller_wait(socket_handle), ANYSOCK_EINVAL);
    CHECK_IS(use_read(poller_handle), ANYSOCK_ENOTSOCK);
    close_both();
}

static void null_pointers(void) {
    open_both();
    anysock_t h = socket_handle, other;
    anysock_t ends[2];
    OK(anysock_pair("unix", &ends[0], &ends[1]));
    CHECK_IS(anysock_has(NULL), ANYSOCK_EFAULT);
    CHECK_IS(anysock_open(NULL), ANYSOCK_EFAULT);
    CHECK_IS(anysock_pair(NULL, &other, &other), ANYSOCK_EFAULT);
    CHECK_IS(anysock_pair("unix", NULL, &other), ANYSOCK_EFAULT);
    CHECK_IS(anysock_pair("unix", &other, NULL), ANYSOCK_EFAULT);
    CHECK_IS(anysock_bind(h, NULL), ANYSOCK_EFAULT);
    CHECK_IS(anysock_connect(h, NULL), ANYSOCK_EFAULT);
    CHECK_IS(anysock_local_address(h, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_peer_address(h, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_read(ends[0], NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_write(ends[0], NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_read_full(ends[0], NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_write_all(ends[0], NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_recv(ends[0], NULL, 1, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_send(ends[0], NULL, 1, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_recv_from(ends[0], NULL, 1, 0, NULL, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_recv_from(ends[0], memory, 1, 0, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_send_to(ends[0], NULL, 1, 0, "x"), ANYSOCK_EFAULT);
    CHECK_IS(anysock_readv(ends[0], NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_writev(ends[0], NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_readv(ends[0], &(anysock_buffer){NULL, 1}, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_writev(ends[0], &(anysock_buffer){NULL, 1}, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_set(h, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_get(h, NULL, &(int64_t){0}), ANYSOCK_EFAULT);
    CHECK_IS(anysock_get(h, ANYSOCK_OPT_KEEPALIVE, NULL), ANYSOCK_EFAULT);
    CHECK_IS(anysock_set_text(h, NULL, ""), ANYSOCK_EFAULT);
    CHECK_IS(anysock_set_text(h, ANYSOCK_OPT_TCP_CONGESTION, NULL), ANYSOCK_EFAULT);
    CHECK_IS(anysock_get_text(h, NULL, memory, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_get_text(h, ANYSOCK_OPT_KIND, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_set_raw(h, SOL_SOCKET, SO_KEEPALIVE, NULL, 4), ANYSOCK_EFAULT);
    CHECK_IS(anysock_get_raw(h, SOL_SOCKET, SO_KEEPALIVE, NULL, 4), ANYSOCK_EFAULT);
    CHECK_IS(anysock_select(&(anysock_handles){1, NULL}, NULL, NULL, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_handles_has(&(anysock_handles){1, NULL}, h), ANYSOCK_EFAULT);
    CHECK_IS(anysock_poller_wait(poller_handle, NULL, 1, 0), ANYSOCK_EFAULT);
    CHECK_IS(anysock_resolve(NULL, ":1", 0, memory, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_resolve("tcp", NULL, 0, memory, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_resolve("tcp", ":1", 0, NULL, 1), ANYSOCK_EFAULT);
    CHECK_IS(anysock_interfaces(NULL, 1), ANYSOCK_EFAULT);

    /* With nothing to move, NULL is fine. */
    CHECK_IS(anysock_read(ends[0], NULL, 0), 0);
    CHECK_IS(anysock_write(ends[0], NULL, 0), 0);
    CHECK_IS(anysock_read_full(ends[0], NULL, 0), 0);
    CHECK_IS(anysock_write_all(ends[0], NULL, 0), 0);
    CHECK_IS(anysock_readv(ends[0], NULL, 0), 0);
    CHECK_IS(anysock_writev(ends[0], NULL, 0), 0);
    CHECK_IS(anysock_readv(ends[0], &(anysock_buffer){NULL, 0}, 1), 0);
    CHECK_IS(anysock_writev(ends[0], &(anysock_buffer){NULL, 0}, 1), 0);
    CHECK_IS(anysock_select(NULL, NULL, NULL, 0), 0);
    CHECK_IS(anysock_select(&(anysock_handles){0, NULL}, NULL, NULL, 0), 0);
    CHECK_IS(anysock_handles_has(NULL, h), 0);
    CHECK_IS(anysock_handles_has(&(anysock_handles){0, NULL}, h), 0);
    CHECK(anysock_interfaces(NULL, 0) > 0);
    OK(anysock_close(ends[0]));
    OK(anysock_close(ends[1]));
    close_both();
}

static void numbers_that_make_no_sense(void) {
    open_both();
    anysock_t ends[2];
    OK(anysock_pair("unix", &ends[0], &ends[1]));
    const size_t lengths[] = {SIZE_MAX, SIZE_MAX / 2 + 1};
    for (size_t place = 0; place < COUNT(lengths); place++) {
        size_t length = lengths[place];
        CHECK_IS(anysock_read(ends[0], memory, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_write(ends[0], memory, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_read_full(ends[0], memory, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_write_all(ends[0], memory, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_recv(ends[0], memory, length, 0), ANYSOCK_EINVAL);
        CHECK_IS(anysock_readv(ends[0], &(anysock_buffer){memory, length}, 1), ANYSOCK_EINVAL);
        CHECK_IS(anysock_readv(ends[0], (anysock_buffer *)(void *)memory, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_local_address(ends[0], memory, length), ANYSOCK_EINVAL);
        CHECK_IS(anysock_set_raw(ends[0], SOL_SOCKET, SO_KEEPALIVE, memory, length), ANYSOCK_EINVAL);
    }
    const anysock_buffer two[] = {{memory, SIZE_MAX / 2}, {memory, SIZE_MAX / 2}};
    CHECK_IS(anysock_readv(ends[0], two, 2), ANYSOCK_EINVAL);
    CHECK_IS(anysock_writev(ends[0], two, 2), ANYSOCK_EINVAL);
    for (int bit = 0; bit < 32; bit++) {
        int32_t flag = (int32_t)(1u << bit);
        if (bit > 4) {
            CHECK_IS(anysock_recv(ends[0], memory, 1, flag), ANYSOCK_EINVAL);
        }
        if (flag != ANYSOCK_OOB && flag != ANYSOCK_DONT_WAIT && flag != ANYSOCK_MORE) {
            CHECK_IS(anysock_send(ends[0], memory, 1, flag), ANYSOCK_EINVAL);
        }
        if (bit > 1) {
            CHECK_IS(anysock_shutdown(ends[0], flag), ANYSOCK_EINVAL);
        }
        if (bit > 2) {
            CHECK_IS(anysock_poller_set(poller_handle, ends[0], flag, 0), ANYSOCK_EINVAL);
        }
    }
    CHECK_IS(anysock_shutdown(ends[0], 0), ANYSOCK_EINVAL);
    CHECK_IS(anysock_select(NULL, NULL, NULL, -2), ANYSOCK_EINVAL);
    CHECK_IS(anysock_select(&(anysock_handles){-1, ends}, NULL, NULL, 0), ANYSOCK_EINVAL);
    CHECK_IS(anysock_select(&(anysock_handles){INT64_MAX, ends}, NULL, NULL, 0), ANYSOCK_EINVAL);
    CHECK_IS(anysock_handles_has(&(anysock_handles){-1, ends}, 1), ANYSOCK_EINVAL);
    CHECK_IS(anysock_poller_wait(poller_handle, &(anysock_event){0}, 0, 0), ANYSOCK_EINVAL);
    CHECK_IS(anysock_poller_wait(poller_handle, &(anysock_event){0}, 1, INT64_MIN), ANYSOCK_EINVAL);
    CHECK_IS(anysock_resolve("tcp", ":1", -2, memory, sizeof memory), ANYSOCK_EINVAL);
    const int64_t descriptors[] = {-1, INT64_MIN, INT64_MAX, INT32_MAX, (int64_t)UINT32_MAX + 1};
    for (size_t place = 0; place < COUNT(descriptors); place++) {
        CHECK_IS(anysock_adopt(descriptors[place]), ANYSOCK_EBADF);
    }
    OK(anysock_close(ends[0]));
    OK(anysock_close(ends[1]));
    close_both();
}

static void texts_that_are_none(void) {
    open_both();
    const char *const broken[] = {"\xff", "tcp\xc3", "\xed\xa0\x80"};
    for (size_t place = 0; place < COUNT(broken); place++) {
        CHECK_IS(anysock_open(broken[place]), ANYSOCK_EINVAL);
        CHECK_IS(anysock_bind(socket_handle, broken[place]), ANYSOCK_EINVAL);
        CHECK_IS(anysock_connect(socket_handle, broken[place]), ANYSOCK_EINVAL);
        CHECK_IS(anysock_set(socket_handle, broken[place], 1), ANYSOCK_EINVAL);
        CHECK_IS(anysock_has(broken[place]), ANYSOCK_EINVAL);
        CHECK_IS(anysock_resolve("tcp", broken[place], 0, memory, sizeof memory), ANYSOCK_EINVAL);
    }
    close_both();
}

/* Texts come out as from snprintf. */
static void texts_are_cut(void) {
    anysock_t h = OK(anysock_open("tcp4"));
    const char whole[] = "tcp4";
    for (size_t capacity = 0; capacity < sizeof memory; capacity++) {
        memset(memory, '#', sizeof memory);
        CHECK_IS(anysock_get_text(h, ANYSOCK_OPT_KIND, capacity ? memory : NULL, capacity), 4);
        if (capacity > 0) {
            size_t length = capacity - 1 < 4 ? capacity - 1 : 4;
            CHECK(memcmp(memory, whole, length) == 0 && memory[length] == '\0');
        }
        CHECK(memory[capacity < 5 ? capacity : 5] == '#');
    }
    OK(anysock_close(h));
}

/* Structs and arrays at odd addresses: no harm where it can be helped, a clear error where it can't. */
static void odd_addresses(void) {
    open_both();
    static char place[128];
    anysock_handles *set = (anysock_handles *)(void *)(place + 1);
    anysock_handles inside = one(&socket_handle);
    memcpy(set, &inside, sizeof inside);
    CHECK_IS(anysock_select(set, NULL, NULL, 0), 0);
    memcpy(&inside, set, sizeof inside);
    CHECK_IS(inside.count, 0);
    anysock_t *odd = (anysock_t *)(void *)(place + 65);
    memcpy(odd, &socket_handle, sizeof socket_handle);
    CHECK_IS(anysock_select(&(anysock_handles){1, odd}, NULL, NULL, 0), ANYSOCK_EINVAL);
    OK(anysock_get(socket_handle, ANYSOCK_OPT_KEEPALIVE, odd));
    OK(anysock_poller_wake(poller_handle));
    CHECK_IS(anysock_poller_wait(poller_handle, (anysock_event *)(void *)(place + 1), 2, -1), 0);
    close_both();
}

static void texts_for_every_number(void) {
    const int64_t numbers[] = {0, 1, -1, -133, -134, -3008, -10000, -20000, -20001, -39999, -40000, INT64_MIN, INT64_MAX};
    for (size_t place = 0; place < COUNT(numbers); place++) {
        CHECK(strlen(anysock_error_name(numbers[place])) > 0);
        CHECK(strlen(anysock_error_message(numbers[place])) > 0);
    }
    CHECK(strcmp(anysock_error_name(0), "OK") == 0);
    CHECK(strcmp(anysock_error_name(-20042), "EOS_42") == 0);
    CHECK(strcmp(anysock_error_name(7), "EUNKNOWN") == 0);
    CHECK(strcmp(anysock_version(), ANYSOCK_VERSION) == 0);
    CHECK_IS(anysock_abi_version(), ANYSOCK_ABI_VERSION);
    CHECK(anysock_last_os_error() >= 0);
}

int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    RUN(numbers_that_are_no_handles);
    RUN(the_wrong_kind_of_handle);
    RUN(null_pointers);
    RUN(numbers_that_make_no_sense);
    RUN(texts_that_are_none);
    RUN(texts_are_cut);
    RUN(odd_addresses);
    RUN(texts_for_every_number);
    return finish();
}
