/*
 * What the C programs share: checks that say where and what failed, cases that each run in a process of their own, and
 * threads of which one can tell that they are blocked. What differs between systems is in check_unix.h and
 * check_windows.h. Not here: anything that only one program needs.
 *
 * A program is a list of RUN(case) in main. With arguments it runs only the cases that they name.
 */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <anysock.h>

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND ((int64_t)ANYSOCK_MILLISECOND)
#define SECOND ((int64_t)ANYSOCK_SECOND)

enum { ADDRESS = 128 };

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
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
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

/* ----------------------------------------------------------------- cases */

enum { SKIPPED = 77, CASE_SECONDS = 300 };

static int cases_failed;
static char **cases_wanted;
static const char *case_name;

/* Whether the program runs under valgrind, where everything takes twenty times as long. */
static inline bool is_slow(void) {
    return getenv("CHECK_SLOW") != NULL;
}

/* How often to do something: fewer rounds under valgrind, and under Wine. */
static inline int rounds(int plain, int slow) {
#ifdef _WIN32
    const bool is_fast = false;
#else
    const bool is_fast = !is_slow();
#endif
    return is_fast ? plain : slow;
}

__attribute__((noreturn)) static inline void skip(const char *reason) {
    printf("skip %s: %s\n", case_name, reason);
    fflush(stdout);
    _exit(SKIPPED);
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

static inline void print_ok(const char *name, int64_t start) {
    printf("ok %s (%d ms)\n", name, (int)((now() - start) / MILLISECOND));
    fflush(stdout);
}

static inline void print_failed(const char *name, int64_t start, const char *how, int number) {
    cases_failed++;
    printf("FAIL %s (%s %d after %d ms)\n", name, how, number, (int)((now() - start) / MILLISECOND));
    fflush(stdout);
}

static inline int finish(void) {
    return cases_failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

#ifdef _WIN32
#include "check_windows.h"
#else
#include "check_unix.h"
#endif

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

/* Waits until the call is blocked in the library; fails if it returns instead. */
static inline void await_blocked(struct call *call) {
    while (atomic_load(&call->thread_id) == 0 || !is_waiting(getpid(), atomic_load(&call->thread_id))) {
        CHECK(!atomic_load(&call->done));
        nap();
    }
}

/* --------------------------------------------------------------- sockets */



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

#endif
