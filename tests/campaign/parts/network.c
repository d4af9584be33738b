/*
 * A bad network: what sockets say and do while packets are lost, swapped, doubled, damaged and swallowed, while ICMP
 * errors and resets come, while peers vanish, and while ports and descriptors run out. Both ends are here, each in a network
 * namespace of its own, with router.h between them.
 *
 *     network CASE VERSION BYTES CONNECTIONS SEED     one case over IPv4 or IPv6, in a process of its own
 *     network --list                                  their names and versions
 */
#include "router.h"

#include <sys/resource.h>

#define PATIENCE (120 * SECOND)

static int64_t transfer_bytes;
static long connection_count;
static long done_so_far;

/* A listener on the far side, and a connection from the near to it. */
struct line {
    anysock_t listener, near, far;
    char address[ADDRESS];
};

static anysock_t open_at(enum side side, const char *kind) {
    go_to(side);
    anysock_t h = OK(anysock_open(kind));
    OK(anysock_set(h, ANYSOCK_OPT_TIMEOUT, PATIENCE));
    go_to(NEAR_SIDE);
    return h;
}

static void listen_far(struct line *line) {
    line->listener = open_at(FAR_SIDE, internet->tcp);
    OK(anysock_bind(line->listener, internet->far));
    OK(anysock_listen(line->listener, 0));
    OK(anysock_local_address(line->listener, line->address, sizeof line->address));
}

static void meet(struct line *line) {
    line->near = open_at(NEAR_SIDE, internet->tcp);
    OK(anysock_connect(line->near, line->address));
    line->far = OK(anysock_accept(line->listener));
    OK(anysock_set(line->far, ANYSOCK_OPT_TIMEOUT, PATIENCE));
}

static void draw_line(struct line *line) {
    listen_far(line);
    meet(line);
}

static void end_line(struct line *line) {
    OK(anysock_close(line->near));
    OK(anysock_close(line->far));
    OK(anysock_close(line->listener));
}

/* ------------------------------------------------------------ big transfers */

enum { CHUNK = 1 << 20 };

/* What the stream has at each place. */
static uint8_t byte_at(int64_t place) {
    return (uint8_t)((place * 2654435761u) >> 13);
}

static void fill(uint8_t *bytes, size_t length, int64_t place) {
    for (size_t at = 0; at < length; at++) {
        bytes[at] = byte_at(place + (int64_t)at);
    }
}

static int64_t write_plainly(anysock_t h, int64_t length) {
    uint8_t *bytes = malloc(CHUNK);
    CHECK(bytes != NULL);
    int64_t sent = 0;
    while (sent < length) {
        size_t most = length - sent < CHUNK ? (size_t)(length - sent) : CHUNK;
        fill(bytes, most, sent);
        sent += OK(anysock_write_all(h, bytes, most));
    }
    free(bytes);
    return sent;
}

static int64_t send_as_file(anysock_t h, int64_t length) {
    uint8_t *bytes = malloc(CHUNK);
    int file = POSIX(memfd_create("transfer", MFD_CLOEXEC));
    int64_t sent = 0;
    CHECK(bytes != NULL);
    while (sent < length) {
        size_t most = length - sent < CHUNK ? (size_t)(length - sent) : CHUNK;
        fill(bytes, most, sent);
        CHECK(pwrite(file, bytes, most, 0) == (ssize_t)most);
        CHECK_IS(anysock_send_file(h, file, 0, (int64_t)most), most);
        sent += (int64_t)most;
        /* The kernel sends the pages themselves, later: they must not change. */
        POSIX(close(file));
        file = POSIX(memfd_create("transfer", MFD_CLOEXEC));
    }
    POSIX(close(file));
    free(bytes);
    return sent;
}

