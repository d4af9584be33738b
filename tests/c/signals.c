/*
 * Signals: they neither stretch nor cut a wait, end it only where a handle is interruptible, lose no data, and the
 * library raises none and leaves handlers and masks alone. Threads are cancelled after a call, never in it. Not here: fork
 * (fork.c).
 */
#include "check.h"
#include "resolver.h"

#include <sys/time.h>

static const int64_t timeout = 200 * MILLISECOND;
/* By how much a wait may be late: machines are shared. One that a signal restarts would never end. */
static const int64_t patience = 120 * SECOND;

static atomic_int signals_caught;

static void count_signal(int number) {
    (void)number;
    atomic_fetch_add(&signals_caught, 1);
}

static void handle_signal(int number, int flags) {
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = flags};
    POSIX(sigaction(number, &action, NULL));
}

/* A signal every millisecond, until it is stopped. */
static void start_storm(int flags) {
    suseconds_t pause = is_slow() ? 20000 : 1000;
    handle_signal(SIGALRM, flags);
    atomic_store(&signals_caught, 0);
    POSIX(setitimer(ITIMER_REAL, &(struct itimerval){{0, pause}, {0, pause}}, NULL));
}

static void stop_storm(void) {
    POSIX(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL));
}

/* ------------------------------------------------------- what one waits for */

static struct silent silent;
static anysock_t stream[2], tcp[2], packet[2], udp, listener, unix_listener, full[2], full_tcp[2], full_gram[2];
static anysock_t pipe_reader, pipe_writer, empty_pipe_writer, full_pipe_reader, partial[2], poller, filler, attempt;

static void fill(anysock_t handle) {
    char data[4096] = {0};
    while (anysock_send(handle, data, sizeof data, ANYSOCK_FLAG_DONT_WAIT) > 0) {
    }
    while (anysock_send(handle, data, 1, ANYSOCK_FLAG_DONT_WAIT) > 0) {
    }
}

/* An acknowledgement that is on its way makes room again: full is what stays full. */
static void fill_tcp(anysock_t handle) {
    for (int64_t since = now(); now() - since < 300 * MILLISECOND; nap()) {
        if (anysock_send(handle, &(char){0}, 1, ANYSOCK_FLAG_DONT_WAIT) > 0) {
            fill(handle);
            since = now();
        }
    }
}

static void adopt_pipe(anysock_t *reader, anysock_t *writer) {
    int ends[2];
    POSIX(pipe2(ends, O_CLOEXEC));
    *reader = OK(anysock_adopt(ends[0]));
    *writer = OK(anysock_adopt(ends[1]));
}

static anysock_t *const waiting_handles[] = {&stream[0],     &tcp[0],   &packet[0],   &udp,         &listener,
                                             &unix_listener, &full[0],  &full_tcp[0], &full_gram[0], &pipe_reader,
                                             &pipe_writer,   &partial[0]};
static anysock_t *const other_handles[] = {&stream[1],    &tcp[1],           &packet[1],        &full[1], &full_tcp[1],
                                           &full_gram[1], &empty_pipe_writer, &full_pipe_reader, &partial[1],
                                           &poller,       &filler};

