/* Starts the symbolizer before the program itself: a sanitizer forks for it when it first has to say something, and until that child is
 * another program it keeps open what a test closes. Linked into every program by `cc`. Not here: what is symbolized. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sanitizer/common_interface_defs.h>
#include <stdint.h>

static void start(void *place) {
    char text[1];
    if (place != NULL)
        __sanitizer_symbolize_pc(place, "%f", text, sizeof text);
}

/* addr2line is started once for each file that it reads: the program, the library, libc, and the sanitizer, whose close() comes before
 * libc's. Its pipes would be found left behind by a test. */
__attribute__((constructor)) static void start_symbolizer(void) {
    start((void *)(uintptr_t)start_symbolizer);
    start(dlsym(RTLD_DEFAULT, "anysock_close"));
    start(dlsym(RTLD_DEFAULT, "getpid"));
    start(dlsym(RTLD_DEFAULT, "close"));
}
