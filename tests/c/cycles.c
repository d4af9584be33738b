/*
 * Opening and closing, very often: no descriptor and no memory stays behind, and no handle is ever given out twice.
 */
#include "check.h"

static int compare(const void *one, const void *other) {
    anysock_t a = *(const anysock_t *)one, b = *(const anysock_t *)other;
    return (a > b) - (a < b);
}

/* Runs the cycle often, after a few rounds that may leave what is made once. */
static void over_and_over(int times, anysock_t (*cycle)(int)) {
    enum { WARM_UP = 2000, MOST_GROWTH = 4096 /* kilobytes; a leak of 64 bytes a round would be three times that */ };
    anysock_t *handles = calloc((size_t)times, sizeof *handles);
    CHECK(handles != NULL);
    memset(handles, 0xff, (size_t)times * sizeof *handles); /* the list itself is no growth */
    struct descriptors *before = malloc(sizeof *before);
    CHECK(before != NULL);
    for (int round = 0; round < WARM_UP; round++) {
        cycle(round);
    }
    list_descriptors(before);
    long memory = resident_kilobytes();
    for (int round = 0; round < times; round++) {
        handles[round] = cycle(round);
    }
    check_descriptors(before);
    if (!is_slow()) {
        long growth = resident_kilobytes() - memory;
        if (growth > MOST_GROWTH) {
            fail(__FILE__, __LINE__, "%ld kB of memory stayed behind", growth);
        }
    }
    qsort(handles, (size_t)times, sizeof *handles, compare);
    for (int place = 0; place < times; place++) {
        CHECK(handles[place] > 0 && handles[place] < (int64_t)1 << 53);
        CHECK(place == 0 || handles[place] != handles[place - 1]);
    }
    free(before);
    free(handles);
}

static anysock_t open_and_close(int round) {
    static const char *const kinds[] = {"unix", "tcp", "udp4", "tcp6", "unixgram", "udp", "unixpacket", "tcp4"};
    const char *kind = kinds[round % (int)COUNT(kinds)];
    anysock_t handle = OK(anysock_open(anysock_has(kind) == 1 ? kind : "tcp4"));
    CHECK_IS(anysock_close(handle), 0);
    CHECK_IS(anysock_close(handle), ANYSOCK_EBADF);
    return handle;
}

static void two_hundred_thousand_handles(void) {
    over_and_over(rounds(200000, 4000), open_and_close);
}

/* What else may leave something: options kept, registrations, an own poller. */
static anysock_t open_with_trimmings(int round) {
    (void)round;
    anysock_t poller = OK(anysock_poller_open());
    anysock_t handle = OK(anysock_open("tcp"));
    OK(anysock_set(handle, ANYSOCK_OPT_TCP_NODELAY, 1));
    OK(anysock_poller_set(poller, handle, ANYSOCK_EVENT_READ, 7));
    OK(anysock_bind(handle, "127.0.0.1:0"));
    OK(anysock_close(handle));
    OK(anysock_close(poller));
    return handle;
}

static void pollers_and_options(void) {
    over_and_over(rounds(20000, 1000), open_with_trimmings);
}

static anysock_t listener;
static char address[ADDRESS];

static anysock_t connect_and_accept(int round) {
    anysock_t client = connect_to("tcp", address);
    anysock_t server = OK(anysock_accept(listener));
    CHECK_IS(anysock_write_all(client, "x", 1), 1);
    char byte;
    CHECK_IS(anysock_read(server, &byte, 1), 1);
    /* A reset leaves no TIME_WAIT behind, of which there can be no more than ports. */
    OK(anysock_set(client, ANYSOCK_OPT_LINGER, 0));
    OK(anysock_close(client));
    /* It is the end of the connection that counts here; Wine takes a reset for an end now and then. */
    int64_t end = anysock_read(server, &byte, 1);
    CHECK(end == ANYSOCK_ECONNRESET || end == 0);
    OK(anysock_close(server));
    return round % 2 ? client : server;
}

static void twenty_thousand_connections(void) {
    listener = listen_tcp(address);
    over_and_over(rounds(20000, 500), connect_and_accept);
    OK(anysock_close(listener));
}

int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    RUN(two_hundred_thousand_handles);
    RUN(pollers_and_options);
    RUN(twenty_thousand_connections);
    return finish();
}
