/*
 * Two copies of the library in one process, as when a wheel brings one and the system has another: no number that the
 * one gives out means anything to the other.
 */
#include "check.h"

#include <dlfcn.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

/* Another copy, made of the loaded library's file: the loader takes what lies elsewhere for another library. */
static void *load_another(void) {
    Dl_info about;
    CHECK(dladdr((void *)(uintptr_t)anysock_open, &about) != 0);
    int from = POSIX(open(about.dli_fname, O_RDONLY | O_CLOEXEC)), to = memfd_create("copy", MFD_CLOEXEC);
    struct stat size;
    POSIX(fstat(from, &size));
    if (to < 0 || sendfile(to, from, NULL, (size_t)size.st_size) != size.st_size) {
        SKIP("no file in memory");
    }
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", to);
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fail(__FILE__, __LINE__, "%s", dlerror());
    }
    POSIX(close(from));
    POSIX(close(to));
    return library;
}

struct copy {
    int64_t (*pair)(const char *, anysock_t *, anysock_t *);
    int64_t (*write)(anysock_t, const void *, size_t);
    int64_t (*close)(anysock_t);
};

static struct copy another(void) {
    void *library = load_another();
    struct copy copy;
    *(void **)&copy.pair = dlsym(library, "anysock_pair");
    *(void **)&copy.write = dlsym(library, "anysock_write");
    *(void **)&copy.close = dlsym(library, "anysock_close");
    CHECK(copy.pair != NULL && copy.write != NULL && copy.close != NULL);
    CHECK((void *)(uintptr_t)copy.close != (void *)(uintptr_t)anysock_close);
    return copy;
}

enum { COPIES = 4, PAIRS = 300 };

/* More pairs than a chunk of slots has, in each of several copies: every number is one copy's alone. */
static void each_copy_has_its_own_numbers(void) {
    struct copy copies[COPIES] = {{anysock_pair, anysock_write, anysock_close}};
    static anysock_t handles[COPIES][PAIRS][2];
    for (int copy = 0; copy < COPIES; copy++) {
        if (copy > 0) {
            copies[copy] = another();
        }
        for (int pair = 0; pair < PAIRS; pair++) {
            OK(copies[copy].pair("unix", &handles[copy][pair][0], &handles[copy][pair][1]));
            CHECK(handles[copy][pair][0] > (int64_t)1 << 32 && handles[copy][pair][1] < (int64_t)1 << 53);
        }
    }
    for (int user = 0; user < COPIES; user++) {
        for (int owner = 0; owner < COPIES; owner++) {
            for (int pair = 0; pair < PAIRS; pair++) {
                CHECK_IS(copies[user].write(handles[owner][pair][0], "x", 1), user == owner ? 1 : ANYSOCK_EBADF);
                if (user != owner) {
                    CHECK_IS(copies[user].close(handles[owner][pair][1]), ANYSOCK_EBADF);
                }
            }
        }
    }
}

int main(int count, char **arguments) {
    (void)count;
    begin(arguments);
    RUN(each_copy_has_its_own_numbers);
    return finish();
}
