/*
 * Out of descriptors and out of memory: an error code where something can't be had, no loss, no leak, no crash, and
 * everything as before once there is room again. What needs no descriptor goes on meanwhile.
 */
#include "check.h"
#include "resolver.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* ------------------------------------------------------- out of descriptors */

/* valgrind only imitates the limit: it closes again what the kernel has opened, and a connection is lost by that. */
static void need_the_kernels_limit(void) {
    if (is_slow()) {
        SKIP("valgrind only imitates the limit on descriptors");
    }
}

enum { LIMIT = 80 };

static int hoarded[LIMIT], hoarded_count;
static struct rlimit limit_before;

/* Takes every descriptor that is left. */
static void hoard(void) {
    int fd;
    POSIX(getrlimit(RLIMIT_NOFILE, &limit_before));
    struct rlimit limit = {LIMIT, limit_before.rlim_max};
    POSIX(setrlimit(RLIMIT_NOFILE, &limit));
    while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) {
        hoarded[hoarded_count++] = fd;
    }
    CHECK(errno == EMFILE);
}

static void spare(int count) {
    for (int place = 0; place < count; place++) {
        POSIX(close(hoarded[--hoarded_count]));
    }
}

/* Takes back what was spared, and fails if it has gone elsewhere. */
static void take_back(int count) {
    for (int place = 0; place < count; place++) {
        hoarded[hoarded_count++] = POSIX(open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    CHECK(open("/dev/null", O_RDONLY) == -1 && errno == EMFILE);
}

static void give_back(void) {
    spare(hoarded_count);
    POSIX(setrlimit(RLIMIT_NOFILE, &limit_before));
}

static const char *const kinds[] = {"tcp4", "udp4", "unix", "unixgram", "unixpacket"};

static void open_fails_and_recovers(void) {
    hoard();
    for (size_t place = 0; place < COUNT(kinds); place++) {
        CHECK_IS(anysock_open(kinds[place]), ANYSOCK_EMFILE);
        CHECK_IS(anysock_last_os_error(), EMFILE);
        spare(1);
        OK(anysock_close(OK(anysock_open(kinds[place]))));
        take_back(1);
    }
    give_back();
}

/* A handle whose family is open gets its descriptor with its first address: then is the time to fail, and to try again. */
static void first_address_fails_and_recovers(void) {
    char address[ADDRESS];
    anysock_t listener = listen_tcp(address);
    hoard();
    anysock_t client = OK(anysock_open("tcp")), udp = OK(anysock_open("udp")), server = OK(anysock_open("tcp"));
    CHECK_IS(anysock_connect(client, address), ANYSOCK_EMFILE);
    CHECK_IS(anysock_bind(udp, "127.0.0.1:0"), ANYSOCK_EMFILE);
    CHECK_IS(anysock_send_to(udp, "x", 1, 0, address), ANYSOCK_EMFILE);
    CHECK_IS(anysock_listen(server, 0), ANYSOCK_EMFILE);
    spare(4);
    OK(anysock_connect(client, address));
    OK(anysock_bind(udp, "127.0.0.1:0"));
    OK(anysock_listen(server, 0));
    anysock_t accepted = OK(anysock_accept(listener));
    give_back();
    check_talk(client, accepted);
    OK(anysock_close(client));
    OK(anysock_close(accepted));
    OK(anysock_close(udp));
    OK(anysock_close(server));
    OK(anysock_close(listener));
}

/* Of what needs two descriptors or more, nothing is left when the second can't be had. */
static void pairs_and_pollers_leave_nothing(void) {
    static const char *const pairs[] = {"unix", "unixgram", "unixpacket", "tcp"};
    static const int needed[] = {2, 2, 2, 3};
    need_the_kernels_limit();
    hoard();
    for (size_t place = 0; place < COUNT(pairs); place++) {
        anysock_t one = -7, other = -7;
        for (int room = 0; room < needed[place]; room++) {
            spare(room);
            CHECK_IS(anysock_pair(pairs[place], &one, &other), ANYSOCK_EMFILE);
            CHECK(one == -7 && other == -7);
            take_back(room);
        }
        spare(needed[place]);
        OK(anysock_pair(pairs[place], &one, &other));
        OK(anysock_write(one, "x", 1));
        OK(anysock_close(one));
        OK(anysock_close(other));
        take_back(needed[place]);
    }
    for (int room = 0; room < 2; room++) {
        spare(room);
        CHECK_IS(anysock_poller_open(), ANYSOCK_EMFILE);
        take_back(room);
    }
    spare(2);
    OK(anysock_close(OK(anysock_poller_open())));
    take_back(2);
    give_back();
}

/* A connection that can't be taken stays in the queue. */
static void accept_keeps_the_connection(void) {
    static const char *const names[] = {"tcp", "unix"};
    need_the_kernels_limit();
    for (size_t place = 0; place < COUNT(names); place++) {
        char address[ADDRESS];
        anysock_t listener = OK(anysock_open(names[place]));
        OK(anysock_bind(listener, place == 0 ? "127.0.0.1:0" : "@anysock.test.limits"));
        OK(anysock_listen(listener, 0));
        OK(anysock_local_address(listener, address, sizeof address));
        anysock_t client = connect_to(names[place], address);
        hoard();
        for (int round = 0; round < 3; round++) {
            CHECK_IS(anysock_accept(listener), ANYSOCK_EMFILE);
        }
        spare(1);
        anysock_t server = OK(anysock_accept(listener));
        give_back();
        check_talk(client, server);
        OK(anysock_close(client));
        OK(anysock_close(server));
        OK(anysock_close(listener));
    }
}

/* Those that can be taken are; the next call tells the error, and the rest stays in the queue. */
static void accept_many_takes_what_it_can(void) {
    char address[ADDRESS];
    anysock_t clients[4], servers[4] = {0};
    need_the_kernels_limit();
    anysock_t listener = listen_tcp(address);
    for (size_t place = 0; place < COUNT(clients); place++) {
        clients[place] = connect_to("tcp", address);
    }
    hoard();
    CHECK_IS(anysock_accept_many(listener, servers, COUNT(servers)), ANYSOCK_EMFILE);
    CHECK(servers[0] == 0);
    spare(2);
    CHECK_IS(anysock_accept_many(listener, servers, COUNT(servers)), 2);
    CHECK_IS(anysock_accept_many(listener, servers + 2, 2), ANYSOCK_EMFILE);
    CHECK(servers[2] == 0);
    give_back();
    CHECK_IS(anysock_accept_many(listener, servers + 2, 2), 2);
    for (size_t place = 0; place < COUNT(clients); place++) {
        check_talk(clients[place], servers[place]);
        OK(anysock_close(clients[place]));
        OK(anysock_close(servers[place]));
    }
    OK(anysock_close(listener));
}

/* Adopting a socket needs no descriptor; one that can't be adopted is as it was. */
static void adopt_fails_without_harm(void) {
    int ends[2], sockets[2];
    char byte;
    POSIX(pipe2(ends, O_CLOEXEC));
    POSIX(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
    hoard();
    anysock_t handle = OK(anysock_adopt(sockets[0]));
    CHECK_IS(anysock_write(handle, "x", 1), 1);
    CHECK(read(sockets[1], &byte, 1) == 1);
    int64_t adopted = anysock_adopt(ends[0]);
    CHECK(adopted > 0 || adopted == ANYSOCK_EMFILE);
    CHECK(write(ends[1], "x", 1) == 1);
    give_back();
    anysock_t reader = adopted > 0 ? adopted : OK(anysock_adopt(ends[0]));
    CHECK_IS(anysock_read(reader, &byte, 1), 1);
    OK(anysock_close(reader));
    OK(anysock_close(handle));
    POSIX(close(ends[1]));
    POSIX(close(sockets[1]));
}

/* --------------------------------- waiting without a descriptor to be woken by */

static anysock_t ends[2];

/* Which thread to look at, and whether it is blocked: another process looks, as this one has no descriptor for it. */
static struct {
    atomic_int thread;
    atomic_bool blocked;
} *watch;

static void watch_threads(pid_t process) {
    for (;; nap()) {
        int thread = atomic_load(&watch->thread);
        if (thread != 0 && !atomic_load(&watch->blocked) && is_waiting(process, thread)) {
            atomic_store(&watch->blocked, true);
        }
    }
}

static void start_watcher(void) {
    pid_t process = getpid();
    watch = mmap(NULL, sizeof *watch, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(watch != MAP_FAILED);
    pid_t watcher = POSIX(fork());
    if (watcher == 0) {
        watch_threads(process); /* until it is killed with what the case leaves behind */
    }
    prctl(PR_SET_PTRACER, watcher);
}

static void await_watched(struct call *call) {
    while (atomic_load(&call->thread_id) == 0) {
        nap();
    }
    atomic_store(&watch->blocked, false);
    atomic_store(&watch->thread, atomic_load(&call->thread_id));
    while (!atomic_load(&watch->blocked)) {
        CHECK(!atomic_load(&call->done));
        nap();
    }
    atomic_store(&watch->thread, 0);
}

static void set_up(void) {
    OK(anysock_pair("unix", &ends[0], &ends[1]));
    hoard();
}

static void tear_down(void) {
    give_back();
    check_talk(ends[0], ends[1]);
    OK(anysock_close(ends[0]));
    OK(anysock_close(ends[1]));
}

static int64_t read_a_byte(void *argument) {
    (void)argument;
    return anysock_read(ends[0], &(char){0}, 1);
}

static int64_t select_both(void *argument) {
    anysock_t array[] = {ends[0], ends[1]};
    anysock_handles set = {2, array};
    int64_t ready = anysock_select(&set, NULL, NULL, *(int64_t *)argument);
    CHECK(ready != 1 || array[0] == ends[0]);
    return ready;
}

static void waits_keep_their_time(void) {
    int64_t limit = 100 * MILLISECOND;
    set_up();
    OK(anysock_set(ends[0], ANYSOCK_OPT_READ_TIMEOUT, limit));
    int64_t start = now();
    CHECK_IS(read_a_byte(NULL), ANYSOCK_ETIMEDOUT);
    CHECK(now() - start >= limit);
    start = now();
    CHECK_IS(select_both(&limit), 0);
    CHECK(now() - start >= limit);
    tear_down();
}

static void waits_see_what_comes(void) {
    int64_t forever = -1;
    struct call call;
    start_watcher();
    set_up();
    for (int round = 0; round < 20; round++) {
        start(&call, round % 2 ? read_a_byte : select_both, &forever);
        await_watched(&call);
        CHECK_IS(anysock_write(ends[1], "x", 1), 1);
        CHECK_IS(join(&call), 1);
        if (round % 2 == 0) {
            CHECK_IS(read_a_byte(NULL), 1);
        }
    }
    tear_down();
}

static void close_wakes_them(void) {
    int64_t forever = -1;
    struct call calls[2];
    start_watcher();
    for (int round = 0; round < 10; round++) {
        set_up();
        start(&calls[0], read_a_byte, NULL);
        start(&calls[1], select_both, &forever);
        await_watched(&calls[0]);
        await_watched(&calls[1]);
        OK(anysock_close(ends[0]));
        CHECK_IS(join(&calls[0]), ANYSOCK_ECANCELED);
        CHECK_IS(join(&calls[1]), ANYSOCK_ECANCELED);
        give_back();
        OK(anysock_close(ends[1]));
    }
}

/* A thread that had no waker gets one as soon as there is room. */
static void recovers_its_waker(void) {
    int64_t nothing = 0;
    set_up();
    CHECK_IS(select_both(&nothing), 0);
    OK(anysock_set(ends[0], ANYSOCK_OPT_READ_TIMEOUT, MILLISECOND));
    CHECK_IS(read_a_byte(NULL), ANYSOCK_ETIMEDOUT);
    spare(1);
    CHECK_IS(read_a_byte(NULL), ANYSOCK_ETIMEDOUT);
    int fd = open("/dev/null", O_RDONLY);
    CHECK(fd == -1 && errno == EMFILE);
    tear_down();
}

static int64_t wait_in_poller(void *argument) {
    anysock_event event;
    return anysock_poller_wait(*(anysock_t *)argument, &event, 1, -1);
}

/* A poller has all that it needs from the beginning. */
static void poller_goes_on(void) {
    struct call call;
    start_watcher();
    anysock_t poller = OK(anysock_poller_open());
    set_up();
    OK(anysock_poller_set(poller, ends[0], ANYSOCK_EVENT_READ, 1));
    start(&call, wait_in_poller, &poller);
    await_watched(&call);
    OK(anysock_poller_wake(poller));
    CHECK_IS(join(&call), 0);
    start(&call, wait_in_poller, &poller);
    await_watched(&call);
    CHECK_IS(anysock_write(ends[1], "x", 1), 1);
    CHECK_IS(join(&call), 1);
    CHECK_IS(read_a_byte(NULL), 1);
    start(&call, wait_in_poller, &poller);
    await_watched(&call);
    OK(anysock_close(poller));
    CHECK_IS(join(&call), ANYSOCK_ECANCELED);
    tear_down();
}

static int64_t resolve_slowly(void *argument) {
    char text[ADDRESS];
    return anysock_resolve("tcp4", "slow.test:80", *(int64_t *)argument, text, sizeof text);
}

static void resolve_goes_on(void) {
    int64_t limit = 50 * MILLISECOND, forever = -1;
    struct call call;
    hold_resolver();
    hoard();
    int64_t start_time = now();
    CHECK_IS(resolve_slowly(&limit), ANYSOCK_ETIMEDOUT);
    CHECK(now() - start_time >= limit);
    release_resolver();
    hold_resolver();
    start(&call, resolve_slowly, &forever);
    await_resolver();
    release_resolver();
    CHECK_IS(join(&call), strlen("127.0.0.1:80"));
    give_back();
}

/* The poller's registrations must be made anew after a fork: if that can't be, the child is told so, and may try again. */
static void forked_poller_fails_and_recovers(void) {
    anysock_t poller = OK(anysock_poller_open());
    anysock_event event;
    set_up();
    OK(anysock_poller_set(poller, ends[0], ANYSOCK_EVENT_WRITE, 1));
    pid_t child = POSIX(fork());
    if (child == 0) {
        /* What the poller had before may be given back first. */
        int64_t found = anysock_poller_wait(poller, &event, 1, 0);
        CHECK(found == 1 || found == ANYSOCK_EMFILE);
        spare(2);
        CHECK_IS(anysock_poller_wait(poller, &event, 1, -1), 1);
        CHECK_IS(event.token, 1);
        execlp("true", "true", (char *)NULL);
        _exit(EXIT_FAILURE);
    }
    expect_success(child);
    CHECK_IS(anysock_poller_wait(poller, &event, 1, -1), 1);
    OK(anysock_close(poller));
    tear_down();
}

/* ------------------------------------------------------------ out of memory */

/* As many as an address space has room for, of the calls' structures, and more than a machine has memory for. */
static const int64_t huge = PTRDIFF_MAX / 32;

static struct rlimit memory_before;

static void limit_memory(size_t more) {
    if (is_slow()) {
        SKIP("valgrind itself needs the memory that this case takes away");
    }
    long pages;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld", &pages) == 1);
    fclose(file);
    POSIX(getrlimit(RLIMIT_AS, &memory_before));
    rlim_t size = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + more;
    POSIX(setrlimit(RLIMIT_AS, &(struct rlimit){size, memory_before.rlim_max}));
}

static void give_memory_back(void) {
    POSIX(setrlimit(RLIMIT_AS, &memory_before));
}

/* What asks for more than there is gets an error; so does what can only be a mistake. */
static void huge_counts_are_errors(void) {
    char byte = 'x';
    limit_memory(64 << 20);
    set_up();
    anysock_t array[] = {ends[0]};
    anysock_handles set = {huge, array}, largest = {INT64_MAX, array};
    anysock_buffer buffer = {&byte, 1};
    CHECK_IS(anysock_select(&set, NULL, NULL, 0), ANYSOCK_ENOMEM);
    CHECK(set.count == huge && array[0] == ends[0]);
    CHECK_IS(anysock_select(&largest, NULL, NULL, 0), ANYSOCK_EINVAL);
    CHECK_IS(anysock_readv(ends[0], &buffer, (size_t)huge), ANYSOCK_ENOMEM);
    CHECK_IS(anysock_writev(ends[0], &buffer, (size_t)huge), ANYSOCK_ENOMEM);
    CHECK_IS(anysock_read(ends[0], &byte, SIZE_MAX), ANYSOCK_EINVAL);
    CHECK_IS(anysock_write(ends[0], &byte, SIZE_MAX), ANYSOCK_EINVAL);
    tear_down();
}

/* More handles than there is memory to look at: with all of them really there. */
static void large_set_is_an_error(void) {
    static const size_t count = 4 << 20;
    anysock_t *array = mmap(NULL, count * sizeof *array, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(array != MAP_FAILED);
    limit_memory(8 << 20);
    set_up();
    for (size_t place = 0; place < count; place++) {
        array[place] = ends[0];
    }
    anysock_handles set = {(int64_t)count, array};
    CHECK_IS(anysock_select(&set, NULL, NULL, 0), ANYSOCK_ENOMEM);
    CHECK_IS(set.count, count);
    for (size_t place = 0; place < count; place++) {
        CHECK(array[place] == ends[0]);
    }
    tear_down();
}

/* A capacity is no demand: only what is ready takes room. */
static void huge_capacity_works(void) {
    limit_memory(16 << 20);
    anysock_t poller = OK(anysock_poller_open());
    anysock_event events[1];
    set_up();
    OK(anysock_poller_set(poller, ends[0], ANYSOCK_EVENT_READ, 5));
    CHECK_IS(anysock_poller_wait(poller, events, (size_t)huge, 0), 0);
    CHECK_IS(anysock_write(ends[1], "x", 1), 1);
    CHECK_IS(anysock_poller_wait(poller, events, (size_t)huge, -1), 1);
    CHECK_IS(events[0].token, 5);
    CHECK_IS(anysock_poller_wait(poller, events, SIZE_MAX, -1), 1);
    CHECK_IS(read_a_byte(NULL), 1);
    OK(anysock_close(poller));
    tear_down();
}

/* Without memory for a thread a name is resolved on the caller's; on another when there is memory again. */
static void no_memory_for_a_thread(void) {
    static const char both[] = "127.0.0.1:80\n127.0.0.2:80";
    char text[ADDRESS];
    limit_memory(1 << 20);
    CHECK_IS(anysock_resolve("tcp4", "two.test:80", 60 * SECOND, text, sizeof text), strlen(both));
    CHECK(strcmp(text, both) == 0);
    give_memory_back();
    OK(anysock_resolve("tcp4", "two.test:80", 60 * SECOND, text, sizeof text));
}

/* --------------------------------------------------------------- numbers */

static int64_t read_byte(void *handle) {
    char byte;
    return anysock_read(*(anysock_t *)handle, &byte, 1);
}

/* A program that has closed its standard input gets number 0 for what it opens next, although a thread has begun to wait in the
 * library, and has got something by which it is woken. */
static void what_it_has_for_itself_takes_no_low_number(void) {
    anysock_t ends[2];
    struct call call;
    int input = POSIX(dup(0));
    OK(anysock_pair("unix", &ends[0], &ends[1]));
    POSIX(close(0));
    start(&call, read_byte, &ends[0]);
    await_blocked(&call);
    CHECK(POSIX(open("/dev/null", O_RDONLY | O_CLOEXEC)) == 0);
    OK(anysock_close(ends[1]));
    CHECK_IS(join(&call), 0);
    OK(anysock_close(ends[0]));
    POSIX(dup2(input, 0));
    POSIX(close(input));
}

/* What the standard library of Rust takes for the size of its threads' stacks is for the program's threads. */
static void no_stack_is_too_large_for_the_program(void) {
    struct call call;
    int64_t forever = -1;
    CHECK(setenv("RUST_MIN_STACK", "1000000000000000000", 1) == 0);
    hold_resolver();
    start(&call, resolve_slowly, &forever);
    await_resolver();
    CHECK(atomic_load(&resolver_thread) != atomic_load(&call.thread_id));
    release_resolver();
    CHECK_IS(join(&call), strlen("127.0.0.1:80"));
}

int main(int count, char **arguments) {
    (void)count;
    begin(arguments);
    RUN(open_fails_and_recovers);
    RUN(first_address_fails_and_recovers);
    RUN(pairs_and_pollers_leave_nothing);
    RUN(accept_keeps_the_connection);
    RUN(accept_many_takes_what_it_can);
    RUN(adopt_fails_without_harm);
    RUN(waits_keep_their_time);
    RUN(waits_see_what_comes);
    RUN(close_wakes_them);
    RUN(recovers_its_waker);
    RUN(poller_goes_on);
    RUN(resolve_goes_on);
    RUN(forked_poller_fails_and_recovers);
    RUN(huge_counts_are_errors);
    RUN(large_set_is_an_error);
    RUN(huge_capacity_works);
    RUN(no_memory_for_a_thread);
    RUN(what_it_has_for_itself_takes_no_low_number);
    RUN(no_stack_is_too_large_for_the_program);
    return finish();
}
