/*
 * What programs that are started inherit: nothing, unless a handle's option "inherit" says so; then the new program
 * makes a handle of the descriptor and goes on. This program is also the one that is started. Not here: fork (fork.c).
 */
#include "check.h"

#include <spawn.h>

/* Where this program lies. */
static char *self;

static char *text_of(int64_t number) {
    static char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    return text;
}

/* A command of so many words at the most, and the NULL behind them. */
enum { COMMAND = 5 };

/* This program again as one of the roles below. Under an emulator of another processor it is that one's argument. */
static char **command_of(char *words[COMMAND], char *role, char *argument) {
    char *emulator = getenv("ANYSOCK_EMULATOR");
    memcpy(words, (char *[COMMAND]){emulator, self, role, argument, NULL}, COMMAND * sizeof *words);
    return words + (emulator == NULL);
}

/* Starts it. */
static pid_t start_self(char *role, char *argument) {
    char *words[COMMAND], **command = command_of(words, role, argument);
    pid_t child = POSIX(fork());
    if (child == 0) {
        execvp(command[0], command);
        fail(__FILE__, __LINE__, "exec: %s", strerror(errno));
    }
    return child;
}

/* And waits for its success. */
static void run_self(char *role, char *argument) {
    expect_success(start_self(role, argument));
}

/* --------------------------------------------------- roles of the new program */

/* Takes the listener with that number and answers one client. */
static void be_server(int64_t fd) {
    char data[64];
    anysock_t listener = OK(anysock_adopt(fd));
    anysock_t connection = OK(anysock_accept(listener));
    for (int64_t length; (length = OK(anysock_read(connection, data, sizeof data))) > 0;) {
        CHECK_IS(anysock_write_all(connection, data, (size_t)length), length);
    }
    OK(anysock_close(connection));
    OK(anysock_close(listener));
}

/* Says something over the connected socket with that number. */
static void be_talker(int64_t fd) {
    char text[8];
    anysock_t talker = OK(anysock_adopt(fd));
    CHECK_IS(anysock_write(talker, "born", 4), 4);
    CHECK_IS(anysock_read_full(talker, text, 4), 4);
    CHECK(memcmp(text, "live", 4) == 0);
    OK(anysock_close(talker));
}

/* Has no descriptor above the standard ones but those of the list, such as "3 7". */
static void be_examiner(const char *list) {
    struct descriptors allowed = {{true, true, true}}, have;
    for (char *end; *list != '\0'; list = end + (*end == ' ')) {
        allowed.open[strtol(list, &end, 10)] = true;
    }
    list_descriptors(&have);
    for (int fd = 0; fd < MOST_DESCRIPTORS; fd++) {
        if (have.open[fd] != allowed.open[fd] && fd > 2) {
            fail(__FILE__, __LINE__, "descriptor %d (%s) is %s", fd, describe(fd), have.open[fd] ? "here" : "gone");
        }
    }
}

static bool play_role(char **arguments) {
    if (arguments[1] == NULL || arguments[2] == NULL) {
        return false;
    }
    if (strcmp(arguments[1], "server") == 0) {
        be_server(atoi(arguments[2]));
    } else if (strcmp(arguments[1], "talker") == 0) {
        be_talker(atoi(arguments[2]));
    } else if (strcmp(arguments[1], "examiner") == 0) {
        be_examiner(arguments[2]);
    } else {
        return false;
    }
    return true;
}

/* -------------------------------------------------------------- inherited */

static void inherited_listener_serves(void) {
    static const char *const kinds[] = {"tcp", "tcp4", "unix"};
    for (size_t place = 0; place < COUNT(kinds); place++) {
        char address[ADDRESS], answer[16];
        bool unix_kind = strcmp(kinds[place], "unix") == 0;
        anysock_t listener = OK(anysock_open(kinds[place]));
        OK(anysock_set(listener, ANYSOCK_OPT_INHERIT, 1)); /* before there is a descriptor, if the kind is open */
        OK(anysock_bind(listener, unix_kind ? "@anysock.test.exec" : "127.0.0.1:0"));
        OK(anysock_listen(listener, 0));
        OK(anysock_local_address(listener, address, sizeof address));
        pid_t child = start_self("server", text_of(OK(anysock_fd(listener))));
        OK(anysock_close(listener));
        anysock_t client = connect_to(kinds[place], address);
        CHECK_IS(anysock_write_all(client, "hello", 5), 5);
        OK(anysock_shutdown(client, ANYSOCK_SHUT_WRITE));
        CHECK_IS(anysock_read_full(client, answer, sizeof answer), 5);
        CHECK(memcmp(answer, "hello", 5) == 0);
        OK(anysock_close(client));
        expect_success(child);
    }
}

static void inherited_connection_talks(void) {
    static const char *const kinds[] = {"unix", "unixgram", "unixpacket", "tcp"};
    for (size_t place = 0; place < COUNT(kinds); place++) {
        anysock_t one, other;
        char text[8];
        OK(anysock_pair(kinds[place], &one, &other));
        OK(anysock_set(one, ANYSOCK_OPT_INHERIT, 1));
        pid_t child = start_self("talker", text_of(OK(anysock_fd(one))));
        CHECK_IS(anysock_read_full(other, text, 4), 4);
        CHECK(memcmp(text, "born", 4) == 0);
        CHECK_IS(anysock_write(other, "live", 4), 4);
        expect_success(child);
        OK(anysock_close(one));
        OK(anysock_close(other));
    }
}

static void check_inherit(anysock_t handle, int64_t wanted) {
    int64_t value = -1;
    OK(anysock_get(handle, ANYSOCK_OPT_INHERIT, &value));
    CHECK_IS(value, wanted);
}

