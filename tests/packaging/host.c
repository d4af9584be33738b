/*
 * A program that loads libraries at will, as hosts of plugins and interpreters do.
 *
 *   host cycles LIBRARY       loads it, uses it, forks, ends threads, unloads it, 100 times: nothing is left
 *   host visits LIBRARY       the same, but only threads that end use it, so that nothing of theirs keeps it loaded
 *   host once LIBRARY         loads it and uses it
 *   host copies FIRST SECOND  two copies in one process: handles of one are nothing to the other
 *
 * LIBRARY is plugin.c, with the archive inside or linked with the shared library.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, dlerror());
    exit(1);
}

static void *load(const char *file) {
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) die(file);
    return library;
}

static void *function(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (found == NULL) die(name);
    return found;
}

static int entries(const char *directory) {
    int count = 0;
    DIR *open = opendir(directory);
    while (readdir(open) != NULL) count++;
    closedir(open);
    return count;
}

/* Kilobytes that are the process's own: what would grow if each round left something. */
static long memory(void) {
    char line[128];
    long kilobytes = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, status) != NULL) {
        if (sscanf(line, "VmData: %ld", &kilobytes) == 1) break;
    }
    fclose(status);
    return kilobytes;
}

static void *call(void *use) { return (void *)(intptr_t)((int (*)(void))use)(); }

static void round_of(const char *file, int here) {
    void *library = load(file);
    void *use = function(library, "use");
    void *result;
    pthread_t thread;
    int status;
    if (here && call(use) != NULL) die("use");
    if (pthread_create(&thread, NULL, call, use) != 0 || pthread_join(thread, &result) != 0 || result != NULL) die("use in a thread");
    pid_t child = fork();
    if (child == 0) _exit(call(use) != NULL);
    if (waitpid(child, &status, 0) != child || status != 0) die("use in a child");
    if (dlclose(library) != 0) die("dlclose");
}

struct holdings {
    int descriptors, threads;
    long kilobytes;
};

static struct holdings holdings(void) {
    return (struct holdings){entries("/proc/self/fd"), entries("/proc/self/task"), memory()};
}

/* Whether a hundred rounds leave something. */
static int leaves_something(const char *file, int here) {
    struct holdings before = holdings();
    for (int round = 0; round < 100; round++) round_of(file, here);
    struct holdings after = holdings();
    const char *where = dlopen(file, RTLD_NOW | RTLD_NOLOAD) == NULL ? "unloaded" : "still loaded";
    int left = after.descriptors - before.descriptors, running = after.threads - before.threads;
    long grown = after.kilobytes - before.kilobytes;
    printf("after 100 rounds %s: %+d descriptors, %+d threads, %+ld kB\n", where, left, running, grown);
    return left > 0 || running > 0 || grown > 1024;
}

static int cycles(const char *file, int here) {
    /* What is made once is made by then. */
    for (int round = 0; round < 10; round++) round_of(file, here);
    /* On a busy machine a second thread of the library may be needed, which stays a while. What leaks does so every time. */
    int tries = 5;
    while (tries > 0 && leaves_something(file, here)) tries--;
    /* A fork after the last unloading calls no handler that is gone. */
    int status;
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (waitpid(child, &status, 0) != child || status != 0) return 1;
    return tries == 0;
}

static int copies(const char *first_file, const char *second_file) {
    void *first = load(first_file), *second = load(second_file);
    int64_t (*give[2])(void) = {(int64_t (*)(void))function(first, "give"), (int64_t (*)(void))function(second, "give")};
    int64_t (*say[2])(int64_t) = {(int64_t (*)(int64_t))function(first, "say"), (int64_t (*)(int64_t))function(second, "say")};
    if (give[0] == give[1]) return 2;
    for (int count = 0; count < 100; count++) {
        int64_t ours = give[0](), theirs = give[1]();
        if (say[0](ours) != 0 || say[1](theirs) != 0) return 3;
        if (say[0](theirs) != -9 || say[1](ours) != -9) return 4;
    }
    return 0;
}

int main(int count, char **arguments) {
    if (count == 3 && strcmp(arguments[1], "cycles") == 0) return cycles(arguments[2], 1);
    if (count == 3 && strcmp(arguments[1], "visits") == 0) return cycles(arguments[2], 0);
    if (count == 4 && strcmp(arguments[1], "copies") == 0) return copies(arguments[2], arguments[3]);
    if (count == 3 && strcmp(arguments[1], "once") == 0) {
        int (*use)(void) = (int (*)(void))function(load(arguments[2]), "use");
        int result = use();
        if (result != 0) fprintf(stderr, "use: step %d\n", result);
        return result;
    }
    fprintf(stderr, "host once LIBRARY | host cycles LIBRARY | host visits LIBRARY | host copies FIRST SECOND\n");
    return 64;
}
