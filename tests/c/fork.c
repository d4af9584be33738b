/*
 * After fork every handle works in parent and child, and neither disturbs the other: not by closing, not through a
 * poller, and whatever other threads were doing at that moment. Not here: exec (exec.c).
 */
#include "check.h"
#include "resolver.h"

#include <poll.h>

enum { CHILD_SECONDS = 300, CLIENTS = 8 };

/*
 * Runs the body in a forked child. There it gets a thread of its own, so that what the library keeps for each thread
 * is gone when it has ended. Another program takes the child's place in the end: for valgrind, what only the threads
 * knew that the child does not have would be lost.
 */
static pid_t fork_child(int64_t (*body)(void *), void *argument) {
    pid_t child = POSIX(fork());
    if (child == 0) {
        alarm(is_slow() ? 4 * CHILD_SECONDS : CHILD_SECONDS);
        struct call call;
        start(&call, body, argument);
        join(&call);
        execlp("true", "true", (char *)NULL);
        _exit(EXIT_FAILURE);
    }
    return child;
}

static void run_child(int64_t (*body)(void *), void *argument) {
    expect_success(fork_child(body, argument));
}

/* ------------------------------------------------- what every child can do */

static int64_t read_a_byte(void *argument) {
    char byte;
    return anysock_read(*(anysock_t *)argument, &byte, 1);
}

/* A close in one thread wakes a read in another. */
static void check_close_wakes(void) {
    anysock_t one, other;
    OK(anysock_pair("unix", &one, &other));
    struct call call;
    start(&call, read_a_byte, &one);
    await_blocked(&call);
    OK(anysock_close(one));
    CHECK_IS(join(&call), ANYSOCK_ECANCELED);
    OK(anysock_close(other));
}

static void check_tcp(void) {
    char address[ADDRESS];
    anysock_t listener = listen_tcp(address);
    anysock_t client = connect_to("tcp", address);
    OK(anysock_set(client, ANYSOCK_OPT_LINGER, 0)); /* no port must wait: there are many rounds */
    anysock_t server = OK(anysock_accept(listener));
    check_talk(client, server);
    OK(anysock_close(client));
    OK(anysock_close(server));
    OK(anysock_close(listener));
}

/* `ready` has something to read, the other has not. */
static void check_select(anysock_t ready, anysock_t idle) {
    anysock_t array[] = {idle, ready};
    anysock_handles set = {2, array};
    CHECK_IS(anysock_select(&set, NULL, NULL, 60 * SECOND), 1);
    CHECK_IS(set.count, 1);
    CHECK_IS(array[0], ready);
}

static void check_wait(anysock_t poller, anysock_t handle, int64_t token, int32_t events) {
    anysock_event event;
    CHECK_IS(anysock_poller_wait(poller, &event, 1, 60 * SECOND), 1);
    CHECK_IS(event.handle, handle);
    CHECK_IS(event.token, token);
    CHECK_IS(event.events, events);
}

static void check_nothing(anysock_t poller) {
    anysock_event event;
    CHECK_IS(anysock_poller_wait(poller, &event, 1, 0), 0);
}

static void check_readiness(void) {
    anysock_t one, other, poller = OK(anysock_poller_open());
    OK(anysock_pair("unix", &one, &other));
    OK(anysock_poller_set(poller, one, ANYSOCK_EVENT_READ, 7));
    check_nothing(poller);
    CHECK_IS(anysock_write(other, "x", 1), 1);
    check_select(one, other);
    check_wait(poller, one, 7, ANYSOCK_EVENT_READ);
    OK(anysock_close(poller));
    OK(anysock_close(one));
    OK(anysock_close(other));
}

static void check_timeout(void) {
    anysock_t one, other;
    OK(anysock_pair("unix", &one, &other));
    OK(anysock_set(one, ANYSOCK_OPT_READ_TIMEOUT, MILLISECOND));
    CHECK_IS(read_a_byte(&one), ANYSOCK_ETIMEDOUT);
    OK(anysock_close(one));
    OK(anysock_close(other));
}

/* A process that has just been born can do everything. */
static void check_everything(void) {
    char text[ADDRESS];
    check_tcp();
    check_readiness();
    check_timeout();
    check_close_wakes();
    OK(anysock_resolve("tcp4", "two.test:80", 60 * SECOND, text, sizeof text));
    CHECK(strcmp(text, "127.0.0.1:80\n127.0.0.2:80") == 0);
}

static void check_closed(anysock_t handle) {
    int64_t fd = anysock_fd(handle);
    OK(anysock_close(handle));
    CHECK_IS(anysock_close(handle), ANYSOCK_EBADF);
    CHECK(fd < 0 || (fcntl((int)fd, F_GETFD) == -1 && errno == EBADF));
}

/* ------------------------------------------------- one process per client */

static int64_t be_clients(void *argument) {
    anysock_t clients[CLIENTS];
    for (int place = 0; place < CLIENTS; place++) {
        clients[place] = connect_to("tcp", argument);
    }
    for (int place = 0; place < CLIENTS; place++) {
        char request[16], answer[16];
        int length = snprintf(request, sizeof request, "request %d", place);
        CHECK_IS(anysock_write_all(clients[place], request, (size_t)length), length);
        OK(anysock_shutdown(clients[place], ANYSOCK_SHUT_WRITE));
        /* More than the echo is asked for: the end must come, and only one process can bring it. */
        CHECK_IS(anysock_read_full(clients[place], answer, sizeof answer), length);
        CHECK(memcmp(request, answer, (size_t)length) == 0);
        OK(anysock_close(clients[place]));
    }
    return 0;
}