static void the_option_says_what_is(void) {
    char address[ADDRESS];
    anysock_t listener = listen_tcp(address);
    check_inherit(listener, 0);
    OK(anysock_set(listener, ANYSOCK_OPT_INHERIT, 1));
    check_inherit(listener, 1);
    run_self("examiner", text_of(OK(anysock_fd(listener))));
    /* Accepted handles start with defaults. */
    anysock_t client = connect_to("tcp", address), server = OK(anysock_accept(listener));
    check_inherit(server, 0);
    OK(anysock_set(listener, ANYSOCK_OPT_INHERIT, 0));
    check_inherit(listener, 0);
    run_self("examiner", "");
    OK(anysock_close(client));
    OK(anysock_close(server));
    OK(anysock_close(listener));
}

/* Adopting leaves the descriptor as it was; so does releasing. */
static void adopted_stays_as_it_was(void) {
    int ends[2];
    POSIX(pipe2(ends, O_CLOEXEC));
    POSIX(fcntl(ends[0], F_SETFD, 0));
    anysock_t reader = OK(anysock_adopt(ends[0])), writer = OK(anysock_adopt(ends[1]));
    check_inherit(reader, 1);
    check_inherit(writer, 0);
    run_self("examiner", text_of(ends[0]));
    CHECK_IS(anysock_release(reader), ends[0]);
    CHECK_IS(anysock_release(writer), ends[1]);
    run_self("examiner", text_of(ends[0]));
    POSIX(close(ends[0]));
    POSIX(close(ends[1]));
}

/* ------------------------------------------------------------ not inherited */

static int64_t block_in_read(void *argument) {
    char byte;
    return anysock_read(*(anysock_t *)argument, &byte, 1);
}

static int64_t block_in_wait(void *argument) {
    anysock_event event;
    return anysock_poller_wait(*(anysock_t *)argument, &event, 1, -1);
}

static anysock_t everything[64];
static int everything_count;

static anysock_t keep(int64_t handle) {
    return everything[everything_count++] = OK(handle);
}

/* Sockets of all kinds, connections and pollers. */
static void open_everything(void) {
    static const char *const kinds[] = {"tcp4", "udp4", "tcp6", "udp6", "unix", "unixgram", "unixpacket", "ip4:icmp"};
    static const char *const pairs[] = {"unix", "unixgram", "unixpacket", "tcp"};
    char address[ADDRESS], name[ADDRESS];
    for (size_t place = 0; place < COUNT(kinds); place++) {
        int64_t opened = anysock_open(kinds[place]);
        CHECK(opened > 0 || opened == ANYSOCK_EPERM || opened == ANYSOCK_EAFNOSUPPORT);
        if (opened > 0) {
            keep(opened);
        }
    }
    for (size_t place = 0; place < COUNT(pairs); place++) {
        anysock_t one, other;
        OK(anysock_pair(pairs[place], &one, &other));
        keep(one);
        keep(other);
    }
    anysock_t listener = keep(listen_tcp(address));
    OK(anysock_bind(keep(anysock_open("udp")), "127.0.0.1:0"));
    keep(connect_to("tcp", address));
    keep(anysock_accept(listener));
    /* Of a name's addresses each gets a descriptor, and one of them becomes the handle's. */
    snprintf(name, sizeof name, "localhost%s", strrchr(address, ':'));
    keep(connect_to("tcp", name));
    keep(connect_to("tcp4", name));
    anysock_t poller = keep(anysock_poller_open());
    OK(anysock_poller_set(poller, listener, ANYSOCK_EVENT_READ, 0));
}

/* That, and what the library needs to wake threads. */
static void nothing_is_inherited_unasked(void) {
    open_everything();
    anysock_t one, other, poller = OK(anysock_poller_open());
    OK(anysock_pair("unix", &one, &other));
    OK(anysock_set(one, ANYSOCK_OPT_READ_TIMEOUT, MILLISECOND));
    CHECK_IS(block_in_read(&one), ANYSOCK_ETIMEDOUT);
    struct call reading, waiting;
    start(&reading, block_in_read, &other);
    start(&waiting, block_in_wait, &poller);
    await_blocked(&reading);
    await_blocked(&waiting);
    run_self("examiner", "");
    /* posix_spawn runs no handlers of fork. */
    pid_t child;
    char *words[COMMAND], **command = command_of(words, "examiner", "");
    CHECK(posix_spawnp(&child, command[0], NULL, NULL, command, environ) == 0);
    expect_success(child);
    OK(anysock_close(other));
    OK(anysock_close(poller));
    CHECK_IS(join(&reading), ANYSOCK_ECANCELED);
    CHECK_IS(join(&waiting), ANYSOCK_ECANCELED);
    OK(anysock_close(one));
    while (everything_count > 0) {
        OK(anysock_close(everything[--everything_count]));
    }
}

/* What this program was started with is not the library's doing. */
static void hide_inherited(void) {
    for (int fd = 3; fd < MOST_DESCRIPTORS; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags != -1) {
            fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
        }
    }
}

int main(int count, char **arguments) {
    (void)count;
    if (play_role(arguments)) {
        return EXIT_SUCCESS;
    }
    self = realpath(arguments[0], NULL);
    CHECK(self != NULL);
    hide_inherited();
    begin(arguments);
    RUN(inherited_listener_serves);
    RUN(inherited_connection_talks);
    RUN(the_option_says_what_is);
    RUN(adopted_stays_as_it_was);
    RUN(nothing_is_inherited_unasked);
    free(self);
    return finish();
}
