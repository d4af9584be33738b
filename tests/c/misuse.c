/*
 * Every call that blocks, against every other call and every option on the same handle while it does: whatever comes of it,
 * the call ends, its answer is one that it may give, and no memory but the caller's own is written. Memory has guards here;
 * under valgrind, or built with -fsanitize=address, none are needed. Not here: bad arguments (nulls.c).
 */
#include "check.h"

#include <sys/uio.h>

enum { ROOM = 16, GUARD = 1024, PATTERN = 0x5a, MANY_FILES = 200, MOST_OPTIONS = 256 };

/* ------------------------------------------------------------------- memory */

/* Just so much memory, with nothing behind it that may be written. */
static unsigned char *make_room(size_t size) {
    unsigned char *room = malloc(size + GUARD);
    CHECK(room != NULL);
    memset(room, PATTERN, size + GUARD);
    return room;
}

static void check_room(unsigned char *room, size_t size) {
    for (size_t place = size; place < size + GUARD; place++) {
        CHECK(room[place] == PATTERN);
    }
    free(room);
}

/* ------------------------------------------------------------ blocked calls */

static anysock_t victim, peer;

static int64_t at_most(int64_t result, int64_t most) {
    CHECK(result <= most && (result >= 0 || strcmp(anysock_error_name(result), "EUNKNOWN") != 0));
    CHECK(result != ANYSOCK_EINTERNAL);
    return result;
}

static int64_t with_room(int64_t (*call)(unsigned char *)) {
    unsigned char *room = make_room(ROOM);
    int64_t result = at_most(call(room), ROOM);
    check_room(room, ROOM);
    return result;
}

static int64_t read_into(unsigned char *room) {
    return anysock_read(victim, room, ROOM);
}

static int64_t read_full_into(unsigned char *room) {
    return anysock_read_full(victim, room, ROOM);
}

static int64_t peek_into(unsigned char *room) {
    return anysock_recv(victim, room, ROOM, ANYSOCK_FLAG_PEEK | ANYSOCK_FLAG_WAIT_ALL);
}

static int64_t readv_into(unsigned char *room) {
    anysock_buffer pieces[] = {{room, 3}, {room + 3, ROOM - 3}};
    return anysock_readv(victim, pieces, 2);
}

static int64_t recv_from_into(unsigned char *room) {
    char *address = (char *)make_room(8);
    int64_t result = anysock_recv_from(victim, room, ROOM, 0, address, 8);
    check_room((unsigned char *)address, 8);
    return result;
}

/* With room for little control data: none, a header, a header and a descriptor. */
static int64_t recv_message_with(unsigned char *room, size_t raw_length, size_t handle_count) {
    unsigned char *raw = make_room(raw_length), *handles = make_room(handle_count * sizeof(anysock_t));
    unsigned char *controls = make_room(sizeof(anysock_control));
    anysock_buffer piece = {room, ROOM};
    anysock_message message = {.size = sizeof message,
                               .buffers = &piece,
                               .buffer_count = 1,
                               .controls = (anysock_control *)(void *)controls,
                               .control_count = 1,
                               .handles = (anysock_t *)(void *)handles,
                               .handle_count = handle_count,
                               .raw_control = raw_length == 0 ? NULL : raw,
                               .raw_length = raw_length};
    int64_t result = anysock_recv_message(victim, &message, 0);
    if (result >= 0) {
        CHECK(message.raw_length <= raw_length && message.handle_count <= handle_count && message.control_count <= 1);
        for (size_t place = 0; place < message.handle_count; place++) {
            OK(anysock_close(((anysock_t *)(void *)handles)[place]));
        }
    }
    check_room(raw, raw_length);
    check_room(handles, handle_count * sizeof(anysock_t));
    check_room(controls, sizeof(anysock_control));
    return result;
}

static int64_t recv_message_into(unsigned char *room) {
    return recv_message_with(room, 16, 253);
}

static int64_t recv_message_without_raw(unsigned char *room) {
    return recv_message_with(room, 0, 2);
}

