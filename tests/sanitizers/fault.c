/* A fault on purpose, which a sanitizer must report: two threads that write at once, or memory that is lost. Not here: anything of
 * the library's. */
#include <pthread.h>
#include <stdlib.h>

static void *volatile memory;

static void *fault(void *unused) {
    memory = malloc(1);
    return unused;
}

int main(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, fault, NULL) != 0)
        return 1;
    fault(NULL);
    pthread_join(thread, NULL);
    memory = NULL;
    return 0;
}
