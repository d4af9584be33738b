/*
 * Hostile peers: what others can do who have one end of a socket. Descriptors by the hundred into a full table, sockets that
 * hold each other, forged credentials, urgent data without end, windows that stay shut, readers and writers who take a byte
 * at a time, datagrams of every length, connections that are gone before they are accepted.
 *
 * In each case everything ends, the others are served meanwhile, and nothing is left open. The peers are plain POSIX; bytes
 * and counts are drawn by the seed.
 *
 *     peers CASE ROUNDS SEED
 *     peers --list
 */
#include "check.h"

#include <poll.h>
#include <sys/resource.h>

#define PATIENCE (60 * SECOND)

static uint64_t state;
static long rounds_wanted;
static long done_so_far;

/* splitmix64. */
static size_t below(size_t limit) {
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % limit;
}

static int count_descriptors(void) {
    int count = 0;
    for (int fd = 0; fd < MOST_DESCRIPTORS; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

/* A handle, and its peer as a plain descriptor. */
static anysock_t pair_with_plain(int type, int *peer) {
    int ends[2];
    POSIX(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends));
    *peer = ends[1];
    anysock_t h = OK(anysock_adopt(ends[0]));
    OK(anysock_set(h, ANYSOCK_OPT_TIMEOUT, PATIENCE));
    return h;
}

static anysock_t tcp_with_plain(anysock_t listener, const char *address, int *peer) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1))};
    *peer = POSIX(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    POSIX(connect(*peer, (struct sockaddr *)&name, sizeof name));
    anysock_t h = OK(anysock_accept(listener));
    OK(anysock_set(h, ANYSOCK_OPT_TIMEOUT, PATIENCE));
    return h;
}

/* ------------------------------------------------------------ descriptors */

enum { MOST_PASSED = 253 };

/* A plain message with so many descriptors, all the same. */
static void send_descriptors(int peer, int passed, size_t count) {
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(MOST_PASSED * sizeof(int))];
    } control = {0};
    char byte = 'x';
    struct iovec piece = {&byte, 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    for (size_t at = 0; at < count; at++) {
        memcpy(CMSG_DATA(&control.head) + at * sizeof(int), &passed, sizeof passed);
    }
    CHECK(sendmsg(peer, &message, MSG_NOSIGNAL) == 1);
}

/* By whatever call the bytes are taken, descriptors that nobody asked for are closed. */
static int64_t take_byte(anysock_t h, size_t way, size_t room) {
    static anysock_t come[MOST_PASSED + 1];
    static anysock_t queue;
    char byte;
    anysock_buffer piece = {&byte, 1};
    anysock_datagram datagram = {.data = &byte, .length = 1};
    anysock_message message = {.size = sizeof message, .buffers = &piece, .buffer_count = 1, .handles = come, .handle_count = room};
    switch (way) {
        case 0: return anysock_read(h, &byte, 1);
        case 1: return anysock_readv(h, &piece, 1);
        case 2: return anysock_recv_from(h, &byte, 1, 0, NULL, 0);
        case 3: return anysock_recv_many(h, &datagram, 1, 0);
        case 4: {
            queue = queue != 0 ? queue : OK(anysock_queue_open(2, 64));
            anysock_op op = {.token = 1, .handle = h, .op = ANYSOCK_OP_READ};
            anysock_done done = {0};
            CHECK_IS(anysock_queue_run(queue, &op, 1, &done, 1, PATIENCE), 1);
            anysock_op give = {.op = ANYSOCK_OP_GIVE, .buffer = done.buffer};
            CHECK_IS(anysock_queue_run(queue, &give, done.buffer != 0, NULL, 0, 0), 0);
            return done.result;
        }
        default: {
            int64_t result = anysock_recv_message(h, &message, 0);
            for (size_t at = 0; result >= 0 && at < message.handle_count; at++) {
                OK(anysock_close(come[at]));
            }
            return result;
        }
    }
}