static int64_t recv_many_into(unsigned char *room) {
    anysock_datagram datagrams[2] = {{.data = room, .length = 8}, {.data = room + 8, .length = ROOM - 8}};
    return anysock_recv_many(victim, datagrams, 2, 0);
}

static char much[1 << 18];

static int64_t write_much(void *unused) {
    (void)unused;
    return at_most(anysock_write_all(victim, much, sizeof much), sizeof much);
}

static int64_t writev_much(void *unused) {
    anysock_buffer pieces[] = {{much, 5}, {much, 1000}};
    (void)unused;
    return at_most(anysock_writev(victim, pieces, 2), 1005);
}

static int64_t send_message_much(void *unused) {
    anysock_buffer piece = {much, 1000};
    anysock_t handles[] = {peer};
    anysock_message message = {
        .size = sizeof message, .buffers = &piece, .buffer_count = 1, .handles = handles, .handle_count = 1};
    (void)unused;
    return at_most(anysock_send_message(victim, &message, 0), 1000);
}

static int64_t send_to_much(void *unused) {
    (void)unused;
    return at_most(anysock_send_to(victim, much, 100, 0, NULL), 100);
}

static int64_t send_many_much(void *unused) {
    anysock_datagram datagrams[2] = {{.data = much, .length = 100}, {.data = much, .length = 100}};
    (void)unused;
    return at_most(anysock_send_many(victim, datagrams, 2, 0), 2);
}

static int64_t send_file_much(void *unused) {
    FILE *file = tmpfile();
    (void)unused;
    CHECK(file != NULL && ftruncate(fileno(file), sizeof much) == 0);
    int64_t result = at_most(anysock_send_file(victim, fileno(file), 0, sizeof much), sizeof much);
    fclose(file);
    return result;
}

/* What came of one operation of a queue. */
static int64_t run_in_queue(anysock_op op) {
    unsigned char *room = make_room(sizeof(anysock_done));
    const anysock_done *done = (const anysock_done *)(void *)room;
    anysock_t queue = OK(anysock_queue_open(1, ROOM));
    op.handle = victim;
    int64_t result = anysock_queue_run(queue, &op, 1, (anysock_done *)(void *)room, 1, -1);
    if (result == 1) {
        result = done->result;
    }
    OK(anysock_close(queue));
    check_room(room, sizeof *done);
    return result;
}

static int64_t queue_read(void *unused) {
    (void)unused;
    return at_most(run_in_queue((anysock_op){.op = ANYSOCK_OP_READ}), ROOM);
}

static int64_t queue_write(void *unused) {
    (void)unused;
    return at_most(run_in_queue((anysock_op){.op = ANYSOCK_OP_WRITE, .data = (int64_t)(uintptr_t)much, .length = 1000}), 1000);
}

static int64_t accept_many(void *unused) {
    unsigned char *room = make_room(2 * sizeof(anysock_t));
    (void)unused;
    int64_t result = at_most(anysock_accept_many(victim, (anysock_t *)(void *)room, 2), 2);
    for (int64_t place = 0; place < result; place++) {
        OK(anysock_close(((anysock_t *)(void *)room)[place]));
    }
    check_room(room, 2 * sizeof(anysock_t));
    return result;
}

static int64_t accept_one(void *unused) {
    (void)unused;
    int64_t result = anysock_accept(victim);
    if (result > 0) {
        OK(anysock_close(result));
    }
    return result;
}

static int64_t select_one(void *unused) {
    anysock_t watched[] = {victim};
    anysock_handles set = {1, watched};
    (void)unused;
    return at_most(anysock_select(&set, NULL, NULL, -1), 1);
}

static int64_t wait_in_poller(void *unused) {
    unsigned char *room = make_room(sizeof(anysock_event));
    anysock_t poller = OK(anysock_poller_open());
    (void)unused;
    int64_t result = anysock_poller_set(poller, victim, ANYSOCK_EVENT_READ, 1);
    if (result == 0) {
        result = at_most(anysock_poller_wait(poller, (anysock_event *)(void *)room, 1, -1), 1);
    }
    OK(anysock_close(poller));
    check_room(room, sizeof(anysock_event));
    return result;
}

static char silent_address[ADDRESS];