static int64_t write_by_queue(anysock_t h, int64_t length) {
    uint8_t *bytes = malloc(CHUNK);
    CHECK(bytes != NULL);
    anysock_t queue = OK(anysock_queue_open(0, 0));
    int64_t sent = 0, under_way = 0, done_bytes = 0;
    while (done_bytes < length) {
        anysock_done done[8];
        anysock_op op = {.token = 1, .handle = h, .op = ANYSOCK_OP_WRITE, .data = (int64_t)(uintptr_t)bytes};
        bool more = sent < length && under_way < 4;
        if (more) {
            op.length = length - sent < CHUNK ? length - sent : CHUNK;
            fill(bytes, (size_t)op.length, sent);
            sent += op.length;
            under_way++;
        }
        int64_t count = OK(anysock_queue_run(queue, &op, more, done, COUNT(done), more ? 0 : PATIENCE));
        for (int64_t at = 0; at < count; at++) {
            OK(done[at].result);
            done_bytes += done[at].result;
            under_way--;
        }
    }
    OK(anysock_close(queue));
    free(bytes);
    return done_bytes;
}

/* Reads to the end, and checks each byte. */
static int64_t check_stream(void *argument) {
    anysock_t h = *(anysock_t *)argument;
    static uint8_t bytes[CHUNK], wanted[CHUNK];
    int64_t place = 0;
    for (;;) {
        int64_t count = OK(anysock_read(h, bytes, CHUNK));
        if (count == 0) {
            return place;
        }
        fill(wanted, (size_t)count, place);
        CHECK(memcmp(bytes, wanted, (size_t)count) == 0);
        place += count;
    }
}

static void transfer(int64_t (*send)(anysock_t, int64_t), int64_t length) {
    struct line line;
    struct call reader;
    draw_line(&line);
    start(&reader, check_stream, &line.far);
    CHECK_IS(send(line.near, length), length);
    OK(anysock_shutdown(line.near, ANYSOCK_SHUT_WRITE));
    CHECK_IS(join(&reader), length);
    end_line(&line);
    done_so_far += length >> 20;
}

static void transfer_all_ways(int64_t length) {
    transfer(write_plainly, length);
    transfer(send_as_file, length);
    transfer(write_by_queue, length);
}

static void big_transfers(void) {
    transfer_all_ways(transfer_bytes);
}

static void transfers_with_loss(void) {
    router.lose = 10000;
    transfer_all_ways(transfer_bytes / 8);
}

static void transfers_with_swaps_and_doubles(void) {
    router.swap = router.twice = 50000;
    transfer_all_ways(transfer_bytes / 8);
}

static void transfers_with_damage(void) {
    router.damage = 10000;
    transfer_all_ways(transfer_bytes / 8);
}

/* ------------------------------------------------------------- ICMP errors */

/* The error that a connect on the near side gets, and that of a datagram that it has sent; 0: none. */
struct icmp_error {
    int type, code;
    int64_t connect, datagram;
};

static const struct icmp_error icmp4_errors[] = {
    {3, 0, ANYSOCK_ENETUNREACH, 0},
    {3, 1, ANYSOCK_EHOSTUNREACH, 0},
    {3, 2, ANYSOCK_ENOPROTOOPT, ANYSOCK_ENOPROTOOPT},
    {3, 3, ANYSOCK_ECONNREFUSED, ANYSOCK_ECONNREFUSED},
    {3, 4, 0, ANYSOCK_EMSGSIZE},
    {3, 5, ANYSOCK_EOPNOTSUPP, 0},
    {3, 6, ANYSOCK_ENETUNREACH, ANYSOCK_ENETUNREACH},
    {3, 7, ANYSOCK_EHOSTDOWN, ANYSOCK_EHOSTDOWN},
    {3, 8, ANYSOCK_ENONET, ANYSOCK_ENONET},
    {3, 9, ANYSOCK_ENETUNREACH, ANYSOCK_ENETUNREACH},
    {3, 10, ANYSOCK_EHOSTUNREACH, ANYSOCK_EHOSTUNREACH},
    {3, 11, ANYSOCK_ENETUNREACH, 0},
    {3, 12, ANYSOCK_EHOSTUNREACH, 0},
    {3, 13, ANYSOCK_EHOSTUNREACH, ANYSOCK_EHOSTUNREACH},
    {3, 14, ANYSOCK_EHOSTUNREACH, ANYSOCK_EHOSTUNREACH},
    {3, 15, ANYSOCK_EHOSTUNREACH, ANYSOCK_EHOSTUNREACH},
    {4, 0, 0, 0},
    {5, 1, 0, 0},
    {11, 0, ANYSOCK_EHOSTUNREACH, 0},
    {12, 0, ANYSOCK_EPROTO, ANYSOCK_EPROTO},
    {0, 0, 0, 0},
};