static void set_up(void) {
    char address[ADDRESS];
    open_silent(&silent);
    OK(anysock_pair("unix", &stream[0], &stream[1]));
    OK(anysock_pair("tcp", &tcp[0], &tcp[1]));
    OK(anysock_pair("unixpacket", &packet[0], &packet[1]));
    OK(anysock_pair("unix", &full[0], &full[1]));
    OK(anysock_pair("tcp", &full_tcp[0], &full_tcp[1]));
    OK(anysock_pair("unixgram", &full_gram[0], &full_gram[1]));
    OK(anysock_pair("unix", &partial[0], &partial[1]));
    udp = OK(anysock_open("udp"));
    OK(anysock_bind(udp, "127.0.0.1:0"));
    listener = listen_tcp(address);
    int fd = POSIX(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    POSIX(bind(fd, (struct sockaddr *)&name, sizeof name.sun_family)); /* the kernel chooses the name */
    POSIX(listen(fd, 0));
    unix_listener = OK(anysock_adopt(fd));
    adopt_pipe(&pipe_reader, &empty_pipe_writer);
    adopt_pipe(&full_pipe_reader, &pipe_writer);
    fill(full[0]);
    fill_tcp(full_tcp[0]);
    fill(full_gram[0]);
    fill(pipe_writer);
    poller = OK(anysock_poller_open());
    OK(anysock_poller_set(poller, stream[0], ANYSOCK_EVENT_READ, 1));
    OK(anysock_poller_set(poller, full_tcp[0], ANYSOCK_EVENT_WRITE, 2));
}

static void tear_down(void) {
    for (size_t place = 0; place < COUNT(waiting_handles); place++) {
        OK(anysock_close(*waiting_handles[place]));
    }
    for (size_t place = 0; place < COUNT(other_handles); place++) {
        if (*other_handles[place] != 0) {
            OK(anysock_close(*other_handles[place]));
        }
    }
    close_silent(&silent);
}

/* -------------------------------------------------------------- the waits */

static char byte;

static int64_t wait_read(void) {
    return anysock_read(stream[0], &byte, 1);
}

static int64_t wait_read_tcp(void) {
    return anysock_read(tcp[0], &byte, 1);
}

static int64_t wait_read_pipe(void) {
    return anysock_read(pipe_reader, &byte, 1);
}

static int64_t wait_receive(void) {
    return anysock_recv_from(udp, &byte, 1, 0, NULL, 0);
}

static int64_t wait_readv(void) {
    return anysock_readv(packet[0], &(anysock_buffer){&byte, 1}, 1);
}

/* Some of what is asked for comes at once, the rest never; then the next call has the error. */
static int64_t wait_read_full(void) {
    char data[8];
    CHECK_IS(anysock_write(partial[1], "abc", 3), 3);
    CHECK_IS(anysock_read_full(partial[0], data, sizeof data), 3);
    return anysock_read_full(partial[0], data, sizeof data);
}

static int64_t wait_peek(void) {
    char data[8];
    CHECK_IS(anysock_write(partial[1], "abc", 3), 3);
    int64_t seen = anysock_recv(partial[0], data, sizeof data, ANYSOCK_FLAG_PEEK | ANYSOCK_FLAG_WAIT_ALL);
    CHECK_IS(anysock_read(partial[0], data, sizeof data), 3);
    return seen;
}

static int64_t wait_write(void) {
    return anysock_write(full[0], &byte, 1);
}

static int64_t wait_write_all(void) {
    return anysock_write_all(full_tcp[0], &byte, 1);
}

static int64_t wait_write_datagram(void) {
    return anysock_write(full_gram[0], &byte, 1);
}

static int64_t wait_write_pipe(void) {
    return anysock_write(pipe_writer, &byte, 1);
}

static int64_t wait_accept(void) {
    return anysock_accept(listener);
}

static int64_t wait_accept_unix(void) {
    return anysock_accept(unix_listener);
}

/* A connect is tried with a new handle, which is left in `attempt` for those who want to go on with it. */
static int64_t try_connect(const char *kind, const char *address, bool interruptible) {
    if (attempt != 0) {
        OK(anysock_close(attempt));
    }
    attempt = OK(anysock_open(kind));
    OK(anysock_set(attempt, ANYSOCK_OPT_INTERRUPTIBLE, interruptible));
    OK(anysock_set(attempt, ANYSOCK_OPT_CONNECT_TIMEOUT, interruptible ? -1 : timeout));
    return anysock_connect(attempt, address);
}

static bool interruptible;

static int64_t wait_connect(void) {
    return try_connect("tcp", silent.address, interruptible);
}

static int64_t wait_race(void) {
    char address[ADDRESS];
    snprintf(address, sizeof address, "two.test%s", strchr(silent.address, ':'));
    return try_connect("tcp", address, interruptible);
}

static int64_t wait_connect_unix(void) {
    char address[ADDRESS];
    OK(anysock_local_address(unix_listener, address, sizeof address));
    if (filler == 0) {
        filler = connect_to("unix", address);
    }
    return try_connect("unix", address, interruptible);
}

static int64_t wait_select(void) {
    anysock_t readable[] = {stream[0], listener, udp}, writable[] = {full[0]}, exceptional[] = {tcp[0]};
    anysock_handles sets[] = {{3, readable}, {1, writable}, {1, exceptional}};
    return anysock_select(&sets[0], &sets[1], &sets[2], interruptible ? -1 : timeout);
}

static int64_t sleep_in_select(void) {
    return anysock_select(NULL, NULL, NULL, timeout);
}

static int64_t wait_poller(void) {
    anysock_event events[4];
    return anysock_poller_wait(poller, events, COUNT(events), interruptible ? -1 : timeout);
}

static int64_t wait_resolve(void) {
    char text[ADDRESS];
    hold_resolver();
    int64_t result = anysock_resolve("tcp4", "slow.test:80", timeout, text, sizeof text);
    release_resolver();
    return result;
}

static const struct wait {
    const char *name;
    int64_t (*wait)(void);
    /* What it returns at the timeout, and at a signal if its handle is interruptible; 0 if none of it is a handle. */
    int64_t late, interrupted;
} waits[] = {
    {"accept, AF_UNIX", wait_accept_unix, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"read", wait_read, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"read, TCP", wait_read_tcp, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"read, pipe", wait_read_pipe, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"recv_from", wait_receive, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"readv", wait_readv, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"read_full", wait_read_full, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"recv, all of it, peeking", wait_peek, 3, 0},
    {"write", wait_write, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"write_all, TCP", wait_write_all, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"write, datagram", wait_write_datagram, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"write, pipe", wait_write_pipe, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"accept", wait_accept, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"connect", wait_connect, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"connect to a name", wait_race, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"connect, AF_UNIX", wait_connect_unix, ANYSOCK_ETIMEDOUT, ANYSOCK_EINTR},
    {"select", wait_select, 0, ANYSOCK_EINTR},
    {"select of nothing", sleep_in_select, 0, 0},
    {"poller_wait", wait_poller, 0, ANYSOCK_EINTR},
    {"resolve", wait_resolve, ANYSOCK_ETIMEDOUT, 0},
};

static void set_all(const char *option, int64_t value) {
    for (size_t place = 0; place < COUNT(waiting_handles); place++) {
        OK(anysock_set(*waiting_handles[place], option, value));
    }
}

/* How many signals came meanwhile. */
static int keeps_its_time_once(const struct wait *wait, int flags) {
    start_storm(flags);
    int64_t start = now();
    int64_t result = wait->wait();
    int64_t took = now() - start;
    stop_storm();
    if (result != wait->late || took < timeout || took > timeout + patience) {
        fail(__FILE__, __LINE__, "%s: %lld (%s) after %lld us", wait->name, (long long)result, name_of(result),
             (long long)took);
    }
    return atomic_load(&signals_caught);
}

/* One signal is no storm: on a busy machine it may take another try. */
static void keeps_its_time(const struct wait *wait, int flags) {
    while (keeps_its_time_once(wait, flags) < 2) {
    }
}

static void timeouts_are_neither_stretched_nor_cut(void) {
    set_up();
    set_all(ANYSOCK_OPT_TIMEOUT, timeout);
    for (size_t place = 0; place < COUNT(waits); place++) {
        keeps_its_time(&waits[place], 0);
        keeps_its_time(&waits[place], SA_RESTART);
    }
    OK(anysock_close(attempt));
    tear_down();
}

/* ---------------------------------------------------------- interruptible */

static void is_interrupted(const struct wait *wait, int flags) {
    start_storm(flags);
    int64_t result = wait->wait();
    stop_storm();
    if (result != wait->interrupted) {
        fail(__FILE__, __LINE__, "%s: %lld (%s)", wait->name, (long long)result, name_of(result));
    }
}

static void interruptible_waits_end(void) {
    set_up();
    interruptible = true;
    set_all(ANYSOCK_OPT_INTERRUPTIBLE, 1);
    for (size_t place = 0; place < COUNT(waits); place++) {
        if (waits[place].interrupted != 0) {
            is_interrupted(&waits[place], 0);
            is_interrupted(&waits[place], SA_RESTART);
        }
    }
    OK(anysock_close(attempt));
    tear_down();
}

/* One interruptible handle of many is enough, and a poller may be it. */
static void one_interruptible_handle_is_enough(void) {
    set_up();
    interruptible = true;
    static const struct wait select_wait = {"select", wait_select, 0, ANYSOCK_EINTR};
    static const struct wait poller_wait = {"poller_wait", wait_poller, 0, ANYSOCK_EINTR};
    anysock_t *const of_select[] = {&stream[0], &udp, &full[0], &tcp[0]};
    anysock_t *const of_poller[] = {&stream[0], &full_tcp[0], &poller};
    for (size_t place = 0; place < COUNT(of_select); place++) {
        OK(anysock_set(*of_select[place], ANYSOCK_OPT_INTERRUPTIBLE, 1));
        is_interrupted(&select_wait, SA_RESTART);
        OK(anysock_set(*of_select[place], ANYSOCK_OPT_INTERRUPTIBLE, 0));
    }
    for (size_t place = 0; place < COUNT(of_poller); place++) {
        OK(anysock_set(*of_poller[place], ANYSOCK_OPT_INTERRUPTIBLE, 1));
        is_interrupted(&poller_wait, SA_RESTART);
        OK(anysock_set(*of_poller[place], ANYSOCK_OPT_INTERRUPTIBLE, 0));
    }
    tear_down();
}

static void accept_filler(void) {
    int taken;
    do {
        taken = accept(silent.listener, NULL, NULL);
    } while (taken < 0 && errno == EINTR);
    POSIX(taken);
    POSIX(close(taken));
}

static void insist(const char *address) {
    int64_t result;
    while ((result = anysock_connect(attempt, address)) == ANYSOCK_EINTR) {
    }
    CHECK_IS(result, 0);
}

/* An interrupted attempt goes on: connect again waits for it. */
static void interrupted_connect_goes_on(void) {
    char address[ADDRESS];
    set_up();
    interruptible = true;
    start_storm(SA_RESTART);
    CHECK_IS(wait_connect(), ANYSOCK_EINTR);
    /* They make room for it: the kernel tries each again after a second, after two more, and so on. */
    accept_filler();
    accept_filler();
    insist(silent.address);
    CHECK_IS(wait_connect_unix(), ANYSOCK_EINTR);
    anysock_t first = OK(anysock_accept(unix_listener));
    OK(anysock_local_address(unix_listener, address, sizeof address));
    insist(address);
    anysock_t second = OK(anysock_accept(unix_listener));
    stop_storm();
    check_talk(attempt, second);
    OK(anysock_close(first));
    OK(anysock_close(second));
    OK(anysock_close(attempt));
    tear_down();
}

/* ------------------------------------------------------ waking from a handler */

static anysock_t woken;

static void wake_in_handler(int number) {
    (void)number;
    int before = errno;
    if (anysock_poller_wake(woken) == 0) {
        atomic_fetch_add(&signals_caught, 1);
    }
    errno = before;
}

static void start_wakes(suseconds_t pause) {
    struct sigaction action = {.sa_handler = wake_in_handler, .sa_flags = SA_RESTART};
    POSIX(sigaction(SIGALRM, &action, NULL));
    atomic_store(&signals_caught, 0);
    POSIX(setitimer(ITIMER_REAL, &(struct itimerval){{0, pause}, {0, pause}}, NULL));
}

/* Each wait is ended by a handler that interrupts it, or that came before it. */
static void a_handler_wakes_its_own_thread(void) {
    anysock_event event;
    woken = OK(anysock_poller_open());
    start_wakes(is_slow() ? 20000 : 500);
    for (long round = rounds(2000, 20); round > 0; round--) {
        CHECK_IS(anysock_poller_wait(woken, &event, 1, -1), 0);
    }
    stop_storm();
    CHECK(atomic_load(&signals_caught) > 0);
    OK(anysock_close(woken));
}

/* Whatever the handler interrupts: calls that hold the poller's locks among them. */
static void a_handler_wakes_in_the_middle_of_anything(void) {
    anysock_t ends[2], other;
    anysock_event event;
    woken = OK(anysock_poller_open());
    OK(anysock_pair("unix", &ends[0], &ends[1]));
    start_wakes(is_slow() ? 20000 : 50);
    for (long round = rounds(100000, 100); round > 0 || atomic_load(&signals_caught) < 10; round--) {
        OK(anysock_poller_set(woken, ends[0], ANYSOCK_EVENT_READ, round));
        OK(anysock_poller_set(woken, ends[1], ANYSOCK_EVENT_WRITE | ANYSOCK_EVENT_ONESHOT, 2));
        OK(anysock_poller_wait(woken, &event, 1, 0));
        OK(anysock_poller_set(woken, ends[1], 0, 0));
        if (round % 64 == 0) {
            other = OK(anysock_poller_open());
            OK(anysock_poller_set(other, ends[0], ANYSOCK_EVENT_WRITE, 1));
            OK(anysock_close(other));
        }
    }
    stop_storm();
    /* One that was closed in the middle of it is closed. */
    for (long round = rounds(2000, 20); round > 0; round--) {
        woken = OK(anysock_poller_open());
        start_wakes(20);
        OK(anysock_poller_set(woken, ends[0], ANYSOCK_EVENT_READ, 1));
        OK(anysock_close(woken));
        stop_storm();
        CHECK_IS(anysock_poller_wake(woken), ANYSOCK_EBADF);
    }
    CHECK_IS(anysock_poller_wake(ends[0]), ANYSOCK_EINVAL);
    OK(anysock_close(ends[0]));
    OK(anysock_close(ends[1]));
}

/* ---------------------------------------------------------- nothing is lost */

static size_t stream_length(void) {
    return (size_t)rounds(16 << 20, 1 << 20);
}

static unsigned char pattern(size_t place) {
    return (unsigned char)(place * 2654435761u >> 13);
}

static int64_t send_stream(void *argument) {
    size_t length = stream_length(), sent = 0;
    unsigned char *data = malloc(length);
    CHECK(data != NULL);
    for (size_t place = 0; place < length; place++) {
        data[place] = pattern(place);
    }
    while (sent < length) {
        int64_t more = anysock_write_all(*(anysock_t *)argument, data + sent, length - sent);
        CHECK(more > 0 || (more == ANYSOCK_EINTR && interruptible));
        CHECK(interruptible || (size_t)more == length);
        sent += more > 0 ? (size_t)more : 0;
    }
    free(data);
    return (int64_t)sent;
}

static int64_t receive_stream(void *argument) {
    size_t length = stream_length(), received = 0;
    unsigned char *data = malloc(length);
    CHECK(data != NULL);
    while (received < length) {
        int64_t more = anysock_read_full(*(anysock_t *)argument, data + received, length - received);
        CHECK(more > 0 || (more == ANYSOCK_EINTR && interruptible));
        CHECK(interruptible || (size_t)more == length);
        received += more > 0 ? (size_t)more : 0;
    }
    for (size_t place = 0; place < length; place++) {
        CHECK(data[place] == pattern(place));
    }
    free(data);
    return (int64_t)received;
}

static void pester(struct call *calls, size_t count) {
    handle_signal(SIGUSR1, SA_RESTART);
    for (size_t done = 0; done < count;) {
        done = 0;
        for (size_t place = 0; place < count; place++) {
            if (atomic_load(&calls[place].done)) {
                done++;
            } else {
                pthread_kill(calls[place].thread, SIGUSR1); /* it is joined only afterwards */
            }
        }
        nap();
    }
}

static void no_data_is_lost(void) {
    static const char *const kinds[] = {"unix", "tcp"};
    for (size_t place = 0; place < 2 * COUNT(kinds); place++) {
        anysock_t ends[2];
        struct call calls[2];
        interruptible = place % 2 == 1;
        OK(anysock_pair(kinds[place / 2], &ends[0], &ends[1]));
        OK(anysock_set(ends[0], ANYSOCK_OPT_INTERRUPTIBLE, interruptible));
        OK(anysock_set(ends[1], ANYSOCK_OPT_INTERRUPTIBLE, interruptible));
        start(&calls[0], send_stream, &ends[0]);
        start(&calls[1], receive_stream, &ends[1]);
        pester(calls, COUNT(calls));
        CHECK_IS(join(&calls[0]), stream_length());
        CHECK_IS(join(&calls[1]), stream_length());
        OK(anysock_close(ends[0]));
        OK(anysock_close(ends[1]));
    }
}

enum { CONNECTIONS = 100 };

static int64_t connect_often(void *address) {
    for (int place = 0; place < CONNECTIONS; place++) {
        anysock_t client = connect_to("tcp", address);
        CHECK_IS(anysock_write(client, "x", 1), 1);
        CHECK_IS(anysock_read(client, &(char){0}, 1), 0);
        OK(anysock_close(client));
    }
    return 0;
}

static int64_t accept_often(void *argument) {
    anysock_t own = *(anysock_t *)argument;
    for (int place = 0; place < CONNECTIONS;) {
        int64_t connection = anysock_accept(own);
        if (connection == ANYSOCK_EINTR) {
            continue;
        }
        /* It is the listener's. */
        OK(anysock_set(OK(connection), ANYSOCK_OPT_INTERRUPTIBLE, 0));
        CHECK_IS(anysock_read(connection, &(char){0}, 1), 1);
        OK(anysock_close(connection));
        place++;
    }
    return 0;
}

static void no_connection_is_lost(void) {
    char address[ADDRESS];
    anysock_t own = listen_tcp(address);
    OK(anysock_set(own, ANYSOCK_OPT_INTERRUPTIBLE, 1));
    struct call calls[2];
    start(&calls[0], accept_often, &own);
    start(&calls[1], connect_often, address);
    pester(calls, COUNT(calls));
    join(&calls[0]);
    join(&calls[1]);
    OK(anysock_close(own));
}

/* ---------------------------------------------------------------- SIGPIPE */

enum { STANDARD_SIGNALS = 32 };

/* What a program has said about its signals. */
struct manners {
    struct sigaction actions[STANDARD_SIGNALS];
    sigset_t mask;
};

static void note_manners(struct manners *manners) {
    memset(manners, 0, sizeof *manners);
    for (int number = 1; number < STANDARD_SIGNALS; number++) {
        sigaction(number, NULL, &manners->actions[number]);
    }
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &manners->mask) == 0);
}