static int64_t connect_in_vain(void *unused) {
    (void)unused;
    int64_t result = anysock_connect(victim, silent_address);
    CHECK(result != 0); /* nobody answers: a connection there can't be */
    return result;
}

#define READER(name)                         \
    static int64_t do_##name(void *unused) { \
        (void)unused;                        \
        return with_room(name);              \
    }
READER(read_into)
READER(read_full_into)
READER(peek_into)
READER(readv_into)
READER(recv_from_into)
READER(recv_message_into)
READER(recv_message_without_raw)
READER(recv_many_into)

/* ------------------------------------------------------------------- stages */

static void stage_pair(void) {
    OK(anysock_pair("unix", &victim, &peer));
}

static void stuff(void) {
    OK(anysock_set(victim, ANYSOCK_OPT_WRITE_TIMEOUT, 0));
    while (anysock_write(victim, much, 1000) > 0) {
    }
    OK(anysock_set(victim, ANYSOCK_OPT_WRITE_TIMEOUT, -1));
}

static void stage_full(void) {
    stage_pair();
    stuff();
}

static void stage_datagrams(void) {
    OK(anysock_pair("unixgram", &victim, &peer));
}

static void stage_full_datagrams(void) {
    stage_datagrams();
    stuff();
}

static void stage_listener(void) {
    char address[ADDRESS];
    victim = listen_tcp(address);
    peer = OK(anysock_open("unix"));
}

static void stage_connecting(void) {
    victim = OK(anysock_open("tcp4"));
    peer = OK(anysock_open("unix"));
}

static const struct blocked {
    const char *name;
    void (*stage)(void);
    int64_t (*body)(void *);
} blocked[] = {
    {"read", stage_pair, do_read_into},
    {"read_full", stage_pair, do_read_full_into},
    {"recv, peek", stage_pair, do_peek_into},
    {"readv", stage_pair, do_readv_into},
    {"recv_from", stage_datagrams, do_recv_from_into},
    {"recv_message", stage_pair, do_recv_message_into},
    {"recv_message, no raw control", stage_pair, do_recv_message_without_raw},
    {"recv_message, datagrams", stage_datagrams, do_recv_message_into},
    {"recv_many", stage_datagrams, do_recv_many_into},
    {"write_all", stage_full, write_much},
    {"writev", stage_full, writev_much},
    {"send_message", stage_full, send_message_much},
    {"send_file", stage_full, send_file_much},
    {"send_to", stage_full_datagrams, send_to_much},
    {"send_many", stage_full_datagrams, send_many_much},
    {"queue_run, a read", stage_pair, queue_read},
    {"queue_run, a write", stage_full, queue_write},
    {"accept_many", stage_listener, accept_many},
    {"accept", stage_listener, accept_one},
    {"connect", stage_connecting, connect_in_vain},
    {"select", stage_pair, select_one},
    {"poller_wait", stage_pair, wait_in_poller},
};

/* -------------------------------------------------------------- other calls */

static void do_close(void) { anysock_close(victim); }
static void do_release(void) {
    int64_t fd = anysock_release(victim);
    if (fd >= 0) {
        close_plain((int)fd);
    }
}
static void shut_reading(void) { anysock_shutdown(victim, ANYSOCK_SHUT_READ); }
static void shut_writing(void) { anysock_shutdown(victim, ANYSOCK_SHUT_WRITE); }
static void shut_both(void) { anysock_shutdown(victim, ANYSOCK_SHUT_READ | ANYSOCK_SHUT_WRITE); }
static void do_bind(void) { anysock_bind(victim, "127.0.0.1:0"); }
static void do_listen(void) { anysock_listen(victim, 0); }
static void do_connect(void) {
    anysock_set(victim, ANYSOCK_OPT_CONNECT_TIMEOUT, 0);
    anysock_connect(victim, "127.0.0.1:1");
}
static void read_now(void) {
    char byte;
    anysock_recv(victim, &byte, 1, ANYSOCK_FLAG_DONT_WAIT);
}
static void write_now(void) { anysock_send(victim, "x", 1, ANYSOCK_FLAG_DONT_WAIT); }
static void ask_names(void) {
    char text[4];
    anysock_local_address(victim, text, sizeof text);
    anysock_peer_address(victim, text, sizeof text);
}
static void accept_now(void) {
    anysock_set(victim, ANYSOCK_OPT_ACCEPT_TIMEOUT, 0);
    anysock_accept(victim);
}
static void register_and_not(void) {
    anysock_t poller = OK(anysock_poller_open());
    anysock_poller_set(poller, victim, ANYSOCK_EVENT_READ | ANYSOCK_EVENT_EDGE, 1);
    anysock_poller_set(poller, victim, 0, 0);
    OK(anysock_close(poller));
}
static void lend(void) {
    int64_t fd = anysock_fd(victim);
    if (fd >= 0) {
        fcntl((int)fd, F_SETFL, 0);
    }
}