struct served {
    anysock_t listener, connection;
    int parent_has_closed[2];
};

static int64_t serve_one(void *argument) {
    struct served *served = argument;
    char data[64], byte;
    OK(anysock_close(served->listener));
    POSIX(close(served->parent_has_closed[1]));
    CHECK(read(served->parent_has_closed[0], &byte, 1) == 0);
    for (int64_t length; (length = OK(anysock_read(served->connection, data, sizeof data))) > 0;) {
        CHECK_IS(anysock_write_all(served->connection, data, (size_t)length), length);
    }
    OK(anysock_close(served->connection));
    return 0;
}

static void one_process_per_client(void) {
    char address[ADDRESS];
    struct served served = {.listener = listen_tcp(address)};
    pid_t clients = fork_child(be_clients, address), children[CLIENTS];
    for (int place = 0; place < CLIENTS; place++) {
        served.connection = OK(anysock_accept(served.listener));
        POSIX(pipe(served.parent_has_closed));
        children[place] = fork_child(serve_one, &served);
        OK(anysock_close(served.connection));
        POSIX(close(served.parent_has_closed[0]));
        POSIX(close(served.parent_has_closed[1]));
    }
    expect_success(clients);
    for (int place = 0; place < CLIENTS; place++) {
        expect_success(children[place]);
    }
    /* No child has taken the listener with it. */
    anysock_t client = connect_to("tcp", address), server = OK(anysock_accept(served.listener));
    check_talk(client, server);
    OK(anysock_close(client));
    OK(anysock_close(server));
    OK(anysock_close(served.listener));
}

/* ------------------------------------------------------------ closing */

struct two {
    anysock_t one, other;
    int go[2];
};

static int64_t close_both(void *argument) {
    struct two *two = argument;
    check_closed(two->one);
    check_closed(two->other);
    return 0;
}

static int64_t talk_once_told(void *argument) {
    struct two *two = argument;
    char byte;
    POSIX(close(two->go[1]));
    CHECK(read(two->go[0], &byte, 1) == 0);
    check_talk(two->one, two->other);
    return 0;
}

static void closing_disturbs_nobody(void) {
    static const char *const kinds[] = {"unix", "unixgram", "unixpacket", "tcp", "tcp6"};
    for (size_t place = 0; place < COUNT(kinds); place++) {
        struct two two;
        if (strcmp(kinds[place], "tcp6") == 0 && anysock_has("tcp6") == 0) {
            continue;
        }
        OK(anysock_pair(kinds[place], &two.one, &two.other));
        run_child(close_both, &two);
        check_talk(two.one, two.other);
        POSIX(pipe(two.go));
        pid_t child = fork_child(talk_once_told, &two);
        OK(anysock_close(two.one));
        OK(anysock_close(two.other));
        POSIX(close(two.go[0]));
        POSIX(close(two.go[1]));
        expect_success(child);
    }
}

static int64_t close_one(void *argument) {
    OK(anysock_close(*(anysock_t *)argument));
    return 0;
}

static int64_t shut_writing(void *argument) {
    return OK(anysock_shutdown(*(anysock_t *)argument, ANYSOCK_SHUT_WRITE));
}

/* The peer reads the end of the stream when the last copy is closed, and at once when one process shuts it. */
static void the_end_comes_with_the_last_copy(void) {
    struct two two;
    char byte;
    OK(anysock_pair("tcp", &two.one, &two.other));
    run_child(close_one, &two.one);
    CHECK_IS(anysock_recv(two.other, &byte, 1, ANYSOCK_FLAG_DONT_WAIT), ANYSOCK_EAGAIN);
    run_child(shut_writing, &two.one);
    CHECK_IS(anysock_read(two.other, &byte, 1), 0);
    OK(anysock_close(two.one));
    OK(anysock_close(two.other));
}

/* --------------------------------------------------------------- pollers */

struct polled {
    anysock_t poller, one, other, extra[2], dropped[2];
};

static int64_t change_registrations(void *argument) {
    struct polled *polled = argument;
    check_wait(polled->poller, polled->one, 1, ANYSOCK_EVENT_READ);
    OK(anysock_poller_set(polled->poller, polled->one, ANYSOCK_EVENT_WRITE, 2));
    check_wait(polled->poller, polled->one, 2, ANYSOCK_EVENT_WRITE);
    OK(anysock_poller_set(polled->poller, polled->one, 0, 0));
    check_nothing(polled->poller);
    OK(anysock_poller_set(polled->poller, polled->extra[0], ANYSOCK_EVENT_WRITE, 3));
    check_wait(polled->poller, polled->extra[0], 3, ANYSOCK_EVENT_WRITE);
    OK(anysock_close(polled->dropped[0]));
    OK(anysock_close(polled->poller));
    return 0;
}