static void check_manners(const struct manners *before) {
    struct manners after;
    note_manners(&after);
    for (int number = 1; number < STANDARD_SIGNALS; number++) {
        CHECK(after.actions[number].sa_handler == before->actions[number].sa_handler);
        CHECK(after.actions[number].sa_flags == before->actions[number].sa_flags);
        CHECK(sigismember(&after.mask, number) == sigismember(&before->mask, number));
    }
}

static bool is_pending(int number) {
    sigset_t pending;
    POSIX(sigpending(&pending));
    return sigismember(&pending, number) == 1;
}

static void block(int number, bool blocked) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    CHECK(pthread_sigmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL) == 0);
}

/* An end whose peer is gone, or whose own writing half is shut. */
static anysock_t open_broken(const char *kind) {
    anysock_t ends[2];
    if (strcmp(kind, "pipe") == 0) {
        adopt_pipe(&ends[1], &ends[0]);
        OK(anysock_close(ends[1]));
        return ends[0];
    }
    if (strcmp(kind, "shut") == 0) {
        OK(anysock_pair("tcp", &ends[0], &ends[1]));
        OK(anysock_shutdown(ends[0], ANYSOCK_SHUT_WRITE));
        OK(anysock_close(ends[1]));
        return ends[0];
    }
    OK(anysock_pair(kind, &ends[0], &ends[1]));
    OK(anysock_close(ends[1]));
    /* TCP learns it from the answer to the first segment. */
    while (strcmp(kind, "tcp") == 0 && anysock_write(ends[0], "x", 1) > 0) {
        nap();
    }
    return ends[0];
}