static void (*const others[])(void) = {do_close,   do_release, shut_reading, shut_writing, shut_both,        do_bind, do_listen,
                                       do_connect, read_now,   write_now,    ask_names,    accept_now, register_and_not, lend};

static char options[MOST_OPTIONS][64];
static size_t option_count;

/* All that the header names. */
static void list_options(void) {
    FILE *header = fopen("include/anysock.h", "r");
    char line[512];
    if (header == NULL) {
        SKIP("include/anysock.h is not where the program was started");
    }
    while (fgets(line, sizeof line, header) != NULL && option_count < MOST_OPTIONS) {
        option_count += sscanf(line, "#define ANYSOCK_OPT_%*s \"%63[a-z0-9_.]\"", options[option_count]) == 1;
    }
    fclose(header);
    CHECK(option_count > 60);
}

static void set_option(size_t option, int64_t value) {
    int64_t number;
    char text[64];
    anysock_set(victim, options[option], value);
    anysock_set_text(victim, options[option], "x");
    anysock_get(victim, options[option], &number);
    anysock_get_text(victim, options[option], text, sizeof text);
}

/* --------------------------------------------------------------- the matrix */

/* What ends a wait to read, with more beside it than there is room for; and makes room for one that writes. */
static void feed(void) {
    static union {
        struct cmsghdr header;
        char room[CMSG_SPACE(MANY_FILES * sizeof(int))];
    } control;
    static int files[MANY_FILES];
    char data[ROOM] = "q";
    struct iovec piece = {data, sizeof data};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.room};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof files);
    memcpy(CMSG_DATA(header), files, sizeof files); /* copies of descriptor 0 */
    int64_t fd = anysock_fd(peer);
    sendmsg((int)fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    /* Not into `much`, which the blocked call may be sending. */
    while (recv((int)fd, data, sizeof data, MSG_DONTWAIT) > 0) {
    }
}

static void try_pair(const struct blocked *blocked, size_t other, int64_t value) {
    struct call call;
    blocked->stage();
    start(&call, blocked->body, NULL);
    await_blocked(&call);
    if (other < COUNT(others)) {
        others[other]();
    } else {
        set_option(other - COUNT(others), value);
    }
    feed();
    for (int tries = 0; tries < 8 && !atomic_load(&call.done); tries++) {
        nap();
    }
    anysock_close(victim);
    join(&call);
    OK(anysock_close(peer));
}

static void blocked_calls_against_all_others(void) {
    struct silent silent;
    struct descriptors before;
    list_options();
    open_silent(&silent);
    memcpy(silent_address, silent.address, ADDRESS);
    list_descriptors(&before);
    size_t step = (size_t)rounds(1, 7), turn = 0;
    for (size_t place = 0; place < COUNT(blocked); place++) {
        for (size_t other = 0; other < COUNT(others) + option_count; other++) {
            bool is_native = other >= COUNT(others) && strcmp(options[other - COUNT(others)], "native") == 0;
            if (turn++ % step == 0 || is_native) {
                case_name = blocked[place].name;
                try_pair(&blocked[place], other, 1);
            }
        }
    }
    check_descriptors(&before);
    close_silent(&silent);
}

int main(int count, char **arguments) {
    (void)count;
    begin(arguments);
    RUN(blocked_calls_against_all_others);
    return finish();
}