static void descriptors_into_a_full_table(void) {
    struct rlimit all;
    POSIX(getrlimit(RLIMIT_NOFILE, &all));
    int peer;
    anysock_t h = pair_with_plain(SOCK_DGRAM, &peer);
    for (size_t way = 0; way < 6; way++) { /* what the ways need for themselves */
        send_descriptors(peer, peer, 1);
        CHECK_IS(take_byte(h, way, 4), 1);
    }
    int before = count_descriptors();
    for (long turn = 0; turn < rounds_wanted; turn++) {
        send_descriptors(peer, peer, 1 + below(MOST_PASSED));
        int lowest = POSIX(dup(0));
        POSIX(close(lowest));
        struct rlimit few = {(rlim_t)lowest + below(20), all.rlim_max};
        POSIX(setrlimit(RLIMIT_NOFILE, &few));
        int64_t result = take_byte(h, below(6), below(MOST_PASSED + 1));
        POSIX(setrlimit(RLIMIT_NOFILE, &all));
        CHECK_IS(result, 1);
        CHECK_IS(count_descriptors(), before);
        done_so_far++;
    }
    OK(anysock_close(h));
    POSIX(close(peer));
}

/* Sockets whose only names stand in each other's queues: the kernel's own collector finds them once they are closed. */
static void cycles_of_descriptors(void) {
    int before = count_descriptors();
    for (long turn = 0; turn < rounds_wanted; turn++) {
        anysock_t ends[4];
        OK(anysock_pair("unix", &ends[0], &ends[1]));
        OK(anysock_pair("unixgram", &ends[2], &ends[3]));
        for (size_t at = 0; at < 4; at++) {
            anysock_t passed[] = {ends[below(4)], ends[below(4)]};
            char byte = 'c';
            anysock_buffer piece = {&byte, 1};
            anysock_message message = {.size = sizeof message, .buffers = &piece, .buffer_count = 1, .handles = passed, .handle_count = 2};
            CHECK_IS(anysock_send_message(ends[at], &message, 0), 1);
        }
        for (size_t at = 0; at < 4; at++) {
            OK(anysock_close(ends[at]));
        }
        CHECK_IS(count_descriptors(), before);
        done_so_far++;
    }
}

/* Only a privileged process may send other credentials than its own (unix(7)), and only of a process that exists. What is reported is what the kernel says. */
static void forged_credentials(void) {
    int peer;
    anysock_t h = pair_with_plain(SOCK_DGRAM, &peer);
    OK(anysock_set(h, "unix.credentials", 1));
    if (geteuid() == 0) {
        POSIX(seteuid(65534));
    }
    for (long turn = 0; turn < rounds_wanted; turn++) {
        struct ucred claim = {below(2) ? getpid() : (pid_t)below(1 << 22), (uid_t)below(3), (gid_t)below(3)};
        union {
            struct cmsghdr head;
            char room[CMSG_SPACE(sizeof claim)];
        } control = {0};
        char byte = 'x';
        struct iovec piece = {&byte, 1};
        struct msghdr forged = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
        control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof claim), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS};
        memcpy(CMSG_DATA(&control.head), &claim, sizeof claim);
        if (sendmsg(peer, &forged, MSG_NOSIGNAL) != 1) {
            CHECK(errno == EPERM);
            CHECK(send(peer, &byte, 1, MSG_NOSIGNAL) == 1);
            claim = (struct ucred){getpid(), getuid(), getgid()};
        }
        anysock_buffer room = {&byte, 1};
        anysock_control controls[2];
        anysock_message message = {.size = sizeof message, .buffers = &room, .buffer_count = 1, .controls = controls, .control_count = 2};
        CHECK_IS(anysock_recv_message(h, &message, 0), 1);
        CHECK_IS(message.control_count, 1);
        CHECK_IS(controls[0].kind, ANYSOCK_CONTROL_CREDENTIALS);
        CHECK_IS(controls[0].pid, claim.pid);
        CHECK_IS(controls[0].uid, claim.uid);
        done_so_far++;
    }
    OK(anysock_close(h));
    POSIX(close(peer));
}

/* -------------------------------------------------------------- streams */

