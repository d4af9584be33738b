/*
 * An allocator that fails when it is told to: the functions of malloc(3), which the program has before the C library, so
 * that they are everyone's. What the C library's resolver allocates never fails, because glibc's ends the process then, or
 * says that there is no such name. glibc only: memory comes from its functions.
 */
#define _GNU_SOURCE
#include "allocator.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static atomic_bool is_armed, is_for_good, failed;
static atomic_long wanted, seen, live;
/* One of so many of the thread's allocations fails. */
static _Thread_local unsigned odds;
static atomic_uint randomness;
/* The thread is in the C library's resolver. */
static _Thread_local int spared;

enum { DEPTH = 48 };
static void *trace[DEPTH];
static int trace_length;

void fail_allocation(long number, bool for_good) {
    atomic_store(&wanted, number);
    atomic_store(&is_for_good, for_good);
    atomic_store(&seen, 0);
    atomic_store(&failed, false);
    trace_length = 0;
    atomic_store(&is_armed, true);
}

void fail_sometimes(unsigned one_of) {
    odds = one_of;
}

bool never_fails(void) {
    return odds == 0;
}

void stop_failing(void) {
    atomic_store(&is_armed, false);
}

bool has_failed(void) {
    return atomic_load(&failed);
}

long blocks(void) {
    return atomic_load(&live);
}

void show_allocation(void) {
    backtrace_symbols_fd(trace, trace_length, STDERR_FILENO);
}

static bool is_its_turn(void) {
    if (odds > 0) {
        unsigned number = atomic_fetch_add(&randomness, 1) * 2654435761u;
        return (number >> 8) % odds == 0;
    }
    if (!atomic_load_explicit(&is_armed, memory_order_relaxed)) {
        return false;
    }
    long number = atomic_fetch_add(&seen, 1) + 1, first = atomic_load(&wanted);
    return number == first || (number > first && atomic_load(&is_for_good));
}

static bool fails(void) {
    if (spared > 0 || !is_its_turn()) {
        return false;
    }
    if (!atomic_exchange(&failed, true)) {
        spared++;
        trace_length = backtrace(trace, DEPTH);
        spared--;
    }
    errno = ENOMEM;
    return true;
}

static void *counted(void *memory) {
    if (memory != NULL) {
        atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    }
    return memory;
}

void *malloc(size_t size) {
    return fails() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
    return fails() ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *memory, size_t size) {
    if (size > 0 && fails()) {
        return NULL;
    }
    if (size == 0 && memory != NULL) {
        atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    }
    void *moved = __libc_realloc(memory, size);
    return memory == NULL ? counted(moved) : moved;
}

void free(void *memory) {
    if (memory != NULL) {
        atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    }
    __libc_free(memory);
}

void *memalign(size_t alignment, size_t size) {
    return fails() ? NULL : counted(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size) {
    return memalign(alignment, size);
}

int posix_memalign(void **place, size_t alignment, size_t size) {
    void *memory = memalign(alignment, size);
    if (memory == NULL) {
        return ENOMEM;
    }
    *place = memory;
    return 0;
}

typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);
static resolver *systems;

/* Before anything fails: both load libraries. */
__attribute__((constructor)) static void prepare(void) {
    *(void **)&systems = dlsym(RTLD_NEXT, "getaddrinfo");
    trace_length = backtrace(trace, DEPTH);
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **list) {
    spared++;
    int answer = systems(host, service, hints, list);
    spared--;
    return answer;
}
