/*
 * Eight threads use the same handles at once, and close them under each other. Every answer is one that a caller can
 * expect, and nobody ever reads what was sent over another connection.
 */
#include "check.h"

enum { THREADS = 8, PLACES = 6 };

/* A connection over which both ends send only its own byte. It is never changed, and freed at the end of the case. */
struct connection {
    anysock_t ends[2];
    unsigned char tag;
    struct connection *before;
};

static const char *kind;
static int operations;
static struct connection *_Atomic places[PLACES];
static struct connection *_Atomic all;
static atomic_uint tags;
static atomic_int received;
static anysock_t poller;

static unsigned next(unsigned *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static int64_t expect_one_of(const char *call, int64_t result, const int64_t *codes, size_t count) {
    for (size_t place = 0; result < 0 && place < count; place++) {
        if (result == codes[place]) {
            return result;
        }
    }
    if (result < 0) {
        fail(__FILE__, __LINE__, "%s on %s is %s", call, kind, name_of(result));
    }
    return result;
}

#define EXPECT(call, ...) \
    expect_one_of(#call, (call), (const int64_t[]){__VA_ARGS__}, COUNT(((const int64_t[]){__VA_ARGS__})))

/* Somebody else has closed it, before or during the call. */
#define CLOSED ANYSOCK_EBADF, ANYSOCK_ECANCELED
/* Somebody else has closed the peer, or shut a half. */
#define ENDED ANYSOCK_EPIPE, ANYSOCK_ECONNRESET, ANYSOCK_ENOTCONN

static void put_new(size_t place) {
    struct connection *connection = calloc(1, sizeof *connection);
    CHECK(connection != NULL);
    OK(anysock_pair(kind, &connection->ends[0], &connection->ends[1]));
    for (int end = 0; end < 2; end++) {
        OK(anysock_set(connection->ends[end], ANYSOCK_OPT_TIMEOUT, 1000)); /* else all might wait for each other */
    }
    connection->tag = (unsigned char)atomic_fetch_add(&tags, 1);
    connection->before = atomic_load(&all);
    while (!atomic_compare_exchange_weak(&all, &connection->before, connection)) {
    }
    /* Who still uses the old one finds its handles closed. */
    struct connection *old = atomic_exchange(&places[place], connection);
    for (int end = 0; old != NULL && end < 2; end++) {
        EXPECT(anysock_close(old->ends[end]), ANYSOCK_EBADF);
    }
}

static void check_bytes(const struct connection *connection, const unsigned char *data, int64_t count) {
    for (int64_t place = 0; place < count; place++) {
        if (data[place] != connection->tag) {
            fail(__FILE__, __LINE__, "%d was read over the connection of %d", data[place], connection->tag);
        }
    }
    atomic_fetch_add(&received, count > 0);
}

static void use(const struct connection *connection, unsigned choice, unsigned *state) {
    anysock_t h = connection->ends[next(state) % 2];
    unsigned char data[64];
    char text[64];
    int64_t value;
    anysock_event events[4];
    anysock_handles set = {1, &h};
    memset(data, connection->tag, sizeof data);
    switch (choice) {
    case 0:
    case 1:
        EXPECT(anysock_send(h, data, 1 + next(state) % sizeof data, ANYSOCK_FLAG_DONT_WAIT), CLOSED, ENDED, ANYSOCK_EAGAIN);
        break;
    case 2:
        EXPECT(anysock_write_all(h, data, sizeof data), CLOSED, ENDED, ANYSOCK_ETIMEDOUT);
        break;
    case 3:
    case 4:
        check_bytes(connection, data,
                    EXPECT(anysock_recv(h, data, sizeof data, ANYSOCK_FLAG_DONT_WAIT), CLOSED, ENDED, ANYSOCK_EAGAIN));
        break;
    case 5:
        check_bytes(connection, data, EXPECT(anysock_read(h, data, sizeof data), CLOSED, ENDED, ANYSOCK_ETIMEDOUT));
        break;
    case 6:
        EXPECT(anysock_select(&set, NULL, NULL, (int64_t)(next(state) % 2000)), CLOSED);
        break;
    case 7:
        EXPECT(anysock_poller_set(poller, h, 1 + (int32_t)(next(state) % 7), 0), CLOSED);
        break;
    case 8:
        EXPECT(anysock_poller_wait(poller, events, COUNT(events), (int64_t)(next(state) % 2000)), ANYSOCK_ECANCELED);
        break;
    case 9:
        EXPECT(anysock_poller_set(poller, h, 0, 0), CLOSED, ANYSOCK_ENOENT);
        OK(anysock_poller_wake(poller));
        break;
    case 10:
        EXPECT(anysock_local_address(h, text, sizeof text), CLOSED);
        EXPECT(anysock_get(h, ANYSOCK_OPT_ERROR, &value), CLOSED);
        break;
    case 11:
        EXPECT(anysock_set(h, ANYSOCK_OPT_TIMEOUT, (int64_t)(1 + next(state) % 2000)), CLOSED);
        break;
    case 12:
        EXPECT(anysock_shutdown(h, ANYSOCK_SHUT_WRITE), CLOSED, ENDED);
        break;
    default:
        EXPECT(anysock_close(h), ANYSOCK_EBADF);
        break;
    }
}

static int64_t hammer(void *argument) {
    unsigned state = *(unsigned *)argument;
    for (int operation = 0; operation < operations; operation++) {
        size_t place = next(&state) % PLACES;
        unsigned choice = next(&state) % 64;
        if (choice > 60) {
            put_new(place);
        } else {
            /* Closing and shutting are rare, so that connections live long enough to be used. */
            use(atomic_load(&places[place]), choice < 56 ? choice % 12 : choice % 2 + 12, &state);
        }
    }
    return 0;
}

static void run_threads(const char *name) {
    struct descriptors *before = malloc(sizeof *before);
    struct call calls[THREADS];
    unsigned seeds[THREADS];
    CHECK(before != NULL);
    list_descriptors(before);
    kind = name;
    operations = rounds(20000, 500);
    poller = OK(anysock_poller_open());
    for (size_t place = 0; place < PLACES; place++) {
        put_new(place);
    }
    for (unsigned thread = 0; thread < THREADS; thread++) {
        seeds[thread] = 7919 * (thread + 1);
        start(&calls[thread], hammer, &seeds[thread]);
    }
    for (size_t thread = 0; thread < THREADS; thread++) {
        join(&calls[thread]);
    }
    CHECK(atomic_load(&received) > 0);
    for (struct connection *connection = atomic_load(&all), *next_one; connection != NULL; connection = next_one) {
        EXPECT(anysock_close(connection->ends[0]), ANYSOCK_EBADF);
        EXPECT(anysock_close(connection->ends[1]), ANYSOCK_EBADF);
        next_one = connection->before;
        free(connection);
    }
    OK(anysock_close(poller));
    check_descriptors(before);
    free(before);
}

static void eight_on_unix(void) {
    run_threads("unix");
}

static void eight_on_tcp(void) {
    run_threads("tcp");
}

static void eight_on_unixpacket(void) {
    if (anysock_has("unixpacket") != 1) {
        SKIP("no unixpacket");
    }
    run_threads("unixpacket");
}

int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    RUN(eight_on_unix);
    RUN(eight_on_tcp);
    RUN(eight_on_unixpacket);
    return finish();
}