static void write_in_vain(anysock_t end) {
    static char data[100000];
    anysock_buffer buffers[] = {{data, 1}, {data, 99}};
    CHECK_IS(anysock_write(end, data, 1), ANYSOCK_EPIPE);
    CHECK_IS(anysock_write_all(end, data, sizeof data), ANYSOCK_EPIPE);
    CHECK_IS(anysock_send(end, data, 1, 0), ANYSOCK_EPIPE);
    CHECK_IS(anysock_send(end, data, 1, ANYSOCK_FLAG_DONT_WAIT), ANYSOCK_EPIPE);
    CHECK_IS(anysock_send_to(end, data, 1, 0, NULL), ANYSOCK_EPIPE);
    CHECK_IS(anysock_writev(end, buffers, COUNT(buffers)), ANYSOCK_EPIPE);
}

static const char *const broken_kinds[] = {"tcp", "unix", "unixpacket", "shut", "pipe"};

static void write_to_every_broken_kind(void) {
    for (size_t place = 0; place < COUNT(broken_kinds); place++) {
        anysock_t end = open_broken(broken_kinds[place]);
        write_in_vain(end);
        OK(anysock_close(end));
    }
}

static void broken_pipes_raise_no_signal(void) {
    void (*const dispositions[])(int) = {count_signal, SIG_DFL, SIG_IGN};
    for (size_t place = 0; place < 2 * COUNT(dispositions); place++) {
        struct manners before;
        signal(SIGPIPE, dispositions[place / 2]);
        block(SIGPIPE, place % 2);
        note_manners(&before);
        write_to_every_broken_kind();
        check_manners(&before);
        CHECK(!is_pending(SIGPIPE));
    }
    CHECK_IS(atomic_load(&signals_caught), 0);
}