static const struct icmp_error icmp6_errors[] = {
    {1, 0, ANYSOCK_ENETUNREACH, 0},
    {1, 1, ANYSOCK_EACCES, ANYSOCK_EACCES},
    {1, 2, ANYSOCK_EHOSTUNREACH, 0},
    {1, 3, ANYSOCK_EHOSTUNREACH, 0},
    {1, 4, ANYSOCK_ECONNREFUSED, ANYSOCK_ECONNREFUSED},
    {1, 5, ANYSOCK_EACCES, ANYSOCK_EACCES},
    {1, 6, ANYSOCK_EACCES, ANYSOCK_EACCES},
    {1, 7, ANYSOCK_EPROTO, ANYSOCK_EPROTO},
    {2, 0, 0, ANYSOCK_EMSGSIZE},
    {3, 0, ANYSOCK_EHOSTUNREACH, 0},
    {3, 1, ANYSOCK_EHOSTUNREACH, 0},
    {4, 0, ANYSOCK_EPROTO, ANYSOCK_EPROTO},
    {4, 1, ANYSOCK_EPROTO, ANYSOCK_EPROTO},
    {4, 2, ANYSOCK_EPROTO, ANYSOCK_EPROTO},
    {0, 0, 0, 0},
};

/* Those of the version at hand; the last one has no type. */
static const struct icmp_error *icmp_errors(void) {
    return internet == &internets[1] ? icmp6_errors : icmp4_errors;
}

static void answer_with(const struct icmp_error *error) {
    router.icmp = (error->type << 8 | error->code) + 1;
}

static void icmp_against_connects(void) {
    struct line line;
    listen_far(&line);
    for (const struct icmp_error *error = icmp_errors(); error->type != 0; error++) {
        int64_t wanted = error->connect == 0 ? ANYSOCK_ETIMEDOUT : error->connect;
        char byte;
        anysock_t h = open_at(NEAR_SIDE, internet->tcp);
        OK(anysock_set(h, ANYSOCK_OPT_CONNECT_TIMEOUT, error->connect == 0 ? 300 * MILLISECOND : PATIENCE));
        answer_with(error);
        int64_t result = anysock_connect(h, line.address);
        be_good();
        if (result != wanted) {
            fail(__FILE__, __LINE__, "connect at ICMP %d/%d is %lld (%s)", error->type, error->code, (long long)result, name_of(result));
        }
        CHECK_IS(anysock_connect(h, line.address), wanted);
        CHECK_IS(anysock_read(h, &byte, 1), wanted);
        OK(anysock_close(h));
        done_so_far++;
    }
    meet(&line);
    check_talk(line.near, line.far);
    end_line(&line);
}

/* RFC 1122, 4.2.3.9: no such error ends a connection; what was written arrives once they have stopped. */
static void icmp_against_connections(void) {
    struct line line;
    draw_line(&line);
    for (const struct icmp_error *error = icmp_errors(); error->type != 0; error++) {
        answer_with(error);
        long before = router.passed;
        CHECK_IS(anysock_write(line.near, "x", 1), 1);
        while (router.passed == before) { /* until the error has gone out */
            nap();
        }
        be_good();
        char byte;
        CHECK_IS(anysock_read(line.far, &byte, 1), 1);
        check_talk(line.near, line.far);
        done_so_far++;
    }
    end_line(&line);
}

