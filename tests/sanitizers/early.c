/* Starts the symbolizer before the program itself: a sanitizer forks for it when it first has to say something, and until that child is
 * another program it keeps open what a test closes. Linked into every program by `cc`. Not here: what is symbolized. */
#include <sanitizer/common_interface_defs.h>
#include <stdint.h>
#include <unistd.h>

static void start(uintptr_t function) {
    char text[1];
    __sanitizer_symbolize_pc((void *)function, "%f", text, sizeof text);
}

/* addr2line is started once for each file that it reads: here the program, and the sanitizer, whose close() comes before libc's. */
__attribute__((constructor)) static void start_symbolizer(void) {
    start((uintptr_t)start_symbolizer);
    start((uintptr_t)close);
}
