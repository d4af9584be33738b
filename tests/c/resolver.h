/*
 * A resolver under the test's control: the program's getaddrinfo takes the place of the system's, in the library too.
 *
 * "slow.test" has its answer (127.0.0.1) once it is not held, "two.test" is 127.0.0.1 and 127.0.0.2, and
 * everything else is asked of the system.
 */
#ifndef RESOLVER_H
#define RESOLVER_H

#include "check.h"

#include <dlfcn.h>
#include <netdb.h>

static atomic_bool resolver_held;
/* How many of the library's threads ask for "slow.test", the last that came, and the signals that it blocks. */
static atomic_int resolver_askers;
static atomic_int resolver_thread;
static sigset_t resolver_mask;

static inline void hold_resolver(void) {
    atomic_store(&resolver_held, true);
}

static inline void await_resolver(void) {
    while (atomic_load(&resolver_askers) == 0) {
        nap();
    }
}

/* Nobody needs to have asked: who gives up in time may do so before a thread has come to it. */
static inline void release_resolver(void) {
    atomic_store(&resolver_held, false);
    while (atomic_load(&resolver_askers) != 0) {
        nap();
    }
}

#ifdef WRAPPED_RESOLVER
/* A program without a dynamic linker has nothing to look a name up in: its linker is called with --wrap=getaddrinfo. */
#define getaddrinfo __wrap_getaddrinfo
int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **list);
#define ask_system __real_getaddrinfo
#else
static inline int ask_system(const char *host, const char *service, const struct addrinfo *hints,
                             struct addrinfo **list) {
    int (*ask)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&ask = dlsym(RTLD_NEXT, "getaddrinfo");
    return ask(host, service, hints, list);
}
#endif

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **list) {
    if (host != NULL && strcmp(host, "slow.test") == 0) {
        pthread_sigmask(SIG_SETMASK, NULL, &resolver_mask);
        atomic_store(&resolver_thread, thread_id());
        atomic_fetch_add(&resolver_askers, 1);
        while (atomic_load(&resolver_held)) {
            nap();
        }
        atomic_fetch_sub(&resolver_askers, 1);
        return ask_system("127.0.0.1", service, hints, list);
    }
    if (host != NULL && strcmp(host, "two.test") == 0) {
        int failed = ask_system("127.0.0.1", service, hints, list);
        return failed ? failed : ask_system("127.0.0.2", service, hints, &(*list)->ai_next);
    }
    return ask_system(host, service, hints, list);
}

#endif