/* Reported once, and ends nothing. */
static void icmp_against_datagrams(void) {
    anysock_t far = open_at(FAR_SIDE, internet->udp), near = open_at(NEAR_SIDE, internet->udp);
    char address[ADDRESS], byte;
    OK(anysock_bind(far, internet->far));
    OK(anysock_local_address(far, address, sizeof address));
    OK(anysock_connect(near, address));
    for (const struct icmp_error *error = icmp_errors(); error->type != 0; error++) {
        answer_with(error);
        long before = router.passed;
        CHECK_IS(anysock_write(near, "x", 1), 1);
        while (router.passed == before) {
            nap();
        }
        be_good();
        if (error->datagram != 0) {
            CHECK_IS(anysock_read(near, &byte, 1), error->datagram);
        }
        CHECK_IS(anysock_recv(near, &byte, 1, ANYSOCK_FLAG_DONT_WAIT), ANYSOCK_EAGAIN);
        CHECK_IS(anysock_write(near, "y", 1), 1);
        CHECK_IS(anysock_read(far, &byte, 1), 1);
        CHECK_IS(byte, 'y');
        done_so_far++;
    }
    OK(anysock_close(near));
    OK(anysock_close(far));
}

/* ---------------------------------------------------- resets, and silence */

static void resets(void) {
    struct line line;
    char byte;
    draw_line(&line);
    router.resets = true;
    CHECK_IS(anysock_write(line.near, "x", 1), 1);
    CHECK_IS(anysock_read(line.near, &byte, 1), ANYSOCK_ECONNRESET);
    CHECK_IS(anysock_read(line.near, &byte, 1), ANYSOCK_ECONNRESET);
    CHECK(anysock_write(line.near, "x", 1) < 0);
    anysock_t refused = open_at(NEAR_SIDE, internet->tcp);
    CHECK_IS(anysock_connect(refused, line.address), ANYSOCK_ECONNREFUSED);
    be_good();
    OK(anysock_close(refused));
    end_line(&line);
    done_so_far = 2;
}

static int64_t connect_far(void *argument) {
    struct line *line = argument;
    return anysock_connect(line->near, line->address);
}

static void black_hole(void) {
    struct line line, other;
    char byte;
    draw_line(&line);
    other = line;
    router.swallow = 1000000;
    other.near = open_at(NEAR_SIDE, internet->tcp);
    OK(anysock_set(other.near, ANYSOCK_OPT_CONNECT_TIMEOUT, 200 * MILLISECOND));
    CHECK_IS(anysock_connect(other.near, line.address), ANYSOCK_ETIMEDOUT);
    OK(anysock_close(other.near));

    other.near = open_at(NEAR_SIDE, internet->tcp);
    struct call connecting;
    start(&connecting, connect_far, &other);
    await_blocked(&connecting);
    OK(anysock_close(other.near));
    CHECK_IS(join(&connecting), ANYSOCK_ECANCELED);

    OK(anysock_set(line.near, ANYSOCK_OPT_READ_TIMEOUT, 50 * MILLISECOND));
    CHECK_IS(anysock_write(line.near, "x", 1), 1);
    CHECK_IS(anysock_read(line.near, &byte, 1), ANYSOCK_ETIMEDOUT);
    be_good();
    CHECK_IS(anysock_read(line.far, &byte, 1), 1);
    check_talk(line.near, line.far);
    end_line(&line);
    done_so_far = 3;
}

