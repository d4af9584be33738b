/*
 * What the C programs share: checks that say where and what failed, cases that each run in a process of their own, and
 * threads of which one can tell that they are blocked. Not here: anything that only one program needs.
 *
 * A program is a list of RUN(case) in main. With arguments it runs only the cases that they name.
 */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <anysock.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND ((int64_t)ANYSOCK_MILLISECOND)
#define SECOND ((int64_t)ANYSOCK_SECOND)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The condition holds. */
#define CHECK(condition) ((condition) ? (void)0 : fail(__FILE__, __LINE__, "%s", #condition))

/* The call returns just this; both numbers are named if they are error codes. */
#define CHECK_IS(call, wanted) check_is(__FILE__, __LINE__, #call, (int64_t)(call), (int64_t)(wanted))

/* The call of anysock succeeds; its result. */
#define OK(call) check_ok(__FILE__, __LINE__, #call, (int64_t)(call))

/* The POSIX call does not return -1; its result. */
#define POSIX(call) check_posix(__FILE__, __LINE__, #call, (int64_t)(call))

/* The case can't be tried here. */
#define SKIP(reason) skip(reason)

/* Runs a case: `ok name`, `FAIL name` or `skip name: reason`. */
#define RUN(name) run_case(#name, name)

/* ---------------------------------------------------------------- checks */

__attribute__((format(printf, 3, 4), noreturn)) static inline void fail(const char *file, int line,
                                                                       const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    flockfile(stderr);
    fprintf(stderr, "%s:%d: ", file, line);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    funlockfile(stderr);
    va_end(arguments);
    _exit(EXIT_FAILURE);
}

static inline const char *name_of(int64_t result) {
    return result < 0 ? anysock_error_name(result) : "no error";
}

static inline void check_is(const char *file, int line, const char *call, int64_t result, int64_t wanted) {
    if (result != wanted) {
        fail(file, line, "%s is %lld (%s), not %lld (%s)", call, (long long)result, name_of(result),
             (long long)wanted, name_of(wanted));
    }
}

static inline int64_t check_ok(const char *file, int line, const char *call, int64_t result) {
    if (result < 0) {
        fail(file, line, "%s is %lld (%s)", call, (long long)result, name_of(result));
    }
    return result;
}

static inline int check_posix(const char *file, int line, const char *call, int64_t result) {
    if (result == -1) {
        fail(file, line, "%s: %s", call, strerror(errno));
    }
    return (int)result;
}

/* ----------------------------------------------------------------- cases */

enum { SKIPPED = 77, CASE_SECONDS = 120 };

static int cases_failed;
static char **cases_wanted;
static const char *case_name;
static volatile pid_t case_running;

/* Whether the program runs under valgrind, where everything takes twenty times as long. */
static inline bool is_slow(void) {
    return getenv("CHECK_SLOW") != NULL;
}

/* How often to do something: fewer rounds under valgrind. */
static inline int rounds(int plain, int slow) {
    return is_slow() ? slow : plain;
}

__attribute__((noreturn)) static inline void skip(const char *reason) {
    printf("skip %s: %s\n", case_name, reason);
    fflush(stdout);
    _exit(SKIPPED);
}

/* The case hangs: ends it and what it has started. */
static inline void give_up(int number) {
    (void)number;
    kill(-case_running, SIGKILL);
}

static inline bool is_wanted(const char *name) {
    for (char **wanted = cases_wanted; wanted != NULL && *wanted != NULL; wanted++) {
        if (strcmp(*wanted, name) == 0) {
            return true;
        }
    }
    return cases_wanted == NULL || *cases_wanted == NULL;
}

static inline int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec / 1000;
}

/* A process of its own gives each case a fresh library, and lets one fail or hang without the others. */
static inline void run_case(const char *name, void (*body)(void)) {
    if (!is_wanted(name)) {
        return;
    }
    fflush(NULL);
    case_name = name;
    int64_t start = now();
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        signal(SIGALRM, SIG_DFL);
        body();
        exit(EXIT_SUCCESS);
    }
    case_running = child;
    setpgid(child, child);
    signal(SIGALRM, give_up);
    alarm((unsigned)rounds(CASE_SECONDS, 4 * CASE_SECONDS));
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    alarm(0);
    kill(-child, SIGKILL); /* what a failed case leaves behind */
    int took = (int)((now() - start) / MILLISECOND);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) {
        printf("ok %s (%d ms)\n", name, took);
    } else if (!WIFEXITED(status) || WEXITSTATUS(status) != SKIPPED) {
        cases_failed++;
        printf("FAIL %s (%s %d after %d ms)\n", name, WIFSIGNALED(status) ? "signal" : "exit",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), took);
    }
    fflush(stdout);
}

static inline void begin(char **arguments) {
    cases_wanted = arguments + 1;
}