/* The child sees the parent's registrations; what it changes is its own. */
static void registrations_are_copied(void) {
    struct polled polled = {.poller = OK(anysock_poller_open())};
    OK(anysock_pair("unix", &polled.one, &polled.other));
    OK(anysock_pair("unix", &polled.extra[0], &polled.extra[1]));
    OK(anysock_pair("unix", &polled.dropped[0], &polled.dropped[1]));
    OK(anysock_poller_set(polled.poller, polled.one, ANYSOCK_EVENT_READ, 1));
    OK(anysock_poller_set(polled.poller, polled.dropped[0], ANYSOCK_EVENT_READ, 4));
    check_nothing(polled.poller);
    CHECK_IS(anysock_write(polled.other, "x", 1), 1);
    for (int round = 0; round < 3; round++) {
        run_child(change_registrations, &polled);
        check_wait(polled.poller, polled.one, 1, ANYSOCK_EVENT_READ);
    }
    char byte;
    CHECK_IS(anysock_read(polled.one, &byte, 1), 1);
    check_nothing(polled.poller);
    CHECK_IS(anysock_write(polled.dropped[1], "x", 1), 1);
    check_wait(polled.poller, polled.dropped[0], 4, ANYSOCK_EVENT_READ);
}

static int64_t wait_in_poller(void *argument) {
    anysock_event events[4];
    return anysock_poller_wait(*(anysock_t *)argument, events, COUNT(events), -1);
}

static int64_t wake_poller(void *argument) {
    anysock_t poller = *(anysock_t *)argument;
    struct call call;
    OK(anysock_poller_wake(poller));
    CHECK_IS(wait_in_poller(&poller), 0);
    start(&call, wait_in_poller, &poller);
    await_blocked(&call);
    OK(anysock_poller_wake(poller));
    CHECK_IS(join(&call), 0);
    return 0;
}

static void wake_stays_in_its_process(void) {
    anysock_t poller = OK(anysock_poller_open());
    struct call call;
    start(&call, wait_in_poller, &poller);
    await_blocked(&call);
    run_child(wake_poller, &poller);
    run_child(wake_poller, &poller);
    check_nothing(poller); /* a wake from the child would end this one, or the other */
    CHECK(!atomic_load(&call.done));
    await_blocked(&call);
    OK(anysock_poller_wake(poller));
    CHECK_IS(join(&call), 0);
    OK(anysock_close(poller));
}

static bool is_readable(anysock_t poller) {
    struct pollfd entry = {(int)OK(anysock_fd(poller)), POLLIN, 0};
    return POSIX(poll(&entry, 1, 0)) == 1;
}

/* The parent's is ready for what both know; what the child takes out, and its wakes, are the child's. */
static int64_t ask_for_the_descriptor(void *argument) {
    struct polled *polled = argument;
    CHECK(is_readable(polled->poller));
    check_wait(polled->poller, polled->one, 1, ANYSOCK_EVENT_WRITE);
    OK(anysock_poller_set(polled->poller, polled->one, 0, 0));
    check_nothing(polled->poller);
    CHECK(!is_readable(polled->poller));
    OK(anysock_poller_wake(polled->poller));
    CHECK(is_readable(polled->poller));
    return 0;
}

static void a_child_has_a_descriptor_of_its_own(void) {
    struct polled polled = {.poller = OK(anysock_poller_open()), .one = OK(anysock_open("udp"))};
    CHECK(!is_readable(polled.poller));
    /* Ready without a descriptor: only the library knows. */
    OK(anysock_poller_set(polled.poller, polled.one, ANYSOCK_EVENT_WRITE, 1));
    for (int round = 0; round < 2; round++) {
        CHECK(is_readable(polled.poller));
        run_child(ask_for_the_descriptor, &polled);
    }
    OK(anysock_close(polled.one));
    check_nothing(polled.poller);
    run_child(wake_poller, &polled.poller);
    CHECK(!is_readable(polled.poller));
    OK(anysock_close(polled.poller));
}

/* ------------------------------------------------- select and its memory */

enum { MANY = 200 };

static anysock_t many[MANY][2];

static void select_many(int ready) {
    anysock_t array[MANY];
    anysock_handles set = {MANY, array};
    for (int place = 0; place < MANY; place++) {
        array[place] = many[place][0];
    }
    CHECK_IS(anysock_select(&set, NULL, NULL, 60 * SECOND), 1);
    CHECK_IS(array[0], many[ready][0]);
}

/* The child closes half of the handles, and its selects over the others find what is there. */
static int64_t select_in_child(void *argument) {
    select_many(*(int *)argument);
    for (int place = 0; place < MANY; place++) {
        if (place != *(int *)argument) {
            OK(anysock_close(many[place][0]));
            OK(anysock_pair("unix", &many[place][0], &many[place][1]));
        }
    }
    for (int round = 0; round < 5; round++) {
        select_many(*(int *)argument);
    }
    return 0;
}

/* A library that remembers the last select of a thread must not remember it across a fork. */
static void select_over_the_same_set(void) {
    for (int place = 0; place < MANY; place++) {
        OK(anysock_pair("unix", &many[place][0], &many[place][1]));
    }
    for (int ready = 0; ready < MANY; ready += 50) {
        CHECK_IS(anysock_write(many[ready][1], "x", 1), 1);
        for (int round = 0; round < 5; round++) {
            select_many(ready);
        }
        run_child(select_in_child, &ready);
        for (int round = 0; round < 5; round++) {
            select_many(ready);
        }
        char byte;
        CHECK_IS(anysock_read(many[ready][0], &byte, 1), 1);
    }
    for (int place = 0; place < MANY; place++) {
        OK(anysock_close(many[place][0]));
        OK(anysock_close(many[place][1]));
    }
}