/* The peer is gone, and says nothing. */
static void peers_that_vanish(void) {
    struct line line;
    char byte;
    draw_line(&line);
    OK(anysock_set(line.near, ANYSOCK_OPT_TCP_USER_TIMEOUT, 500 * MILLISECOND));
    router.swallow = 1000000;
    CHECK_IS(anysock_write(line.near, "x", 1), 1);
    CHECK_IS(anysock_read(line.near, &byte, 1), ANYSOCK_ETIMEDOUT);
    CHECK_IS(anysock_read(line.near, &byte, 1), ANYSOCK_ETIMEDOUT);
    be_good();
    end_line(&line);

    draw_line(&line);
    OK(anysock_set(line.near, ANYSOCK_OPT_TCP_KEEPALIVE_IDLE, SECOND));
    OK(anysock_set(line.near, ANYSOCK_OPT_TCP_KEEPALIVE_INTERVAL, SECOND));
    OK(anysock_set(line.near, ANYSOCK_OPT_TCP_KEEPALIVE_COUNT, 1));
    OK(anysock_set(line.near, ANYSOCK_OPT_KEEPALIVE, 1));
    anysock_t poller = OK(anysock_poller_open());
    anysock_event event;
    OK(anysock_poller_set(poller, line.near, ANYSOCK_EVENT_READ, 1));
    router.swallow = 1000000;
    CHECK_IS(anysock_poller_wait(poller, &event, 1, PATIENCE), 1);
    CHECK(event.events & ANYSOCK_EVENT_READ);
    CHECK_IS(anysock_read(line.near, &byte, 1), ANYSOCK_ETIMEDOUT);
    be_good();
    OK(anysock_close(poller));
    end_line(&line);
    done_so_far = 2;
}

/* -------------------------------------------------------------- exhaustion */

static int64_t serve_short(void *argument) {
    struct line *line = argument;
    for (long turn = 0; turn < connection_count; turn++) {
        char byte;
        anysock_t h = OK(anysock_accept(line->listener));
        OK(anysock_set(h, ANYSOCK_OPT_TIMEOUT, PATIENCE));
        CHECK_IS(anysock_read(h, &byte, 1), 1);
        CHECK_IS(anysock_write(h, &byte, 1), 1);
        OK(anysock_close(h)); /* first, so that the port of the other end is free again */
    }
    return 0;
}

/* A thread that has waited once has all that it keeps for itself. */
static void wait_in_vain(anysock_t listener) {
    OK(anysock_set(listener, ANYSOCK_OPT_ACCEPT_TIMEOUT, MILLISECOND));
    CHECK_IS(anysock_accept(listener), ANYSOCK_ETIMEDOUT);
    OK(anysock_set(listener, ANYSOCK_OPT_ACCEPT_TIMEOUT, -1));
}

static void short_connections(void) {
    struct line line;
    struct call server;
    struct descriptors before;
    listen_far(&line);
    wait_in_vain(line.listener);
    list_descriptors(&before);
    start(&server, serve_short, &line);
    for (long turn = 0; turn < connection_count; turn++) {
        char byte = (char)turn, same = 0;
        anysock_t h = open_at(NEAR_SIDE, internet->tcp);
        OK(anysock_connect(h, line.address));
        CHECK_IS(anysock_write(h, &byte, 1), 1);
        CHECK_IS(anysock_read(h, &same, 1), 1);
        CHECK_IS(same, byte);
        CHECK_IS(anysock_read(h, &same, 1), 0);
        OK(anysock_close(h));
        done_so_far++;
    }
    OK(join(&server));
    check_descriptors(&before);
    OK(anysock_close(line.listener));
}

static void set_port_range(const char *range) {
    int file = POSIX(open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC));
    CHECK(write(file, range, strlen(range)) == (ssize_t)strlen(range));
    POSIX(close(file));
}