/* A thread of ThreadSanitizer's own blocks no SIGPIPE, takes one that is for the process, and dies in its handler. */
#ifdef __SANITIZE_THREAD__
static const bool sigpipe_waits_for_the_process = false;
#else
static const bool sigpipe_waits_for_the_process = true;
#endif

/* A SIGPIPE that the program had pending, for its thread or for the process, is still there, and once. */
static void pending_sigpipe_stays(void) {
    handle_signal(SIGPIPE, 0);
    for (int round = 0; round < (sigpipe_waits_for_the_process ? 2 : 1); round++) {
        for (size_t place = 0; place < COUNT(broken_kinds); place++) {
            anysock_t end = open_broken(broken_kinds[place]);
            atomic_store(&signals_caught, 0);
            block(SIGPIPE, true);
            if (round == 0) {
                CHECK(raise(SIGPIPE) == 0);
            } else {
                POSIX(kill(getpid(), SIGPIPE));
            }
            write_in_vain(end);
            CHECK(is_pending(SIGPIPE));
            CHECK_IS(atomic_load(&signals_caught), 0);
            block(SIGPIPE, false);
            if (atomic_load(&signals_caught) != 1) {
                fail(__FILE__, __LINE__, "%s: SIGPIPE came %d times", broken_kinds[place],
                     atomic_load(&signals_caught));
            }
            CHECK(!is_pending(SIGPIPE));
            OK(anysock_close(end));
        }
    }
}