/* ----------------------------------------------------------- generations */

struct line {
    anysock_t one, other, poller;
    int depth;
};

static int64_t descend(void *argument) {
    struct line *line = argument;
    check_talk(line->one, line->other);
    CHECK_IS(anysock_write(line->one, "x", 1), 1);
    check_wait(line->poller, line->other, 5, ANYSOCK_EVENT_READ);
    char byte;
    CHECK_IS(anysock_read(line->other, &byte, 1), 1);
    check_everything();
    if (line->depth-- > 0) {
        run_child(descend, line);
    }
    check_talk(line->one, line->other);
    OK(anysock_close(line->poller));
    OK(anysock_close(line->one));
    OK(anysock_close(line->other));
    return 0;
}

static void grandchildren(void) {
    struct line line = {.poller = OK(anysock_poller_open()), .depth = 4};
    OK(anysock_pair("tcp", &line.one, &line.other));
    OK(anysock_poller_set(line.poller, line.other, ANYSOCK_EVENT_READ, 5));
    descend(&line);
}

/* ------------------------------------------- threads in the midst of calls */

static struct descriptors plain_descriptors;
static struct silent silent;
static anysock_t listener, connecting, racing, knocking, udp, poller, full[2], backlog;
static anysock_t pairs[4][2];

static anysock_t *const blocked_handles[] = {&listener,    &connecting,  &racing,      &knocking, &udp,
                                             &poller,      &full[0],     &full[1],     &backlog,  &pairs[0][0],
                                             &pairs[0][1], &pairs[1][0], &pairs[1][1], &pairs[2][0], &pairs[2][1],
                                             &pairs[3][0], &pairs[3][1]};

static int64_t block_in_accept(void *argument) {
    (void)argument;
    return anysock_accept(listener);
}

static int64_t block_in_receive(void *argument) {
    (void)argument;
    char byte;
    return anysock_recv_from(udp, &byte, 1, 0, NULL, 0);
}

static int64_t block_in_write(void *argument) {
    (void)argument;
    return anysock_write(full[0], "x", 1);
}

static int64_t block_in_select(void *argument) {
    (void)argument;
    anysock_t array[] = {pairs[2][0], pairs[2][1]};
    anysock_handles set = {2, array};
    return anysock_select(&set, NULL, NULL, -1);
}

static int64_t block_in_connect(void *argument) {
    (void)argument;
    return anysock_connect(connecting, silent.address);
}

/* Two addresses, neither of which answers. */
static int64_t block_in_race(void *argument) {
    (void)argument;
    char address[ADDRESS];
    snprintf(address, sizeof address, "two.test%s", strchr(silent.address, ':'));
    return anysock_connect(racing, address);
}

/* The call waits for the resolver first, of which a child may begin anew: what is tested is the race. */
static void await_race(void) {
    char state[16] = "";
    while (strcmp(state, "syn_sent") != 0) {
        nap();
        OK(anysock_get_text(racing, ANYSOCK_OPT_TCP_STATE, state, sizeof state));
    }
}

/* The kernel does not queue who comes to an AF_UNIX listener that is full. */
static int64_t block_in_knocking(void *argument) {
    (void)argument;
    return anysock_connect(knocking, "@anysock.test.backlog");
}

static int64_t block_in_resolve(void *argument) {
    (void)argument;
    char text[ADDRESS];
    return anysock_resolve("tcp4", "slow.test:80", -1, text, sizeof text);
}

