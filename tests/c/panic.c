/*
 * For the test build of the library alone: a panic inside becomes an error code, and the program goes on.
 */
#include "check.h"

static int64_t panic_in_thread(void *argument) {
    (void)argument;
    return anysock_has("test.panic");
}

static void a_panic_is_an_error(void) {
    /* Nothing of it is told to the program's users. */
    FILE *told = tmpfile();
    int before = POSIX(dup(2));
    CHECK(told != NULL);
    POSIX(dup2(fileno(told), 2));
    for (int round = 0; round < 100; round++) {
        CHECK_IS(anysock_has("test.panic"), ANYSOCK_EINTERNAL);
    }
    CHECK_IS(ANYSOCK_EINTERNAL, -10000);
    CHECK(strcmp(anysock_error_name(ANYSOCK_EINTERNAL), "EINTERNAL") == 0);
    struct call call;
    start(&call, panic_in_thread, NULL);
    CHECK_IS(join(&call), ANYSOCK_EINTERNAL);
    POSIX(dup2(before, 2));
    CHECK_IS(lseek(fileno(told), 0, SEEK_END), 0);
    POSIX(close(before));
    fclose(told);

    anysock_t ends[2];
    OK(anysock_pair("tcp", &ends[0], &ends[1]));
    check_talk(ends[0], ends[1]);
    OK(anysock_close(ends[0]));
    OK(anysock_close(ends[1]));
}

int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    RUN(a_panic_is_an_error);
    return finish();
}