static int64_t break_pipes(void *argument) {
    (void)argument;
    for (int round = 0; round < rounds(500, 10); round++) {
        anysock_t end = open_broken(broken_kinds[(size_t)round % COUNT(broken_kinds)]);
        write_in_vain(end);
        OK(anysock_close(end));
    }
    CHECK(!is_pending(SIGPIPE));
    return 0;
}

static void no_signal_in_many_threads(void) {
    struct call calls[4];
    handle_signal(SIGPIPE, 0);
    for (size_t place = 0; place < COUNT(calls); place++) {
        start(&calls[place], break_pipes, NULL);
    }
    for (size_t place = 0; place < COUNT(calls); place++) {
        join(&calls[place]);
    }
    CHECK_IS(atomic_load(&signals_caught), 0);
}

/* --------------------------------------------------- threads of the library */

static int64_t resolve_slowly(void *argument) {
    (void)argument;
    char text[ADDRESS];
    return anysock_resolve("tcp4", "slow.test:80", -1, text, sizeof text);
}

/* While the program's own threads block a signal, the library's must not be the one that takes it. */
static void library_threads_take_no_signals(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, SIGHUP, SIGWINCH, SIGPIPE};
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    const size_t count = COUNT(numbers) - !sigpipe_waits_for_the_process;
    struct call call;
    hold_resolver();
    for (size_t place = 0; place < count; place++) {
        handle_signal(numbers[place], 0);
        block(numbers[place], true);
    }
    start(&call, resolve_slowly, NULL);
    await_resolver();
    for (size_t place = 0; place < count; place++) {
        CHECK(sigismember(&resolver_mask, numbers[place]) == 1);
        POSIX(kill(getpid(), numbers[place]));
        CHECK(is_pending(numbers[place]));
    }
    /* A crash handler must run, whichever thread has crashed. */
    for (size_t place = 0; place < COUNT(faults); place++) {
        CHECK(sigismember(&resolver_mask, faults[place]) == 0);
    }
    release_resolver();
    CHECK_IS(join(&call), strlen("127.0.0.1:80"));
    CHECK_IS(atomic_load(&signals_caught), 0);
    for (size_t place = 0; place < count; place++) {
        block(numbers[place], false);
    }
    CHECK_IS(atomic_load(&signals_caught), count);
}