static anysock_t fill_backlog(void) {
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0anysock.test.backlog"};
    int fd = POSIX(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    POSIX(bind(fd, (struct sockaddr *)&name, (socklen_t)(sizeof name.sun_family + 1 + strlen(name.sun_path + 1))));
    POSIX(listen(fd, 0));
    backlog = OK(anysock_adopt(fd));
    return connect_to("unix", "@anysock.test.backlog");
}

static void fill(anysock_t handle) {
    char data[4096] = {0};
    while (anysock_send(handle, data, sizeof data, ANYSOCK_FLAG_DONT_WAIT) > 0) {
    }
    while (anysock_send(handle, data, 1, ANYSOCK_FLAG_DONT_WAIT) > 0) {
    }
}

static void set_up_blocked(struct call calls[static 10]) {
    char address[ADDRESS];
    open_silent(&silent);
    list_descriptors(&plain_descriptors);
    listener = listen_tcp(address);
    connecting = OK(anysock_open("tcp"));
    racing = OK(anysock_open("tcp"));
    knocking = OK(anysock_open("unix"));
    udp = OK(anysock_open("udp"));
    OK(anysock_bind(udp, "127.0.0.1:0"));
    poller = OK(anysock_poller_open());
    OK(anysock_pair("unix", &full[0], &full[1]));
    fill(full[0]);
    for (size_t place = 0; place < COUNT(pairs); place++) {
        OK(anysock_pair(place % 2 ? "tcp" : "unix", &pairs[place][0], &pairs[place][1]));
    }
    OK(anysock_poller_set(poller, pairs[3][0], ANYSOCK_EVENT_READ, 9));
    hold_resolver();
    start(&calls[0], block_in_accept, NULL);
    start(&calls[1], read_a_byte, &pairs[0][0]);
    start(&calls[2], read_a_byte, &pairs[1][0]);
    start(&calls[3], block_in_receive, NULL);
    start(&calls[4], block_in_select, NULL);
    start(&calls[5], wait_in_poller, &poller);
    start(&calls[6], block_in_write, NULL);
    start(&calls[7], block_in_connect, NULL);
    start(&calls[8], block_in_race, NULL);
    start(&calls[9], block_in_resolve, NULL);
    await_race();
    await_resolver();
}

static int64_t use_what_is_blocked(void *argument) {
    anysock_t extra = *(anysock_t *)argument;
    char byte, text[ADDRESS];
    CHECK_IS(anysock_recv(pairs[0][0], &byte, 1, ANYSOCK_FLAG_DONT_WAIT), ANYSOCK_EAGAIN);
    CHECK_IS(anysock_recv(udp, &byte, 1, ANYSOCK_FLAG_DONT_WAIT), ANYSOCK_EAGAIN);
    CHECK_IS(anysock_send(full[0], "x", 1, ANYSOCK_FLAG_DONT_WAIT), ANYSOCK_EAGAIN);
    OK(anysock_local_address(listener, text, sizeof text));
    OK(anysock_set(listener, ANYSOCK_OPT_ACCEPT_TIMEOUT, 0));
    CHECK_IS(anysock_accept(listener), ANYSOCK_EAGAIN);
    check_nothing(poller);
    OK(anysock_poller_set(poller, pairs[3][0], ANYSOCK_EVENT_READ | ANYSOCK_EVENT_WRITE, 10));
    check_wait(poller, pairs[3][0], 10, ANYSOCK_EVENT_WRITE);
    /* The thread that tried the addresses is not here. */
    CHECK_IS(anysock_connect(racing, "two.test:80"), ANYSOCK_ECONNABORTED);
    check_everything();
    for (size_t place = 0; place < COUNT(blocked_handles); place++) {
        check_closed(*blocked_handles[place]);
    }
    check_closed(extra);
    return 0;
}

static int64_t use_and_leave_nothing(void *argument) {
    struct call call;
    start(&call, use_what_is_blocked, argument);
    CHECK_IS(join(&call), 0);
    check_descriptors(&plain_descriptors);
    return 0;
}

static int64_t close_and_leave_nothing(void *argument) {
    for (size_t place = 0; place < COUNT(blocked_handles); place++) {
        OK(anysock_close(*blocked_handles[place]));
    }
    OK(anysock_close(*(anysock_t *)argument));
    check_descriptors(&plain_descriptors);
    return 0;
}

static void fork_while_threads_are_blocked(void) {
    struct call calls[10], knock;
    set_up_blocked(calls);
    anysock_t extra = fill_backlog();
    start(&knock, block_in_knocking, NULL);
    for (size_t place = 0; place < COUNT(calls); place++) {
        await_blocked(&calls[place]);
    }
    await_blocked(&knock);
    for (int round = 0; round < rounds(200, 3); round++) {
        run_child(round % 4 == 3 ? close_and_leave_nothing : use_and_leave_nothing, &extra);
    }
    /* Here nothing has happened: every call still waits, and for the same. */
    for (size_t place = 0; place < COUNT(calls); place++) {
        CHECK(!atomic_load(&calls[place].done));
    }
    char address[ADDRESS];
    OK(anysock_local_address(listener, address, sizeof address));
    anysock_t client = connect_to("tcp", address);
    anysock_t server = OK(join(&calls[0]));
    check_talk(client, server);
    CHECK_IS(anysock_write(pairs[0][1], "x", 1), 1);
    CHECK_IS(join(&calls[1]), 1);
    CHECK_IS(anysock_write(pairs[1][1], "x", 1), 1);
    CHECK_IS(join(&calls[2]), 1);
    OK(anysock_local_address(udp, address, sizeof address));
    CHECK_IS(anysock_send_to(udp, "x", 1, 0, address), 1);
    CHECK_IS(join(&calls[3]), 1);
    CHECK_IS(anysock_write(pairs[2][1], "x", 1), 1);
    CHECK_IS(join(&calls[4]), 1);
    CHECK_IS(anysock_write(pairs[3][1], "x", 1), 1);
    CHECK_IS(join(&calls[5]), 1);
    OK(anysock_close(full[0]));
    CHECK_IS(join(&calls[6]), ANYSOCK_ECANCELED);
    OK(anysock_close(connecting));
    CHECK_IS(join(&calls[7]), ANYSOCK_ECANCELED);
    OK(anysock_close(racing));
    CHECK_IS(join(&calls[8]), ANYSOCK_ECANCELED);
    release_resolver();
    CHECK_IS(join(&calls[9]), strlen("127.0.0.1:80"));
    anysock_t taken = OK(anysock_accept(backlog));
    CHECK_IS(join(&knock), 0);
    check_talk(extra, taken);
    close_silent(&silent);
}

/* ------------------------------------------- a fork in the midst of a call */

static anysock_t interrupted[2], successor[2];
static bool child_replaces;
static volatile pid_t forked;
static int has_forked[2];

/* In the child the handle may be gone, and its place another's, before the call goes on that was interrupted. */
static void fork_here(int number) {
    (void)number;
    forked = fork();
    if (forked == 0 && child_replaces) {
        OK(anysock_close(interrupted[0]));
        OK(anysock_pair("unix", &successor[0], &successor[1]));
        CHECK_IS(anysock_write(successor[0], "y", 1), 1);
        CHECK_IS(anysock_write(successor[1], "y", 1), 1);
    }
    if (forked > 0) {
        POSIX(write(has_forked[1], "x", 1));
    }
}

static int64_t be_interrupted(void *argument) {
    int64_t result = read_a_byte(argument);
    if (forked != 0) {
        return result;
    }
    alarm(is_slow() ? 4 * CHILD_SECONDS : CHILD_SECONDS);
    if (child_replaces) {
        char bytes[2];
        CHECK_IS(result, ANYSOCK_ECANCELED);
        CHECK_IS(anysock_recv(successor[0], bytes, sizeof bytes, ANYSOCK_FLAG_DONT_WAIT), 1);
        CHECK_IS(anysock_recv(successor[1], bytes, sizeof bytes, ANYSOCK_FLAG_DONT_WAIT), 1);
        check_closed(successor[0]);
        check_closed(successor[1]);
    } else {
        CHECK_IS(result, 1);
        check_closed(interrupted[0]);
    }
    check_everything();
    execlp("true", "true", (char *)NULL);
    _exit(EXIT_FAILURE);
}

/* The handle has no reference too many in the child, and none too few: its descriptor is closed when it is. */
static void fork_in_a_signal_handler(void) {
    struct sigaction action = {.sa_handler = fork_here};
    POSIX(sigaction(SIGUSR1, &action, NULL));
    POSIX(pipe2(has_forked, O_CLOEXEC));
    for (int round = 0; round < rounds(20, 2); round++) {
        struct call call;
        char byte;
        child_replaces = round % 2;
        OK(anysock_pair("unix", &interrupted[0], &interrupted[1]));
        start(&call, be_interrupted, &interrupted[0]);
        await_blocked(&call);
        CHECK(pthread_kill(call.thread, SIGUSR1) == 0);
        CHECK(read(has_forked[0], &byte, 1) == 1);
        /* One for the parent's read, one for the child's. */
        CHECK_IS(anysock_write(interrupted[1], "xx", child_replaces ? 1 : 2), child_replaces ? 1 : 2);
        CHECK_IS(join(&call), 1);
        expect_success(forked);
        check_closed(interrupted[0]);
        check_closed(interrupted[1]);
    }
}

/* ---------------------------------------------------------------- a storm */

static atomic_bool calm;
static anysock_t shared_poller, shared_listener, shared[2];
static char shared_address[ADDRESS];

static int64_t storm_open(void *argument) {
    static const char *const kinds[] = {"tcp", "tcp4", "udp4", "unix", "unixgram"};
    for (unsigned round = 0; !atomic_load(&calm); round++) {
        OK(anysock_close(OK(anysock_open(kinds[round % COUNT(kinds)]))));
    }
    (void)argument;
    return 0;
}

static int64_t storm_talk(void *argument) {
    (void)argument;
    while (!atomic_load(&calm)) {
        anysock_t client = connect_to("tcp", shared_address);
        OK(anysock_set(client, ANYSOCK_OPT_LINGER, 0));
        anysock_t server = OK(anysock_accept(shared_listener));
        check_talk(client, server);
        OK(anysock_close(client));
        OK(anysock_close(server));
    }
    return 0;
}

static int64_t storm_pollers(void *argument) {
    (void)argument;
    while (!atomic_load(&calm)) {
        anysock_t own = OK(anysock_poller_open());
        OK(anysock_poller_set(own, shared[0], ANYSOCK_EVENT_READ, 1));
        OK(anysock_poller_wake(own));
        check_nothing(own);
        OK(anysock_close(own));
    }
    return 0;
}

static int64_t storm_registrations(void *argument) {
    (void)argument;
    while (!atomic_load(&calm)) {
        anysock_t one, other;
        OK(anysock_pair("unix", &one, &other));
        OK(anysock_poller_set(shared_poller, one, ANYSOCK_EVENT_READ, 2));
        OK(anysock_poller_set(shared_poller, other, ANYSOCK_EVENT_READ, 3));
        OK(anysock_poller_set(shared_poller, other, 0, 0));
        OK(anysock_close(one));
        OK(anysock_close(other));
    }
    return 0;
}

static int64_t storm_waits(void *argument) {
    (void)argument;
    while (!atomic_load(&calm)) {
        anysock_event event;
        int64_t found = anysock_poller_wait(shared_poller, &event, 1, MILLISECOND);
        CHECK(found == 0 || found == ANYSOCK_ECANCELED);
        anysock_t array[] = {shared[1]};
        anysock_handles set = {1, array};
        CHECK_IS(anysock_select(&set, NULL, NULL, 0), 0);
        CHECK_IS(anysock_connect(shared_listener, "127.0.0.1:1"), ANYSOCK_EOPNOTSUPP);
    }
    return 0;
}

static int64_t storm_queues(void *argument) {
    (void)argument;
    while (!atomic_load(&calm)) {
        anysock_t one, other, queue = OK(anysock_queue_open(4, 64));
        OK(anysock_pair("unix", &one, &other));
        const anysock_op ops[] = {{.op = ANYSOCK_OP_READ, .handle = one, .length = 1},
                                  {.op = ANYSOCK_OP_WRITE, .handle = other, .data = (int64_t)(intptr_t)"x", .length = 1}};
        anysock_done done[COUNT(ops)];
        int64_t ended = OK(anysock_queue_run(queue, ops, COUNT(ops), done, COUNT(done), 0));
        while (ended < (int64_t)COUNT(ops)) {
            ended += OK(anysock_queue_run(queue, NULL, 0, done, 1, 60 * SECOND));
        }
        OK(anysock_close(queue));
        OK(anysock_close(one));
        OK(anysock_close(other));
    }
    return 0;
}

static int64_t use_shared(void *argument) {
    (void)argument;
    OK(anysock_poller_set(shared_poller, shared[1], ANYSOCK_EVENT_WRITE, 4));
    check_wait(shared_poller, shared[1], 4, ANYSOCK_EVENT_WRITE);
    check_everything();
    check_closed(shared_poller);
    check_closed(shared_listener);
    check_closed(shared[0]);
    check_closed(shared[1]);
    return 0;
}

/* How often a process with busy threads forks; the campaign says it by ANYSOCK_FORKS. */
static int forks(void) {
    const char *often = getenv("ANYSOCK_FORKS");
    return often != NULL ? atoi(often) : rounds(300, 5);
}

static void fork_in_a_storm(void) {
    static int64_t (*const storms[])(void *) = {storm_open,  storm_talk,          storm_pollers,
                                                storm_waits, storm_registrations, storm_queues};
    struct call calls[COUNT(storms)];
    shared_poller = OK(anysock_poller_open());
    shared_listener = listen_tcp(shared_address);
    OK(anysock_pair("unix", &shared[0], &shared[1]));
    for (size_t place = 0; place < COUNT(storms); place++) {
        start(&calls[place], storms[place], NULL);
    }
    for (int round = 0, often = forks(); round < often; round++) {
        run_child(use_shared, NULL);
    }
    atomic_store(&calm, true);
    for (size_t place = 0; place < COUNT(storms); place++) {
        CHECK_IS(join(&calls[place]), 0);
    }
    check_talk(shared[0], shared[1]);
}

/* ------------------------------------------------------- handles in motion */

/*
 * Threads open and close all the time; in each child every handle stands for the socket for which it stood, by the kernel's
 * cookie, and no descriptor is left that no handle stands for.
 */
enum { MOVERS = 3, PLACES = 16 };

struct place {
    _Atomic int64_t handle;
    _Atomic uint64_t cookie;
};

/* On one page, which a fork copies at once. */
struct mover {
    _Alignas(512) struct place places[PLACES];
    atomic_int moving; /* how many descriptors it may have that are in no place just now */
    unsigned seed;
};

static struct mover movers[MOVERS];

/* What no other socket has or will have; 0 for what is none. */
static uint64_t cookie_of(int64_t fd) {
    uint64_t cookie = 0;
    socklen_t length = sizeof cookie;
    return getsockopt((int)fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}

static anysock_t open_some(unsigned way) {
    anysock_t moved, other;
    switch (way % 5) {
    case 0:
        return OK(anysock_open("unix"));
    case 1:
        return OK(anysock_open("udp4"));
    case 2:
        return OK(anysock_adopt(POSIX(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0))));
    case 3:
        moved = OK(anysock_open("udp")); /* gets its descriptor with its address */
        OK(anysock_bind(moved, ":0"));
        return moved;
    default:
        OK(anysock_pair(way % 2 == 0 ? "unix" : "tcp", &moved, &other));
        OK(anysock_close(other));
        return moved;
    }
}

static int64_t move(void *argument) {
    struct mover *mover = argument;
    while (!atomic_load(&calm)) {
        unsigned way = (unsigned)rand_r(&mover->seed);
        struct place *place = &mover->places[way / 64 % PLACES];
        anysock_t old = atomic_load(&place->handle);
        atomic_store(&mover->moving, 2);
        if (old != 0) {
            atomic_store(&place->handle, 0);
            if (way % 8 == 0) {
                close_plain((int)OK(anysock_release(old)));
            } else {
                OK(anysock_close(old));
            }
        }
        anysock_t moved = open_some(way);
        atomic_store(&place->cookie, cookie_of(OK(anysock_fd(moved))));
        atomic_store(&place->handle, moved);
        atomic_store(&mover->moving, 0);
    }
    return 0;
}

/* In the child; without a word, as its output is nobody's. */
static int count_wrong(void) {
    static bool known[MOST_DESCRIPTORS];
    struct descriptors all;
    int moving = 0, wrong = 0, unknown = 0;
    for (size_t mover = 0; mover < MOVERS; mover++) {
        moving += atomic_load(&movers[mover].moving);
        for (size_t number = 0; number < PLACES; number++) {
            struct place *place = &movers[mover].places[number];
            if (place->handle != 0) {
                int64_t fd = anysock_fd(place->handle);
                wrong += fd < 0 || cookie_of(fd) != place->cookie;
                known[fd < 0 ? 0 : fd] = true;
            }
        }
    }
    list_descriptors(&all);
    for (int fd = 3; fd < MOST_DESCRIPTORS; fd++) {
        unknown += all.open[fd] && !known[fd] && !plain_descriptors.open[fd];
    }
    return wrong + (unknown > moving ? 100 : 0);
}

/* A fork that is under way when the first handle is made may run no handlers, and its child is as one of _Fork. */
static void make_first_handle(void) {
    OK(anysock_close(OK(anysock_open("tcp"))));
}

static void fork_while_handles_move(void) {
    struct call calls[MOVERS];
    make_first_handle();
    list_descriptors(&plain_descriptors);
    for (size_t place = 0; place < MOVERS; place++) {
        movers[place].seed = 4711 + (unsigned)place;
        start(&calls[place], move, &movers[place]);
    }
    for (int round = 0, often = forks(); round < often; round++) {
        pid_t child = POSIX(fork());
        if (child == 0) {
            _exit(count_wrong());
        }
        expect_success(child);
    }
    atomic_store(&calm, true);
    for (size_t place = 0; place < MOVERS; place++) {
        CHECK_IS(join(&calls[place]), 0);
    }
}

/* ------------------------------------------------------ wakes of a parent */

static _Atomic bool wakes_on;
static _Atomic anysock_t awake;

static int64_t wake_on_and_on(void *argument) {
    (void)argument;
    while (atomic_load(&wakes_on)) {
        anysock_poller_wake(atomic_load(&awake));
    }
    return 0;
}

static int64_t open_and_close_on_and_on(void *argument) {
    (void)argument;
    while (atomic_load(&wakes_on)) {
        anysock_t poller = OK(anysock_poller_open());
        atomic_store(&awake, poller);
        OK(anysock_close(poller));
    }
    return 0;
}

/* Those that have the place of one which was being woken would be EBUSY. */
static int64_t close_new_ones(void *argument) {
    (void)argument;
    anysock_t all[8];
    for (size_t number = 0; number < COUNT(all); number++) {
        all[number] = OK(anysock_poller_open());
    }
    for (size_t number = 0; number < COUNT(all); number++) {
        OK(anysock_close(all[number]));
    }
    return 0;
}

static void the_wakes_of_a_parent_hold_up_no_child(void) {
    struct call wakers[2], opener;
    make_first_handle();
    atomic_store(&wakes_on, true);
    start(&opener, open_and_close_on_and_on, NULL);
    for (size_t number = 0; number < COUNT(wakers); number++) {
        start(&wakers[number], wake_on_and_on, NULL);
    }
    for (int round = 0; round < rounds(200, 3); round++) {
        run_child(close_new_ones, NULL);
    }
    atomic_store(&wakes_on, false);
    CHECK_IS(join(&opener), 0);
    for (size_t number = 0; number < COUNT(wakers); number++) {
        CHECK_IS(join(&wakers[number]), 0);
    }
}

/* ------------------------------------------------ a fork that tells nobody */

/* As _Fork() of the C library: no handlers run. */
static pid_t fork_untold(void) {
#ifdef __s390x__
    return (pid_t)POSIX(syscall(SYS_clone, 0, SIGCHLD, 0, 0, 0)); /* it alone has the stack first: clone(2) */
#else
    return (pid_t)POSIX(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
#endif
}

/* Every call is an error, and nothing of what the child shares with its parent is touched. */
static void a_child_that_was_told_nothing_disturbs_nobody(void) {
    anysock_t one, other, poller = OK(anysock_poller_open());
    OK(anysock_pair("unix", &one, &other));
    OK(anysock_poller_set(poller, one, ANYSOCK_EVENT_READ, 7));
    check_nothing(poller);
    pid_t child = fork_untold();
    if (child == 0) {
        anysock_t next;
        anysock_event event;
        anysock_t array[] = {one};
        anysock_handles set = {1, array};
        char byte;
        const int64_t bad[] = {
            anysock_poller_wait(poller, &event, 1, 0), anysock_poller_set(poller, one, 0, 0),
            anysock_poller_wake(poller), anysock_read(one, &byte, 1), anysock_write(one, "x", 1), anysock_fd(one),
            anysock_shutdown(one, ANYSOCK_SHUT_READ | ANYSOCK_SHUT_WRITE), anysock_select(&set, NULL, NULL, 0),
            anysock_close(one), anysock_close(poller)};
        for (size_t place = 0; place < COUNT(bad); place++) {
            CHECK_IS(bad[place], ANYSOCK_EBADF);
        }
        CHECK_IS(anysock_open("unix"), ANYSOCK_ENOTRECOVERABLE);
        CHECK_IS(anysock_poller_open(), ANYSOCK_ENOTRECOVERABLE);
        CHECK_IS(anysock_pair("unix", &one, &next), ANYSOCK_ENOTRECOVERABLE);
        _exit(EXIT_SUCCESS);
    }
    expect_success(child);
    check_nothing(poller);
    CHECK_IS(anysock_write(other, "x", 1), 1);
    check_wait(poller, one, 7, ANYSOCK_EVENT_READ);
    run_child(close_one, &one); /* one that is told goes on as ever */
}

int main(int count, char **arguments) {
    (void)count;
    begin(arguments);
    RUN(one_process_per_client);
    RUN(closing_disturbs_nobody);
    RUN(the_end_comes_with_the_last_copy);
    RUN(registrations_are_copied);
    RUN(wake_stays_in_its_process);
    RUN(a_child_has_a_descriptor_of_its_own);
    RUN(select_over_the_same_set);
    RUN(grandchildren);
    RUN(fork_while_threads_are_blocked);
    RUN(fork_in_a_signal_handler);
    RUN(fork_in_a_storm);
    RUN(fork_while_handles_move);
    RUN(the_wakes_of_a_parent_hold_up_no_child);
    RUN(a_child_that_was_told_nothing_disturbs_nobody);
    return finish();
}
