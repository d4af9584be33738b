/*
 * Calls that end otherwise than by themselves: closed while they are blocked, although the close lingers; left by longjmp(3),
 * which is not supported, and noticed; robbed of what would have woken them. Not here: signals (signals.c), fork (fork.c).
 */
#include "check.h"

#include <setjmp.h>
#include <sys/eventfd.h>

/* ---------------------------------------------------------------- lingering */

static anysock_t handle;

static int64_t read_handle(void *unused) {
    char byte;
    (void)unused;
    return anysock_read(handle, &byte, 1);
}

static int64_t select_handle(void *unused) {
    anysock_t watched[] = {handle};
    anysock_handles set = {1, watched};
    (void)unused;
    return anysock_select(&set, NULL, NULL, -1);
}

static int64_t wait_for_handle(void *unused) {
    anysock_event event;
    anysock_t poller = OK(anysock_poller_open());
    (void)unused;
    OK(anysock_poller_set(poller, handle, ANYSOCK_EVENT_READ, 1));
    return anysock_poller_wait(poller, &event, 1, -1);
}

static int64_t close_handle(void *unused) {
    (void)unused;
    return anysock_close(handle);
}

static int64_t (*const waits[])(void *) = {read_handle, select_handle, wait_for_handle};

/* A connection whose close lingers: more was written than the peer takes. */
static anysock_t make_lingering(int64_t linger) {
    static char much[1 << 16];
    anysock_t peer;
    OK(anysock_pair("tcp", &handle, &peer));
    OK(anysock_set(handle, ANYSOCK_OPT_SEND_BUFFER, 4096));
    OK(anysock_set(peer, ANYSOCK_OPT_RECEIVE_BUFFER, 4096));
    OK(anysock_set(handle, ANYSOCK_OPT_WRITE_TIMEOUT, 50 * MILLISECOND));
    while (anysock_write(handle, much, sizeof much) > 0) {
    }
    OK(anysock_set(handle, ANYSOCK_OPT_LINGER, linger));
    return peer;
}

/* Closing is the closer's to wait for: it is still at it when the call has long ended. */
static void close_lingers_and_the_call_does_not(void) {
    if (is_slow()) {
        SKIP("valgrind stops all threads while one closes");
    }
    for (size_t place = 0; place < COUNT(waits); place++) {
        for (int round = 0; round < 8; round++) {
            anysock_t peer = make_lingering(3600 * SECOND);
            struct call call, closing;
            start(&call, waits[place], NULL);
            await_blocked(&call);
            start(&closing, close_handle, NULL);
            CHECK_IS(join(&call), ANYSOCK_ECANCELED);
            CHECK(!atomic_load(&closing.done));
            OK(anysock_set(peer, ANYSOCK_OPT_LINGER, 0));
            OK(anysock_close(peer)); /* a reset: nobody will take what is left */
            CHECK_IS(join(&closing), 0);
        }
    }
}

/* ------------------------------------------------------------------ longjmp */

static sigjmp_buf way_out;

static void jump(int number) {
    (void)number;
    siglongjmp(way_out, 1);
}

/* Leaves a blocked call by a signal handler that jumps. */
static int64_t leave(void *body) {
    if (sigsetjmp(way_out, 1) == 0) {
        signal(SIGUSR1, jump);
        (*(int64_t (**)(void *))body)(NULL);
        fail(__FILE__, __LINE__, "the call has returned");
    }
    return 0;
}

static void leave_in_thread(struct call *call, int64_t (**body)(void *)) {
    start(call, leave, body);
    await_blocked(call);
    CHECK(pthread_kill(call->thread, SIGUSR1) == 0);
    CHECK_IS(join(call), 0);
}

static anysock_t open_pair(void) {
    anysock_t peer;
    OK(anysock_pair("unix", &handle, &peer));
    return peer;
}

/* The thread that has left is gone. */
static void a_call_that_was_left_is_known_at_close(void) {
    static int64_t (*body)(void *) = read_handle;
    struct call call;
    anysock_t peer = open_pair();
    leave_in_thread(&call, &body);
    CHECK_IS(anysock_close(handle), ANYSOCK_EBUSY);
    CHECK_IS(anysock_close(handle), ANYSOCK_EBADF);
    OK(anysock_close(peer));
    peer = open_pair();
    leave_in_thread(&call, &body);
    CHECK_IS(anysock_release(handle), ANYSOCK_EBUSY);
    OK(anysock_close(peer));
}

/* The thread that has left goes on, and waits for others meanwhile. */
static int64_t leave_and_go_on(void *body) {
    char byte;
    anysock_t one, other;
    leave(body);
    OK(anysock_pair("unix", &one, &other));
    OK(anysock_set(one, ANYSOCK_OPT_READ_TIMEOUT, MILLISECOND));
    CHECK_IS(anysock_read(one, &byte, 1), ANYSOCK_ETIMEDOUT);
    check_talk(one, other);
    OK(anysock_close(one));
    OK(anysock_close(other));
    return anysock_close(handle);
}

static void a_thread_that_has_left_a_call_goes_on(void) {
    static int64_t (*bodies[])(void *) = {read_handle, select_handle};
    for (size_t place = 0; place < COUNT(bodies); place++) {
        struct call call;
        anysock_t peer = open_pair();
        start(&call, leave_and_go_on, &bodies[place]);
        await_blocked(&call);
        CHECK(pthread_kill(call.thread, SIGUSR1) == 0);
        CHECK_IS(join(&call), ANYSOCK_EBUSY);
        OK(anysock_close(peer));
    }
}

static int64_t wait_in_poller(void *unused) {
    anysock_event event;
    (void)unused;
    return anysock_poller_wait(handle, &event, 1, -1);
}