/* No call whatever changes a handler or a mask. */
static void handlers_and_masks_are_untouched(void) {
    struct manners before;
    char text[ADDRESS];
    handle_signal(SIGUSR1, SA_RESTART);
    block(SIGUSR2, true);
    note_manners(&before);
    set_up();
    set_all(ANYSOCK_OPT_TIMEOUT, MILLISECOND);
    for (size_t place = 0; place < COUNT(waits); place++) {
        waits[place].wait();
    }
    anysock_resolve("tcp", "localhost:80", -1, text, sizeof text);
    OK(anysock_close(attempt));
    tear_down();
    check_manners(&before);
}

/* ------------------------------------------------------------ cancellation */

/* A wait in a thread that is cancelled: before it begins, or in the middle of it. */
struct cancelled {
    int64_t (*wait)(void);
    bool early;
    int64_t result;
    atomic_int thread_id;
    atomic_bool done;
};

static void *be_cancelled(void *argument) {
    struct cancelled *cancelled = argument;
    if (cancelled->early) {
        pthread_cancel(pthread_self());
    }
    atomic_store(&cancelled->thread_id, thread_id());
    cancelled->result = cancelled->wait();
    atomic_store(&cancelled->done, true);
    for (;;) {
        pause(); /* On a busy machine the wait may be over before the cancellation comes. */
    }
    return NULL; /* some compilers want one */
}

static bool waits_already(struct cancelled *cancelled) {
    int id = atomic_load(&cancelled->thread_id);
    return atomic_load(&cancelled->done) || (id != 0 && is_waiting(getpid(), id));
}

/* The thread ends, and not before its call has. */
static void ends_after_its_call(const char *name, int64_t (*wait)(void), bool early, int64_t wanted) {
    struct cancelled cancelled = {.wait = wait, .early = early};
    pthread_t thread;
    void *end;
    CHECK(pthread_create(&thread, NULL, be_cancelled, &cancelled) == 0);
    if (!early) {
        while (!waits_already(&cancelled)) {
            nap();
        }
        CHECK(pthread_cancel(thread) == 0);
    }
    CHECK(pthread_join(thread, &end) == 0);
    if (!atomic_load(&cancelled.done)) {
        fail(__FILE__, __LINE__, "%s: the thread has ended in its call", name);
    }
    CHECK(end == PTHREAD_CANCELED);
    CHECK_IS(cancelled.result, wanted);
}

/* What holds the answer back is let go outside: to wait for that is a point where threads are cancelled. */
static int64_t wait_resolve_alone(void) {
    char text[ADDRESS];
    hold_resolver();
    return anysock_resolve("tcp4", "slow.test:80", timeout, text, sizeof text);
}

static void cancellation_waits_for_the_end_of_a_wait(void) {
    set_up();
    set_all(ANYSOCK_OPT_TIMEOUT, timeout);
    for (size_t place = 0; place < COUNT(waits); place++) {
        for (int early = 0; early < 2 && waits[place].wait != wait_resolve; early++) {
            ends_after_its_call(waits[place].name, waits[place].wait, early, waits[place].late);
        }
    }
    for (int early = 0; early < 2; early++) {
        ends_after_its_call("resolve", wait_resolve_alone, early, ANYSOCK_ETIMEDOUT);
        release_resolver();
    }
    OK(anysock_close(attempt));
    tear_down();
}