static inline int finish(void) {
    return cases_failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Waits for a child process that must have had nothing to complain of. */
static inline void expect_success(pid_t child) {
    int status = 0;
    pid_t ended;
    do {
        ended = waitpid(child, &status, 0);
    } while (ended < 0 && errno == EINTR);
    CHECK(ended == child);
    if (WIFSIGNALED(status)) {
        fail(__FILE__, __LINE__, "the child died of signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    }
    CHECK_IS(WEXITSTATUS(status), 0);
}

/* --------------------------------------------------------------- threads */

/* A call in a thread of its own. */
struct call {
    int64_t (*body)(void *);
    void *argument;
    int64_t result;
    atomic_int thread_id;
    atomic_bool done;
    pthread_t thread;
};

static inline pid_t thread_id(void) {
    return (pid_t)syscall(SYS_gettid);
}

static inline void *call_in_thread(void *argument) {
    struct call *call = argument;
    atomic_store(&call->thread_id, thread_id());
    call->result = call->body(call->argument);
    atomic_store(&call->done, true);
    return NULL;
}

static inline void start(struct call *call, int64_t (*body)(void *), void *argument) {
    call->body = body;
    call->argument = argument;
    atomic_store(&call->thread_id, 0);
    atomic_store(&call->done, false);
    CHECK(pthread_create(&call->thread, NULL, call_in_thread, call) == 0);
}

static inline int64_t join(struct call *call) {
    CHECK(pthread_join(call->thread, NULL) == 0);
    return call->result;
}

static inline void nap(void) {
    nanosleep(&(struct timespec){.tv_nsec = 500 * 1000}, NULL);
}

/* Whether a thread sits in one of the system calls in which the library waits. */
static inline bool is_waiting(pid_t process, pid_t thread) {
    static const long waits[] = {SYS_poll, SYS_ppoll, SYS_epoll_wait, SYS_epoll_pwait, 441 /* epoll_pwait2 */};
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", (int)process, (int)thread);
    FILE *file = fopen(path, "r");
    long number = -1;
    bool told = file != NULL && fscanf(file, "%ld", &number) == 1;
    if (file != NULL) {
        fclose(file);
    }
    for (size_t place = 0; told && place < COUNT(waits); place++) {
        if (number == waits[place]) {
            return true;
        }
    }
    return false;
}

/* Waits until the call is blocked in the library; fails if it returns instead. */
static inline void await_blocked(struct call *call) {
    while (atomic_load(&call->thread_id) == 0 || !is_waiting(getpid(), atomic_load(&call->thread_id))) {
        CHECK(!atomic_load(&call->done));
        nap();
    }
}

/* ----------------------------------------------------------- descriptors */

enum { MOST_DESCRIPTORS = 4096 };

/* Which descriptors a process has. */
struct descriptors {
    bool open[MOST_DESCRIPTORS];
};

static inline void list_descriptors(struct descriptors *list) {
    memset(list, 0, sizeof *list);
    DIR *directory = opendir("/proc/self/fd");
    CHECK(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(directory) && fd < MOST_DESCRIPTORS) {
            list->open[fd] = true;
        }
    }
    closedir(directory);
}

/* What the descriptor is, as "socket:[4711]". */
static inline const char *describe(int fd) {
    static _Thread_local char text[256];
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, text, sizeof text - 1);
    text[length < 0 ? 0 : length] = '\0';
    return text;
}

/* Fails if there is a descriptor that was not there before. */
static inline void check_descriptors(const struct descriptors *before) {
    struct descriptors after;
    list_descriptors(&after);
    for (int fd = 0; fd < MOST_DESCRIPTORS; fd++) {
        if (after.open[fd] && !before->open[fd]) {
            fail(__FILE__, __LINE__, "descriptor %d (%s) was left behind", fd, describe(fd));
        }
    }
}

/* --------------------------------------------------------------- sockets */

enum { ADDRESS = 128 };

/* A listener on a free loopback port, and its address. */
static inline anysock_t listen_tcp(char address[ADDRESS]) {
    anysock_t listener = OK(anysock_open("tcp"));
    OK(anysock_bind(listener, "127.0.0.1:0"));
    OK(anysock_listen(listener, 0));
    OK(anysock_local_address(listener, address, ADDRESS));
    return listener;
}

static inline anysock_t connect_to(const char *kind, const char *address) {
    anysock_t client = OK(anysock_open(kind));
    OK(anysock_connect(client, address));
    return client;
}

/* Both directions work. */
static inline void check_talk(anysock_t one, anysock_t other) {
    char text[8];
    OK(anysock_set(one, ANYSOCK_OPT_READ_TIMEOUT, 60 * SECOND));
    OK(anysock_set(other, ANYSOCK_OPT_READ_TIMEOUT, 60 * SECOND));
    CHECK_IS(anysock_write(one, "ping", 4), 4);
    CHECK_IS(anysock_read_full(other, text, 4), 4);
    CHECK(memcmp(text, "ping", 4) == 0);
    CHECK_IS(anysock_write(other, "pong", 4), 4);
    CHECK_IS(anysock_read_full(one, text, 4), 4);
    CHECK(memcmp(text, "pong", 4) == 0);
    OK(anysock_set(one, ANYSOCK_OPT_READ_TIMEOUT, -1));
    OK(anysock_set(other, ANYSOCK_OPT_READ_TIMEOUT, -1));
}

/*
 * An address to which a connection is never made: a listener of plain POSIX whose queue is full, so that the kernel
 * drops what else comes. The caller may accept from it later.
 */
struct silent {
    int listener;
    int fillers[2];
    char address[ADDRESS];
};

static inline void open_silent(struct silent *silent) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    silent->listener = POSIX(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    POSIX(bind(silent->listener, (struct sockaddr *)&name, sizeof name));
    POSIX(getsockname(silent->listener, (struct sockaddr *)&name, &length));
    POSIX(listen(silent->listener, 0));
    for (size_t place = 0; place < COUNT(silent->fillers); place++) {
        silent->fillers[place] = POSIX(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        CHECK(connect(silent->fillers[place], (struct sockaddr *)&name, sizeof name) == 0 || errno == EINPROGRESS);
    }
    snprintf(silent->address, ADDRESS, "127.0.0.1:%d", ntohs(name.sin_port));
}

static inline void close_silent(struct silent *silent) {
    for (size_t place = 0; place < COUNT(silent->fillers); place++) {
        POSIX(close(silent->fillers[place]));
    }
    POSIX(close(silent->listener));
}

#endif
