/*
 * The part of check.h for Unix: each case in a forked process, threads and descriptors as Linux tells of them in /proc.
 */
#ifndef CHECK_UNIX_H
#define CHECK_UNIX_H

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static inline int check_posix(const char *file, int line, const char *call, int64_t result) {
    if (result == -1) {
        fail(file, line, "%s: %s", call, strerror(errno));
    }
    return (int)result;
}

/* A plain socket, by which the program itself talks to the library. */
static inline void close_plain(int fd) {
    POSIX(close(fd));
}

/* The reading end of a pipe as a handle; 0 on a system that knows no such handles. */
static inline anysock_t adopt_reader(void) {
    int ends[2];
    POSIX(pipe2(ends, O_CLOEXEC));
    OK(anysock_close(OK(anysock_adopt(ends[1]))));
    return OK(anysock_adopt(ends[0]));
}

/* What the system has opened that is no socket. */
static inline int64_t open_program(void) {
    return POSIX(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
}

static inline int64_t open_directory(void) {
    return POSIX(open("/", O_RDONLY | O_CLOEXEC));
}

static inline void close_file(int64_t file) {
    POSIX(close((int)file));
}

/* ----------------------------------------------------------------- cases */

static volatile pid_t case_running;

/* The case hangs: ends it and what it has started. */
static inline void give_up(int number) {
    (void)number;
    kill(-case_running, SIGKILL);
}

/* How long a case may take before it hangs. A campaign, whose cases are thousands of processes, says it by CHECK_SECONDS. */
static inline unsigned case_seconds(void) {
    const char *said = getenv("CHECK_SECONDS");
    return said != NULL ? (unsigned)atoi(said) : (unsigned)rounds(CASE_SECONDS, 4 * CASE_SECONDS);
}

/* A process of its own gives each case a fresh library, and lets one fail or hang without the others. */
static inline void run_case(const char *name, void (*body)(void)) {
    if (!is_wanted(name)) {
        return;
    }
    fflush(NULL);
    case_name = name;
    int64_t start = now();
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        signal(SIGALRM, SIG_DFL);
        body();
        exit(EXIT_SUCCESS);
    }
    case_running = child;
    setpgid(child, child);
    signal(SIGALRM, give_up);
    alarm(case_seconds());
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    alarm(0);
    kill(-child, SIGKILL); /* what a failed case leaves behind */
    if (WIFSIGNALED(status)) {
        print_failed(name, start, "signal", WTERMSIG(status));
    } else if (WEXITSTATUS(status) == EXIT_SUCCESS) {
        print_ok(name, start);
    } else if (WEXITSTATUS(status) != SKIPPED) {
        print_failed(name, start, "exit", WEXITSTATUS(status));
    }
}

static inline void begin(char **arguments) {
    cases_wanted = arguments + 1;
}

/* Waits for a child process that must have had nothing to complain of. */
static inline void expect_success(pid_t child) {
    int status = 0;
    pid_t ended;
    do {
        ended = waitpid(child, &status, 0);
    } while (ended < 0 && errno == EINTR);
    CHECK(ended == child);
    if (WIFSIGNALED(status)) {
        fail(__FILE__, __LINE__, "the child died of signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    }
    CHECK_IS(WEXITSTATUS(status), 0);
}

/* --------------------------------------------------------------- threads */

static inline pid_t thread_id(void) {
    return (pid_t)syscall(SYS_gettid);
}

static inline void nap(void) {
    nanosleep(&(struct timespec){.tv_nsec = 500 * 1000}, NULL);
}

/* Under an emulator of another processor the system calls are seen with the host's numbers. */
static inline bool is_wait_of_the_host(long number) {
    const char *list = getenv("ANYSOCK_HOST_WAITS");
    for (char *end; list != NULL && *list != '\0'; list = end) {
        if (strtol(list, &end, 10) == number) {
            return true;
        }
        if (end == list) {
            break;
        }
    }
    return false;
}

/* Whether a thread sits in one of the system calls in which the library waits. */
static inline bool is_waiting(pid_t process, pid_t thread) {
    static const long waits[] = {
        SYS_ppoll, SYS_epoll_pwait, 441, /* epoll_pwait2 */
#ifdef SYS_ppoll_time64
        SYS_ppoll_time64,
#endif
#ifdef SYS_poll /* newer processors have none of these */
        SYS_poll, SYS_epoll_wait,
#endif
    };
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", (int)process, (int)thread);
    FILE *file = fopen(path, "r");
    long number = -1;
    bool told = file != NULL && fscanf(file, "%ld", &number) == 1;
    if (file != NULL) {
        fclose(file);
    }
    for (size_t place = 0; told && place < COUNT(waits); place++) {
        if (number == waits[place]) {
            return true;
        }
    }
    return told && is_wait_of_the_host(number);
}

/* ----------------------------------------------------------- descriptors */

enum { MOST_DESCRIPTORS = 4096 };

/* Which descriptors a process has. */
struct descriptors {
    bool open[MOST_DESCRIPTORS];
};

static inline void list_descriptors(struct descriptors *list) {
    memset(list, 0, sizeof *list);
    DIR *directory = opendir("/proc/self/fd");
    CHECK(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(directory) && fd < MOST_DESCRIPTORS) {
            list->open[fd] = true;
        }
    }
    closedir(directory);
}

/* What the descriptor is, as "socket:[4711]". */
static inline const char *describe(int fd) {
    static _Thread_local char text[256];
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, text, sizeof text - 1);
    text[length < 0 ? 0 : length] = '\0';
    return text;
}

/* Fails if there is a descriptor that was not there before. */
static inline void check_descriptors(const struct descriptors *before) {
    struct descriptors after;
    list_descriptors(&after);
    for (int fd = 0; fd < MOST_DESCRIPTORS; fd++) {
        if (after.open[fd] && !before->open[fd]) {
            fail(__FILE__, __LINE__, "descriptor %d (%s) was left behind", fd, describe(fd));
        }
    }
}

/* How much memory the process has. */
static inline long resident_kilobytes(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    long all = 0, resident = 0;
    CHECK(file != NULL && fscanf(file, "%ld %ld", &all, &resident) == 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Memory that nobody may touch. */
static inline void *forbidden_page(void) {
    void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    return page;
}

/* --------------------------------------------------------------- sockets */

/*
 * An address to which a connection is never made: a listener of plain POSIX whose queue is full, so that the kernel
 * drops what else comes. The caller may accept from it later.
 */
struct silent {
    int listener;
    int fillers[2];
    char address[ADDRESS];
};

static inline void open_silent(struct silent *silent) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    silent->listener = POSIX(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    POSIX(bind(silent->listener, (struct sockaddr *)&name, sizeof name));
    POSIX(getsockname(silent->listener, (struct sockaddr *)&name, &length));
    POSIX(listen(silent->listener, 0));
    for (size_t place = 0; place < COUNT(silent->fillers); place++) {
        silent->fillers[place] = POSIX(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        CHECK(connect(silent->fillers[place], (struct sockaddr *)&name, sizeof name) == 0 || errno == EINPROGRESS);
    }
    snprintf(silent->address, ADDRESS, "127.0.0.1:%d", ntohs(name.sin_port));
}

static inline void close_silent(struct silent *silent) {
    for (size_t place = 0; place < COUNT(silent->fillers); place++) {
        POSIX(close(silent->fillers[place]));
    }
    POSIX(close(silent->listener));
}

#endif