/* Urgent data at every moment neither stops a reader nor loses a byte of the stream; a wait that did not ask for it is not woken. */
static void urgent_storm(void) {
    char address[ADDRESS], bytes[4096];
    anysock_t listener = listen_tcp(address), poller = OK(anysock_poller_open());
    int peer;
    anysock_t h = tcp_with_plain(listener, address, &peer);
    OK(anysock_poller_set(poller, h, ANYSOCK_EVENT_READ, 1));
    for (long turn = 0; turn < rounds_wanted; turn++) {
        size_t length = 1 + below(200), seen = 0;
        char sent[200];
        for (size_t at = 0; at < length; at++) {
            sent[at] = (char)('a' + below(26));
        }
        for (size_t at = 0; at < length;) {
            size_t piece = 1 + below(length - at);
            CHECK(send(peer, sent + at, piece, MSG_NOSIGNAL) == (ssize_t)piece);
            at += piece;
            CHECK(send(peer, "!", 1, MSG_OOB | MSG_NOSIGNAL) == 1);
        }
        while (seen < length) {
            anysock_event event;
            CHECK_IS(anysock_poller_wait(poller, &event, 1, PATIENCE), 1);
            int64_t count = anysock_recv(h, bytes, sizeof bytes, ANYSOCK_FLAG_DONT_WAIT);
            /* An urgent byte that another one has replaced becomes an ordinary byte of the stream (RFC 6093). */
            for (int64_t at = 0; at < count; at++) {
                if (bytes[at] != '!') {
                    CHECK_IS(bytes[at], sent[seen]);
                    seen++;
                }
            }
            CHECK(count > 0 || count == ANYSOCK_EAGAIN);
        }
        anysock_recv(h, bytes, 1, ANYSOCK_FLAG_OOB);
        done_so_far++;
    }
    OK(anysock_close(poller));
    OK(anysock_close(h));
    OK(anysock_close(listener));
    POSIX(close(peer));
}

/* A peer who never reads holds up neither those who have a timeout, nor a queue that serves others, nor a close. */
static void windows_that_stay_shut(void) {
    char address[ADDRESS];
    static char big[1 << 20];
    anysock_t listener = listen_tcp(address), queue = OK(anysock_queue_open(0, 0));
    for (long turn = 0; turn < rounds_wanted; turn++) {
        int shut, good;
        anysock_t stuck = tcp_with_plain(listener, address, &shut), served = tcp_with_plain(listener, address, &good);
        OK(anysock_set(stuck, ANYSOCK_OPT_WRITE_TIMEOUT, MILLISECOND));
        int64_t result;
        do { /* windows may grow for a while */
            result = anysock_write_all(stuck, big, sizeof big);
        } while (result > 0);
        CHECK_IS(result, ANYSOCK_ETIMEDOUT);
        OK(anysock_set(stuck, ANYSOCK_OPT_WRITE_TIMEOUT, -1));
        anysock_op ops[] = {
            {.token = 1, .handle = stuck, .op = ANYSOCK_OP_WRITE, .data = (int64_t)(uintptr_t)big, .length = sizeof big},
            {.token = 2, .handle = served, .op = ANYSOCK_OP_WRITE, .data = (int64_t)(uintptr_t) "ok", .length = 2},
        };
        anysock_done done[2];
        char two[2];
        CHECK_IS(anysock_queue_run(queue, ops, 2, done, 2, PATIENCE), 1);
        CHECK(done[0].token == 2 && done[0].result == 2);
        CHECK(recv(good, two, 2, MSG_WAITALL) == 2);
        OK(anysock_close(stuck));
        CHECK_IS(anysock_queue_run(queue, NULL, 0, done, 2, PATIENCE), 1);
        CHECK(done[0].token == 1 && done[0].result == ANYSOCK_ECANCELED);
        OK(anysock_close(served));
        POSIX(close(shut));
        POSIX(close(good));
        done_so_far++;
    }
    OK(anysock_close(queue));
    OK(anysock_close(listener));
}

static void *read_slowly(void *argument) {
    int peer = *(int *)argument;
    char byte, wanted = 0;
    while (recv(peer, &byte, 1, 0) == 1) {
        CHECK_IS(byte, wanted);
        wanted++;
    }
    return NULL;
}