static void ports_used_up(void) {
    enum { PORTS = 16 };
    struct line lines[PORTS + 1];
    listen_far(&lines[0]);
    set_port_range("50000 50015");
    for (int turn = 0; turn < 3; turn++) {
        int count = 0;
        for (; count <= PORTS; count++) {
            lines[count].near = open_at(NEAR_SIDE, internet->tcp);
            int64_t result = anysock_connect(lines[count].near, lines[0].address);
            if (result != 0) {
                CHECK_IS(result, ANYSOCK_EADDRNOTAVAIL);
                break;
            }
            lines[count].far = OK(anysock_accept(lines[0].listener));
        }
        CHECK(count > 0 && count <= PORTS);
        OK(anysock_close(lines[count].near));
        while (count-- > 0) {
            char byte;
            OK(anysock_close(lines[count].far));
            OK(anysock_set(lines[count].near, ANYSOCK_OPT_TIMEOUT, PATIENCE));
            CHECK_IS(anysock_read(lines[count].near, &byte, 1), 0);
            OK(anysock_close(lines[count].near));
            done_so_far++;
        }
    }
    OK(anysock_close(lines[0].listener));
}

/* A connection that finds no descriptor stays in the queue. */
static void descriptors_used_up(void) {
    struct line line;
    struct rlimit all, few;
    draw_line(&line);
    POSIX(getrlimit(RLIMIT_NOFILE, &all));
    for (int turn = 0; turn < 100; turn++) {
        anysock_t near = open_at(NEAR_SIDE, internet->tcp);
        OK(anysock_connect(near, line.address));
        int lowest = POSIX(dup(0));
        POSIX(close(lowest));
        few = (struct rlimit){(rlim_t)lowest, all.rlim_max};
        POSIX(setrlimit(RLIMIT_NOFILE, &few));
        CHECK_IS(anysock_accept(line.listener), ANYSOCK_EMFILE);
        CHECK_IS(anysock_open(internet->tcp), ANYSOCK_EMFILE);
        anysock_t poller = anysock_poller_open();
        CHECK_IS(poller, ANYSOCK_EMFILE);
        check_talk(line.near, line.far);
        POSIX(setrlimit(RLIMIT_NOFILE, &all));
        anysock_t far = OK(anysock_accept(line.listener));
        check_talk(near, far);
        OK(anysock_close(near));
        OK(anysock_close(far));
        done_so_far++;
    }
    end_line(&line);
}

/* ------------------------------------------------------------------ cases */

#define CASES(X)                                                                                        \
    X(big_transfers, "MiB") X(transfers_with_loss, "MiB") X(transfers_with_swaps_and_doubles, "MiB")    \
    X(transfers_with_damage, "MiB") X(icmp_against_connects, "errors") X(icmp_against_connections, "errors") \
    X(icmp_against_datagrams, "errors") X(resets, "resets") X(black_hole, "holes")                      \
    X(peers_that_vanish, "peers") X(short_connections, "connections") X(ports_used_up, "connections")   \
    X(descriptors_used_up, "accepts")

#define ENTRY(name, unit) {#name, unit, name},
static const struct {
    const char *name, *unit;
    void (*body)(void);
} cases[] = {CASES(ENTRY)};

int main(int count, char **arguments) {
    for (size_t at = 0; count == 2 && at < COUNT(cases); at++) {
        printf("%s 4\n%s 6\n", cases[at].name, cases[at].name);
    }
    for (size_t at = 0; count == 6 && at < COUNT(cases); at++) {
        if (strcmp(cases[at].name, arguments[1]) != 0) {
            continue;
        }
        internet = &internets[strcmp(arguments[2], "6") == 0];
        const char *lack = open_network(strtoull(arguments[5], NULL, 10));
        if (lack != NULL) {
            printf("skip %s\n", lack);
            return SKIPPED;
        }
        transfer_bytes = atoll(arguments[3]);
        connection_count = atol(arguments[4]);
        cases[at].body();
        close_network();
        printf("%ld %s\n", done_so_far, cases[at].unit);
        return EXIT_SUCCESS;
    }
    return count == 2 ? EXIT_SUCCESS : 2;
}
