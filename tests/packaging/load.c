/* Loads the library by its name, as a foreign-function interface does, and uses it. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    void *library = dlopen("libanysock.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    int64_t (*open_)(const char *), (*close_)(int64_t);
    *(void **)&open_ = dlsym(library, "anysock_open");
    *(void **)&close_ = dlsym(library, "anysock_close");
    int64_t handle = open_("tcp4");
    return handle > 0 && close_(handle) == 0 && close_(handle) == -9 ? 0 : 2;
}