/* A byte at a time, each of them right, with the smallest of buffers. */
static void slow_readers(void) {
    char address[ADDRESS], bytes[8192];
    for (size_t at = 0; at < sizeof bytes; at++) {
        bytes[at] = (char)at;
    }
    anysock_t listener = listen_tcp(address);
    for (long turn = 0; turn < rounds_wanted; turn++) {
        int peer, small = 1;
        anysock_t h = tcp_with_plain(listener, address, &peer);
        pthread_t reader;
        POSIX(setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof small));
        OK(anysock_set(h, ANYSOCK_OPT_SEND_BUFFER, 1));
        CHECK(pthread_create(&reader, NULL, read_slowly, &peer) == 0);
        CHECK_IS(anysock_write_all(h, bytes, sizeof bytes), sizeof bytes);
        OK(anysock_close(h));
        CHECK(pthread_join(reader, NULL) == 0);
        POSIX(close(peer));
        done_so_far++;
    }
    OK(anysock_close(listener));
}

/* Gone, by a reset, before anybody has accepted them: the next one is served. */
static void connections_that_are_gone(void) {
    char address[ADDRESS];
    anysock_t listener = listen_tcp(address);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1))};
    for (long turn = 0; turn < rounds_wanted; turn++) {
        size_t gone = 1 + below(20);
        for (size_t at = 0; at < gone; at++) {
            struct linger at_once = {1, 0};
            int peer = POSIX(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            POSIX(connect(peer, (struct sockaddr *)&name, sizeof name));
            POSIX(setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
            POSIX(close(peer));
        }
        anysock_t good = connect_to("tcp4", address), taken;
        char text[ADDRESS], other[ADDRESS];
        OK(anysock_local_address(good, text, sizeof text));
        for (;;) {
            taken = OK(anysock_accept(listener));
            OK(anysock_peer_address(taken, other, sizeof other));
            if (strcmp(text, other) == 0) {
                break;
            }
            OK(anysock_close(taken));
        }
        check_talk(good, taken);
        OK(anysock_close(good));
        OK(anysock_close(taken));
        done_so_far++;
    }
    OK(anysock_close(listener));
}

/* ------------------------------------------------------------- datagrams */

/* None of them is taken for another, whatever room there is. */
static void datagrams_of_every_length(void) {
    static char bytes[65536], room[65536];
    int peer;
    anysock_t h = pair_with_plain(SOCK_DGRAM, &peer);
    for (size_t at = 0; at < sizeof bytes; at++) {
        bytes[at] = (char)below(256);
    }
    for (long turn = 0; turn < rounds_wanted; turn++) {
        size_t length = below(turn % 2 ? 60000 : 40), space = below(turn % 3 ? 60000 : 40);
        CHECK(send(peer, bytes, length, MSG_NOSIGNAL) == (ssize_t)length);
        memset(room, 0, sizeof room);
        CHECK_IS(anysock_recv(h, room, space, ANYSOCK_FLAG_TRUNC), length);
        size_t come = length < space ? length : space;
        CHECK(memcmp(room, bytes, come) == 0 && (come == sizeof room || room[come] == 0));
        done_so_far++;
    }
    OK(anysock_close(h));
    POSIX(close(peer));
}

/* ------------------------------------------------------------------ cases */

#define CASES(X)                                                                                                        \
    X(descriptors_into_a_full_table) X(cycles_of_descriptors) X(forged_credentials) X(urgent_storm) X(windows_that_stay_shut) \
    X(slow_readers) X(connections_that_are_gone) X(datagrams_of_every_length)

#define ENTRY(name) {#name, name},
static const struct {
    const char *name;
    void (*body)(void);
} cases[] = {CASES(ENTRY)};

int main(int count, char **arguments) {
    for (size_t at = 0; count == 2 && at < COUNT(cases); at++) {
        puts(cases[at].name);
    }
    for (size_t at = 0; count == 4 && at < COUNT(cases); at++) {
        if (strcmp(cases[at].name, arguments[1]) == 0) {
            rounds_wanted = atol(arguments[2]);
            state = strtoull(arguments[3], NULL, 10);
            cases[at].body();
            printf("%ld\n", done_so_far);
        }
    }
    return EXIT_SUCCESS;
}