/* Every function that asks anything of the system, with nothing to wait for. */
static int64_t call_everything(void) {
    char address[ADDRESS], text[4096], data[16];
    int64_t value;
    anysock_event event;
    anysock_t first, second;
    anysock_t server = listen_tcp(address);
    anysock_t client = OK(anysock_open("tcp"));
    OK(anysock_connect(client, address));
    anysock_t accepted = OK(anysock_accept(server));
    OK(anysock_local_address(accepted, text, sizeof text));
    OK(anysock_peer_address(accepted, text, sizeof text));
    CHECK_IS(anysock_write_all(client, "hello, there", 12), 12);
    CHECK_IS(anysock_recv(accepted, data, 5, ANYSOCK_FLAG_PEEK), 5);
    CHECK_IS(anysock_read_full(accepted, data, 5), 5);
    CHECK_IS(anysock_readv(accepted, &(anysock_buffer){data, 2}, 1), 2);
    CHECK_IS(anysock_recv_message(accepted,
                                  &(anysock_message){.size = sizeof(anysock_message),
                                                     .buffers = &(anysock_buffer){data, 5},
                                                     .buffer_count = 1},
                                  0),
             5);
    int64_t file = POSIX(memfd_create("", 0));
    CHECK(ftruncate((int)file, 8) == 0);
    CHECK_IS(anysock_send_file(client, file, 0, 8), 8);
    CHECK_IS(anysock_writev(client, &(anysock_buffer){"x", 1}, 1), 1);
    CHECK_IS(anysock_send_message(client,
                                  &(anysock_message){.size = sizeof(anysock_message),
                                                     .buffers = &(anysock_buffer){"x", 1},
                                                     .buffer_count = 1},
                                  0),
             1);
    syscall(SYS_close, (int)file);
    OK(anysock_set(client, ANYSOCK_OPT_TCP_NODELAY, 1));
    OK(anysock_get(client, ANYSOCK_OPT_ERROR, &value));
    OK(anysock_get_text(client, ANYSOCK_OPT_TCP_STATE, text, sizeof text));
    OK(anysock_shutdown(client, ANYSOCK_SHUT_WRITE));
    anysock_t own = OK(anysock_poller_open());
    OK(anysock_poller_set(own, accepted, ANYSOCK_EVENT_READ, 7));
    CHECK_IS(anysock_poller_wait(own, &event, 1, SECOND), 1);
    OK(anysock_poller_wake(own));
    OK(anysock_poller_set(own, accepted, 0, 0));
    OK(anysock_select(&(anysock_handles){1, &accepted}, NULL, NULL, 0));
    anysock_t datagrams = OK(anysock_open("udp4"));
    OK(anysock_bind(datagrams, "127.0.0.1:0"));
    OK(anysock_local_address(datagrams, address, sizeof address));
    CHECK_IS(anysock_send_to(datagrams, "x", 1, 0, address), 1);
    CHECK_IS(anysock_recv_from(datagrams, data, sizeof data, 0, text, sizeof text), 1);
    CHECK_IS(anysock_send_to(datagrams, "x", 1, 0, "localhost:9"), 1);
    anysock_datagram datagram = {.data = data, .length = 1};
    OK(anysock_connect(datagrams, address));
    CHECK_IS(anysock_send_many(datagrams, &datagram, 1, 0), 1);
    CHECK_IS(anysock_recv_many(datagrams, &datagram, 1, 0), 1);
    OK(anysock_pair("tcp", &first, &second));
    int64_t number = OK(anysock_release(first));
    first = OK(anysock_adopt(number));
    OK(anysock_fd(second));
    OK(anysock_interfaces(text, sizeof text));
    OK(anysock_resolve("tcp", "localhost:80", -1, text, sizeof text));
    anysock_t const all[] = {server, client, accepted, own, datagrams, first, second};
    for (size_t place = 0; place < COUNT(all); place++) {
        OK(anysock_close(all[place]));
    }
    return 0;
}

static void cancellation_waits_for_the_end_of_any_call(void) {
    struct descriptors before;
    ends_after_its_call("everything", call_everything, true, 0);
    list_descriptors(&before);
    for (int round = 0; round < 5; round++) {
        ends_after_its_call("everything", call_everything, true, 0);
    }
    check_descriptors(&before);
}

int main(int count, char **arguments) {
    (void)count;
    begin(arguments);
    RUN(timeouts_are_neither_stretched_nor_cut);
    RUN(interruptible_waits_end);
    RUN(one_interruptible_handle_is_enough);
    RUN(a_handler_wakes_its_own_thread);
    RUN(a_handler_wakes_in_the_middle_of_anything);
    RUN(interrupted_connect_goes_on);
    RUN(no_data_is_lost);
    RUN(no_connection_is_lost);
    RUN(broken_pipes_raise_no_signal);
    RUN(pending_sigpipe_stays);
    RUN(no_signal_in_many_threads);
    RUN(library_threads_take_no_signals);
    RUN(handlers_and_masks_are_untouched);
    RUN(cancellation_waits_for_the_end_of_a_wait);
    RUN(cancellation_waits_for_the_end_of_any_call);
    return finish();
}
