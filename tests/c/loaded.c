/*
 * Runs a program that was built as a library, so that what it is linked with is loaded while the process runs, as languages do
 * it: thread-local memory of such a library is allocated when a thread first uses it. The allocator is this program's.
 *
 *     loaded LIBRARY [ARGUMENT...]
 */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv) {
    void *program = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
    int (*run)(int, char **);
    *(void **)&run = program != NULL ? dlsym(program, "main") : NULL;
    if (run == NULL) {
        fprintf(stderr, "%s\n", argc > 1 ? dlerror() : "which library?");
        return 1;
    }
    return run(argc - 1, argv + 1);
}