static void a_wait_in_a_poller_that_was_left(void) {
    static int64_t (*body)(void *) = wait_in_poller;
    struct call call;
    handle = OK(anysock_poller_open());
    leave_in_thread(&call, &body);
    CHECK_IS(anysock_close(handle), ANYSOCK_EBUSY);
}

/* A call that holds the handle of another, as one that sends it, is none that was left. */
static int64_t send_the_handle(void *way) {
    char byte = 0;
    anysock_buffer piece = {&byte, 1};
    anysock_t handles[] = {handle};
    anysock_message message = {.size = sizeof message, .buffers = &piece, .buffer_count = 1, .handles = handles, .handle_count = 1};
    return anysock_send_message(*(anysock_t *)way, &message, 0);
}

static void close_of_a_handle_that_is_being_sent(void) {
    static char much[1 << 16];
    anysock_t way[2], peer = open_pair();
    struct call call;
    OK(anysock_pair("unix", &way[0], &way[1]));
    OK(anysock_set(way[0], ANYSOCK_OPT_WRITE_TIMEOUT, 0));
    while (anysock_write(way[0], much, sizeof much) > 0) {
    }
    OK(anysock_set(way[0], ANYSOCK_OPT_WRITE_TIMEOUT, -1));
    start(&call, send_the_handle, &way[0]);
    await_blocked(&call);
    CHECK_IS(anysock_close(handle), 0);
    OK(anysock_close(way[0]));
    CHECK_IS(join(&call), ANYSOCK_ECANCELED);
    OK(anysock_close(way[1]));
    OK(anysock_close(peer));
}

/* ----------------------------------------------------------- a closed waker */

/* The number of the only waker that there is; -1 if there is none yet. */
static int find_waker(void) {
    for (int fd = 3; fd < MOST_DESCRIPTORS; fd++) {
        if (strcmp(describe(fd), "anon_inode:[eventfd]") == 0) {
            return fd;
        }
    }
    return -1;
}

static void wait_in_vain(anysock_t end) {
    char byte;
    OK(anysock_set(end, ANYSOCK_OPT_READ_TIMEOUT, 20 * MILLISECOND));
    CHECK_IS(anysock_read(end, &byte, 1), ANYSOCK_ETIMEDOUT);
    OK(anysock_set(end, ANYSOCK_OPT_READ_TIMEOUT, -1));
}

/* A careless loop has closed the waker, and its number is a stranger's by now who has something to read. */
static void nothing_of_a_strangers_is_read(void) {
    anysock_t peer = open_pair();
    char text[8];
    wait_in_vain(handle);
    int number = find_waker(), pipe_ends[2], sockets[2];
    POSIX(pipe2(pipe_ends, O_CLOEXEC));
    POSIX(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
    CHECK(write(pipe_ends[1], "stranger", 8) == 8 && write(sockets[1], "stranger", 8) == 8);
    int strangers[] = {pipe_ends[0], sockets[0]};
    for (size_t place = 0; place < COUNT(strangers); place++) {
        POSIX(dup2(strangers[place], number));
        wait_in_vain(handle);
        CHECK(read(number, text, 8) == 8 && memcmp(text, "stranger", 8) == 0);
        POSIX(close(number));
        wait_in_vain(handle); /* there is another one now */
        number = find_waker();
    }
    uint64_t counted = 0;
    int alike = POSIX(eventfd(7, EFD_CLOEXEC | EFD_NONBLOCK)); /* one of the same sort */
    POSIX(dup2(alike, number));
    POSIX(close(alike));
    wait_in_vain(handle);
    CHECK(read(number, &counted, 8) == 8 && counted == 7);
    POSIX(close(number));
    wait_in_vain(handle);
    POSIX(close(find_waker())); /* and nothing in its place */
    wait_in_vain(handle);
    check_talk(handle, peer);
    struct call call;
    start(&call, read_handle, NULL);
    await_blocked(&call);
    OK(anysock_close(handle));
    CHECK_IS(join(&call), ANYSOCK_ECANCELED);
    OK(anysock_close(peer));
}

static atomic_bool has_waited, may_read;

static int64_t wait_and_then_read(void *unused) {
    wait_in_vain(handle);
    atomic_store(&has_waited, true);
    OK(anysock_set(handle, ANYSOCK_OPT_READ_TIMEOUT, 100 * MILLISECOND));
    while (!atomic_load(&may_read)) {
        nap();
    }
    return read_handle(unused);
}

/* A close that finds a stranger in the place of the waker does not write to him. */
static void nothing_is_written_to_a_stranger(void) {
    anysock_t peer = open_pair();
    struct call call;
    int sockets[2];
    char byte;
    POSIX(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets));
    start(&call, wait_and_then_read, NULL);
    while (!atomic_load(&has_waited)) {
        nap();
    }
    POSIX(dup2(sockets[0], find_waker()));
    atomic_store(&may_read, true);
    await_blocked(&call);
    int64_t closed = anysock_close(handle);
    CHECK(closed == 0 || closed == ANYSOCK_EBUSY);
    CHECK_IS(join(&call), ANYSOCK_ECANCELED);
    CHECK(read(sockets[1], &byte, 1) < 0 && errno == EAGAIN);
    OK(anysock_close(peer));
}

int main(int count, char **arguments) {
    (void)count;
    begin(arguments);
    RUN(close_lingers_and_the_call_does_not);
    RUN(a_call_that_was_left_is_known_at_close);
    RUN(a_thread_that_has_left_a_call_goes_on);
    RUN(a_wait_in_a_poller_that_was_left);
    RUN(close_of_a_handle_that_is_being_sent);
    RUN(nothing_of_a_strangers_is_read);
    RUN(nothing_is_written_to_a_stranger);
    return finish();
}
