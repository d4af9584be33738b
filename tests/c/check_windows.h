/*
 * The part of check.h for Windows: each case in a process that the program starts of itself, and Winsock under the names
 * of POSIX. What must be blocked has had its time to become so: of another thread Windows tells no more.
 */
#ifndef CHECK_WINDOWS_H
#define CHECK_WINDOWS_H

#include <winsock2.h>
#include <ws2tcpip.h>

#include <windows.h>

#include <process.h>
#include <psapi.h>
#include <sys/types.h>
#include <unistd.h>

#define SOCK_CLOEXEC 0
#define MSG_NOSIGNAL 0
#define SHUT_WR SD_SEND
#define AF_UNIX 1

/* Only to name the kind: there are no such sockets here. */
struct sockaddr_un {
    unsigned short sun_family;
    char sun_path[108];
};

static inline int check_posix(const char *file, int line, const char *call, int64_t result) {
    if (result == -1) {
        fail(file, line, "%s: error %d", call, WSAGetLastError());
    }
    return (int)result;
}

/* A plain socket, by which the program itself talks to the library. */
static inline void close_plain(int fd) {
    POSIX(closesocket((SOCKET)fd));
}

/* The reading end of a pipe as a handle; 0 on a system that knows no such handles. */
static inline anysock_t adopt_reader(void) {
    return 0;
}

/* What the system has opened that is no socket. */
static inline int64_t open_path(const char *path) {
    HANDLE file = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    CHECK(file != INVALID_HANDLE_VALUE);
    return (intptr_t)file;
}

static inline int64_t open_program(void) {
    char program[MAX_PATH];
    CHECK(GetModuleFileNameA(NULL, program, sizeof program) > 0);
    return open_path(program);
}

static inline int64_t open_directory(void) {
    return open_path("C:\\");
}

static inline void close_file(int64_t file) {
    CHECK(CloseHandle((HANDLE)(intptr_t)file));
}

/* ----------------------------------------------------------------- cases */

/* The case that this process has been started for. */
static const char *case_here;

/* A process of its own gives each case a fresh library, and lets one fail or hang without the others. */
static inline void run_case(const char *name, void (*body)(void)) {
    if (case_here != NULL) {
        if (strcmp(name, case_here) == 0) {
            case_name = name;
            body();
            exit(EXIT_SUCCESS);
        }
        return;
    }
    if (!is_wanted(name)) {
        return;
    }
    char program[MAX_PATH];
    CHECK(GetModuleFileNameA(NULL, program, sizeof program) > 0);
    int64_t start = now();
    intptr_t child = _spawnl(_P_NOWAIT, program, program, "--case", name, (char *)NULL);
    CHECK(child != -1);
    DWORD status = EXIT_FAILURE;
    if (WaitForSingleObject((HANDLE)child, 1000 * CASE_SECONDS) != WAIT_OBJECT_0) {
        TerminateProcess((HANDLE)child, EXIT_FAILURE);
        print_failed(name, start, "no end, exit", EXIT_FAILURE);
    } else if (GetExitCodeProcess((HANDLE)child, &status) && status == EXIT_SUCCESS) {
        print_ok(name, start);
    } else if (status != SKIPPED) {
        print_failed(name, start, "exit", (int)status);
    }
    CloseHandle((HANDLE)child);
}

static inline void begin(char **arguments) {
    WSADATA about;
    CHECK(WSAStartup(MAKEWORD(2, 2), &about) == 0); /* for the plain sockets; the library starts its own */
    if (arguments[1] != NULL && strcmp(arguments[1], "--case") == 0) {
        case_here = arguments[2];
    }
    cases_wanted = arguments + 1;
}

/* --------------------------------------------------------------- threads */

static inline int thread_id(void) {
    return (int)GetCurrentThreadId();
}

static inline void nap(void) {
    Sleep(1);
}

static inline bool is_waiting(int process, int thread) {
    (void)process;
    (void)thread;
    Sleep(200);
    return true;
}

/* ----------------------------------------------------------- descriptors */

/* How many handles the process has. */
struct descriptors {
    DWORD count;
};

static inline void list_descriptors(struct descriptors *list) {
    CHECK(GetProcessHandleCount(GetCurrentProcess(), &list->count));
}

/* Fails if there are more descriptors than before. */
static inline void check_descriptors(const struct descriptors *before) {
    struct descriptors after;
    list_descriptors(&after);
    if (after.count > before->count) {
        fail(__FILE__, __LINE__, "%lu handles were left behind", after.count - before->count);
    }
}

/* How much memory the process has. */
static inline long resident_kilobytes(void) {
    PROCESS_MEMORY_COUNTERS counters;
    CHECK(GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters));
    return (long)(counters.WorkingSetSize / 1024);
}

/* Memory that nobody may touch. */
static inline void *forbidden_page(void) {
    void *page = VirtualAlloc(NULL, 4096, MEM_COMMIT | MEM_RESERVE, PAGE_NOACCESS);
    CHECK(page != NULL);
    return page;
}

#endif
