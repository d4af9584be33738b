/*
 * Every system call fails: in each situation (situations.h, engines.h) each call to the kernel is refused once, or from then on, with
 * each error that its manual page names. Then the answer is that error, a documented other one, or success; no call hangs
 * or spins, nothing is left open, and everything works as soon as the kernel does.
 *
 * The library enters the kernel by the C library's functions, by `syscall` and by instructions of its own, so a library
 * that is preloaded would miss the last. A filter (seccomp, SECCOMP_RET_TRAP) stops all of them instead, in a handler of
 * SIGSYS, which refuses the call or makes it. A transfer in a ring of io_uring is none, and is refused in the ring's memory.
 * Not here: allocations that fail (tests/c/memory.c).
 *
 *     system_calls SECONDS SEED                            all cases, in an order that SEED says
 *     system_calls --case SITUATION CALL NTH ERROR FOREVER one
 */
#include "engines.h"
#include "well.h"

#include <dlfcn.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/ucontext.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* ------------------------------------------------ calls and their errors */

enum { MOST_ERRORS = 16 };

/* As section 2 of the manual has them, without those that only a fault of the library could bring (EBADF, EFAULT, ENOTSOCK). */
static const struct call_kind {
    long number;
    const char *name;
    int errors[MOST_ERRORS];
} kinds[] = {
    {SYS_socket, "socket", {EACCES, EAFNOSUPPORT, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTONOSUPPORT}},
    {SYS_socketpair, "socketpair", {EAFNOSUPPORT, EMFILE, ENFILE, EOPNOTSUPP, EPROTONOSUPPORT}},
    {SYS_bind, "bind", {EACCES, EADDRINUSE, EADDRNOTAVAIL, ENOMEM, EROFS, ENOENT}},
    {SYS_listen, "listen", {EADDRINUSE, EOPNOTSUPP}},
    {SYS_accept4, "accept4", {EAGAIN, ECONNABORTED, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EPROTO, ENETDOWN, EHOSTUNREACH}},
    {SYS_connect, "connect", {EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, EAGAIN, ECONNREFUSED, EINTR, ENETUNREACH, ETIMEDOUT, EPROTOTYPE}},
    {SYS_getsockname, "getsockname", {ENOBUFS}},
    {SYS_getpeername, "getpeername", {ENOBUFS, ENOTCONN}},
    {SYS_getsockopt, "getsockopt", {ENOPROTOOPT, EACCES, EPERM, ENOMEM}},
    {SYS_setsockopt, "setsockopt", {ENOPROTOOPT, EACCES, EPERM, ENOMEM, EDOM}},
    {SYS_shutdown, "shutdown", {ENOTCONN}},
    {SYS_recvfrom, "recvfrom", {EAGAIN, ECONNREFUSED, ECONNRESET, EINTR, ENOMEM, ENOTCONN, ETIMEDOUT}},
    {SYS_recvmsg, "recvmsg", {EAGAIN, ECONNREFUSED, ECONNRESET, EINTR, ENOMEM, ENOTCONN, EMFILE}},
    {SYS_recvmmsg, "recvmmsg", {EAGAIN, ECONNREFUSED, EINTR, ENOMEM, ENOSYS, EPERM}},
    {SYS_sendto, "sendto", {EACCES, EAGAIN, ECONNRESET, EDESTADDRREQ, EINTR, EMSGSIZE, ENOBUFS, ENOMEM, ENOTCONN, EPIPE, EHOSTUNREACH}},
    {SYS_sendmsg, "sendmsg", {EACCES, EAGAIN, ECONNRESET, EINTR, EMSGSIZE, ENOBUFS, ENOMEM, EPIPE, ETOOMANYREFS}},
    {SYS_sendmmsg, "sendmmsg", {EAGAIN, EINTR, ENOBUFS, ENOMEM, ENOSYS, EPERM}},
    {SYS_read, "read", {EAGAIN, EINTR, EIO}},
    {SYS_readv, "readv", {EAGAIN, EINTR, EIO, ECONNRESET}},
    {SYS_write, "write", {EAGAIN, EINTR, EIO, ENOSPC, EPIPE}},
    {SYS_writev, "writev", {EAGAIN, EINTR, EIO, ENOSPC, EPIPE}},
    {SYS_preadv2, "preadv2", {EAGAIN, EINTR, EOPNOTSUPP, ENOSYS, EIO}},
    {SYS_pwritev2, "pwritev2", {EAGAIN, EINTR, EOPNOTSUPP, ENOSYS, EIO}},
    {SYS_pread64, "pread64", {EINTR, EIO, EISDIR}},
    {SYS_lseek, "lseek", {ESPIPE, EOVERFLOW}},
    {SYS_fstat, "fstat", {ENOMEM, EOVERFLOW}},
    {SYS_sendfile, "sendfile", {EAGAIN, EIO, ENOMEM, EINVAL, EOVERFLOW}},
    {SYS_splice, "splice", {EAGAIN, EINVAL, ENOMEM}},
    {SYS_tee, "tee", {EAGAIN, EINVAL, ENOMEM}},
    {SYS_close, "close", {EINTR, EIO, ENOSPC}},
    {SYS_dup, "dup", {EMFILE, ENOMEM}},
    {SYS_dup3, "dup3", {EBUSY, EINTR, EMFILE}},
    {SYS_fcntl, "fcntl", {EMFILE, EPERM, EINTR}},
    {SYS_ioctl, "ioctl", {ENOTTY, EPERM}},
    {SYS_pipe2, "pipe2", {EMFILE, ENFILE}},
    {SYS_eventfd2, "eventfd2", {EMFILE, ENFILE, ENODEV, ENOMEM}},
    {SYS_epoll_create1, "epoll_create1", {EMFILE, ENFILE, ENOMEM}},
    {SYS_epoll_ctl, "epoll_ctl", {ENOMEM, ENOSPC, EPERM}},
    {SYS_epoll_wait, "epoll_wait", {EINTR}},
    {SYS_epoll_pwait, "epoll_pwait", {EINTR}},
    {SYS_epoll_pwait2, "epoll_pwait2", {EINTR, ENOSYS, EPERM}},
    {SYS_poll, "poll", {EINTR, ENOMEM}},
    {SYS_ppoll, "ppoll", {EINTR, ENOMEM}},
    {SYS_io_uring_setup, "io_uring_setup", {EMFILE, ENFILE, ENOMEM, EPERM, ENOSYS}},
    {SYS_io_uring_enter, "io_uring_enter", {EAGAIN, EBUSY, EINTR, EPERM, ENOSYS, EBADR}},
    {SYS_io_uring_register, "io_uring_register", {ENOMEM, EPERM, EINVAL}},
    {SYS_madvise, "madvise", {EAGAIN, ENOMEM, EINVAL}},
    {SYS_munmap, "munmap", {EINVAL}},
    {SYS_getrandom, "getrandom", {EINTR, ENOSYS}},
    {SYS_prlimit64, "prlimit64", {EPERM}},
    {SYS_openat, "openat", {EMFILE, ENFILE, EACCES, ENOENT, EINTR}},
    {SYS_nanosleep, "nanosleep", {EINTR}},
    {SYS_clock_nanosleep, "clock_nanosleep", {EINTR}},
    {-1, "pthread_create", {EAGAIN, EPERM}},
    {-2, "a transfer in a ring", {EAGAIN, EACCES, ECONNRESET, EINTR, EINVAL, EMSGSIZE, ENOBUFS, ENOMEM, EOPNOTSUPP, EPIPE, ETIMEDOUT}},
};

enum { THREAD = COUNT(kinds) - 2, RING, STORM = 100, MOST_CALLS = 24, MOST_BAD = 200, MOST_AT_ALL = 20000 };

static int kind_of(long number) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        if (kinds[kind].number == number) {
            return (int)kind;
        }
    }
    return -1;
}

/* ------------------------------------------------------------- the filter */

/* What is refused: the calls of one kind from the nth on, or that alone. */
static struct {
    int kind, nth, error;
    bool forever;
} refused;

/* Shared with the process that watches. */
static struct shared {
    atomic_int seen[COUNT(kinds)];
    atomic_int all, fired;
    atomic_bool armed;
    int64_t result, again;
    int left;
    char left_what[512];
} *shared;

/* Whether the call that comes now is to fail. */
static bool is_refused(int kind) {
    if (!shared->armed) {
        return false;
    }
    int nth = atomic_fetch_add(&shared->seen[kind], 1);
    atomic_fetch_add(&shared->all, 1);
    if (kind != refused.kind || nth < refused.nth || (nth > refused.nth && !refused.forever)) {
        return false;
    }
    /* EINTR and EAGAIN end after a while: if every call failed so, a correct wait would be endless. */
    bool ends = refused.error == EINTR || refused.error == EAGAIN;
    return atomic_fetch_add(&shared->fired, 1) < STORM || !ends;
}

extern const char gate[];

/* The one place from which the filter lets calls through. */
__asm__(".text\n"
        ".type enter, @function\n"
        "enter:\n"
        "  mov %rdi, %rax\n"
        "  mov %rsi, %rdi\n"
        "  mov %rdx, %rsi\n"
        "  mov %rcx, %rdx\n"
        "  mov %r8, %r10\n"
        "  mov %r9, %r8\n"
        "  mov 8(%rsp), %r9\n"
        "  syscall\n"
        "gate:\n"
        "  ret\n");
long enter(long number, long first, long second, long third, long fourth, long fifth, long sixth) __attribute__((visibility("hidden")));

/* A mask that is set is the one with which the handler returns; SIGSYS stays out of it, as the kernel ends who blocks it. */
static long mask_signals(ucontext_t *context, int how, const uint64_t *set, uint64_t *before) {
    uint64_t mask;
    memcpy(&mask, &context->uc_sigmask, sizeof mask);
    if (before != NULL) {
        *before = mask;
    }
    if (set != NULL) {
        mask = how == SIG_BLOCK ? mask | *set : how == SIG_UNBLOCK ? mask & ~*set : *set;
        mask &= ~(1ULL << (SIGSYS - 1));
        memcpy(&context->uc_sigmask, &mask, sizeof mask);
    }
    return 0;
}

/* A wait is interrupted only while nothing is ready: what it finds without waiting. */
static long look_once(long number, const greg_t *registers) {
    struct timespec none = {0, 0};
    long third = number == SYS_poll ? 0 : number == SYS_ppoll ? (long)&none : registers[REG_RDX];
    long fourth = number == SYS_epoll_pwait2 ? (long)&none : number == SYS_ppoll ? registers[REG_R10] : 0;
    bool is_wait = number == SYS_poll || number == SYS_ppoll || number == SYS_epoll_wait || number == SYS_epoll_pwait || number == SYS_epoll_pwait2;
    if (!is_wait || refused.error != EINTR) {
        return 0;
    }
    return enter(number, registers[REG_RDI], registers[REG_RSI], third, fourth, registers[REG_R8], registers[REG_R9]);
}

/* The ring that was set up last, and what of it is to fail: its transfers are known by their places. */
static struct {
    int fd;
    struct io_uring_params parameters;
    char *rings;
    struct io_uring_sqe *entries;
    bool fails[4096];
} ring = {.fd = -1};

static uint32_t *counter(uint32_t offset) {
    return (uint32_t *)(void *)(ring.rings + offset);
}

/* Transfers that are to fail become such as do nothing. */
static void refuse_submissions(void) {
    const struct io_sqring_offsets *sq = &ring.parameters.sq_off;
    uint32_t mask = *counter(sq->ring_mask), tail = __atomic_load_n(counter(sq->tail), __ATOMIC_ACQUIRE);
    for (uint32_t at = __atomic_load_n(counter(sq->head), __ATOMIC_ACQUIRE); at != tail; at++) {
        struct io_uring_sqe *entry = &ring.entries[counter(sq->array)[at & mask]];
        if (entry->opcode != IORING_OP_NOP && entry->user_data < COUNT(ring.fails) && is_refused(RING)) {
            ring.fails[entry->user_data] = true;
            *entry = (struct io_uring_sqe){.opcode = IORING_OP_NOP, .user_data = entry->user_data};
        }
    }
}

/* ... and end with the error. */
static void refuse_completions(uint32_t from) {
    const struct io_cqring_offsets *cq = &ring.parameters.cq_off;
    struct io_uring_cqe *all = (struct io_uring_cqe *)(void *)counter(cq->cqes);
    uint32_t mask = *counter(cq->ring_mask), tail = __atomic_load_n(counter(cq->tail), __ATOMIC_ACQUIRE);
    for (uint32_t at = from; at != tail; at++) {
        struct io_uring_cqe *one = &all[at & mask];
        if (one->user_data < COUNT(ring.fails) && ring.fails[one->user_data]) {
            ring.fails[one->user_data] = false;
            one->res = -refused.error;
        }
    }
}

static long enter_ring(const greg_t *registers) {
    bool is_known = registers[REG_RDI] == ring.fd && ring.rings != NULL && ring.entries != NULL;
    uint32_t from = is_known ? *counter(ring.parameters.cq_off.tail) : 0;
    if (is_known) {
        refuse_submissions();
    }
    long answer = enter(SYS_io_uring_enter, registers[REG_RDI], registers[REG_RSI], registers[REG_RDX], registers[REG_R10], registers[REG_R8],
                        registers[REG_R9]);
    if (is_known) {
        refuse_completions(from);
    }
    return answer;
}

/* Where a ring lies. */
static void note_ring(long number, const greg_t *registers, long answer) {
    if (number == SYS_io_uring_setup && answer >= 0) {
        ring.fd = (int)answer, ring.rings = NULL, ring.entries = NULL;
        memcpy(&ring.parameters, (void *)registers[REG_RSI], sizeof ring.parameters);
    }
    if (number == SYS_mmap && registers[REG_R8] == ring.fd && ring.fd >= 0 && answer > 0) {
        if (registers[REG_R9] == IORING_OFF_SQES) {
            ring.entries = (void *)answer;
        } else {
            ring.rings = (void *)answer;
        }
    }
}

/* The C library's own requests about interfaces: it aborts on errors that a netlink socket cannot have. */
static bool is_netlink(greg_t fd) {
    int domain = 0;
    socklen_t length = sizeof domain;
    long answer = enter(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, (long)&domain, (long)&length, 0);
    return answer == 0 && domain == AF_NETLINK;
}

/* Only what is added to a queue needs memory, or may be what it does not take. */
static bool can_fail(long number, const greg_t *registers) {
    return !(number == SYS_recvmsg && is_netlink(registers[REG_RDI])) &&
           !(number == SYS_epoll_ctl && registers[REG_RSI] != EPOLL_CTL_ADD);
}

static void on_call(int signal, siginfo_t *info, void *opaque) {
    (void)signal;
    ucontext_t *context = opaque;
    greg_t *registers = context->uc_mcontext.gregs;
    long number = info->si_syscall, answer;
    int kind = kind_of(number);
    if (number == SYS_rt_sigprocmask) {
        answer = mask_signals(context, (int)registers[REG_RDI], (void *)registers[REG_RSI], (void *)registers[REG_RDX]);
    } else {
        bool is_lost = kind >= 0 && can_fail(number, registers) && is_refused(kind);
        answer = -refused.error;
        /* Whatever these say, the descriptor is closed, and the attempt goes on. */
        bool is_done = number == SYS_close || (number == SYS_connect && refused.error == EINTR);
        long found = is_lost ? look_once(number, registers) : 0;
        if (found > 0) {
            answer = found;
        } else if (!is_lost || is_done) {
            long done = number == SYS_io_uring_enter ? enter_ring(registers)
                                                     : enter(number, registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                                                             registers[REG_R10], registers[REG_R8], registers[REG_R9]);
            note_ring(number, registers, done);
            answer = is_lost ? answer : done;
        }
    }
    registers[REG_RAX] = answer;
}

/* Threads begin outside of any handler. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (real == NULL) {
        real = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT, "pthread_create");
    }
    return is_refused(THREAD) ? refused.error : real(thread, attributes, body, argument);
}

static void install_filter(void) {
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER};
    POSIX(sigaction(SIGSYS, &action, NULL));
    struct sock_filter program[COUNT(kinds) + 16];
    size_t length = 0;
    const uint64_t place = (uint64_t)(uintptr_t)gate;
    const size_t pointer = offsetof(struct seccomp_data, instruction_pointer);
    program[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, pointer);
    program[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)place, 0, 3);
    program[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, pointer + 4);
    program[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(place >> 32), 0, 1);
    program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t kind = 0; kind < THREAD; kind++) {
        program[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)kinds[kind].number, THREAD - kind + 2, 0);
    }
    program[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 2, 0);
    program[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigprocmask, 1, 0);
    program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    struct sock_fprog filter = {(unsigned short)length, program};
    POSIX(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    POSIX(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter));
}

/* ------------------------------------------------------------ what is right */

/*
 * What a call may answer instead of the error that the kernel gave, and why. A situation or a call of NULL is any; an
 * error of 0 is any.
 */
static const struct exception {
    const char *situation, *call;
    int error;
    int64_t answer;
    const char *why;
} exceptions[] = {
#include "system_calls_exceptions.h"
};

static bool is_right(const char *situation, int64_t usual, int64_t result) {
    if (result >= 0 || result == usual || result == -refused.error) {
        return true;
    }
    for (size_t at = 0; at < COUNT(exceptions); at++) {
        const struct exception *one = &exceptions[at];
        if ((one->situation == NULL || strncmp(situation, one->situation, strlen(one->situation)) == 0) &&
            (one->call == NULL || strcmp(kinds[refused.kind].name, one->call) == 0) && (one->error == 0 || one->error == refused.error) &&
            one->answer == result) {
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- one case */

/* What is open, in words. */
static void list_left(char *what, size_t room) {
    size_t length = 0;
    for (int fd = 3; fd < MOST_DESCRIPTORS && length < room; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            length += (size_t)snprintf(what + length, room - length, " %d=%s", fd, describe(fd));
        }
    }
}

/* In a process of its own. `shared` says what came of it. */
__attribute__((noreturn)) static void play(const struct situation *situation) {
    static struct world world;
    alarm(120);
    check_well(); /* so that what threads have for themselves is there */
    install_filter();
    case_name = situation->name;
    situation->prepare(&world);
    shared->armed = true;
    shared->result = situation->act(&world);
    shared->armed = false;
    shared->again = shared->result < 0 ? situation->act(&world) : shared->result;
    check_well();
    end_world(&world);
    shared->left = count_descriptors();
    list_left(shared->left_what, sizeof shared->left_what);
    _exit(EXIT_SUCCESS);
}

static int watch(const struct situation *situation) {
    memset(shared, 0, sizeof *shared);
    pid_t child = POSIX(fork());
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        play(situation);
    }
    int status = 0;
    POSIX(waitpid(child, &status, 0));
    return status;
}

/* What the situation does when nothing is refused. */
struct usual {
    int64_t result;
    int left, all, status;
    int seen[COUNT(kinds)];
};

static struct usual learn(const struct situation *situation) {
    struct usual usual = {0};
    refused.kind = -1;
    usual.status = watch(situation);
    usual.result = shared->result;
    usual.left = shared->left;
    usual.all = shared->all;
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        usual.seen[kind] = shared->seen[kind];
    }
    return usual;
}

/* Tells what is wrong, if anything is. */
static bool judge(const struct situation *situation, const struct usual *usual, int status) {
    char fault[1024] = "";
    if (WIFSIGNALED(status)) {
        snprintf(fault, sizeof fault, "%s", WTERMSIG(status) == SIGALRM ? "it hangs" : strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != EXIT_SUCCESS) {
        snprintf(fault, sizeof fault, "it is %lld (%s), and then something does not work", (long long)shared->result, name_of(shared->result));
    } else if (!is_right(situation->name, usual->result, shared->result)) {
        snprintf(fault, sizeof fault, "it is %lld (%s)", (long long)shared->result, name_of(shared->result));
    } else if (shared->left > usual->left) {
        snprintf(fault, sizeof fault, "%d descriptors are left, not %d:%s", shared->left, usual->left, shared->left_what);
    } else if (shared->all > usual->all + MOST_AT_ALL) {
        snprintf(fault, sizeof fault, "it spins: %d calls, not %d", shared->all, usual->all);
    }
    if (fault[0] != '\0') {
        printf("%s: %s refuses call %d with %s%s: %s\n", situation->name, kinds[refused.kind].name, refused.nth, anysock_error_name(-refused.error),
               refused.forever ? " for good" : "", fault);
        fflush(stdout);
    }
    return fault[0] == '\0';
}

/* ----------------------------------------------------------------- all cases */

enum { SITUATIONS = COUNT(situations) + COUNT(on_engines) };

static const struct situation *situation_at(size_t at) {
    return at < COUNT(situations) ? &situations[at] : &on_engines[at - COUNT(situations)];
}

static struct usual usual_of[SITUATIONS];

/* One thing that can be refused in one situation. */
struct refusal {
    size_t situation;
    int kind, nth, error;
    bool forever;
};

enum { MOST_REFUSALS = 1 << 16 };

static struct refusal refusals[MOST_REFUSALS];
static size_t refusal_count;

static void list_refusals(size_t situation) {
    for (int kind = 0; kind < (int)COUNT(kinds); kind++) {
        for (int nth = 0; nth < usual_of[situation].seen[kind] && nth < MOST_CALLS; nth++) {
            for (const int *error = kinds[kind].errors; *error != 0; error++) {
                for (int forever = 0; forever < 2; forever++) {
                    CHECK(refusal_count < MOST_REFUSALS);
                    refusals[refusal_count++] = (struct refusal){situation, kind, nth, *error, forever};
                }
            }
        }
    }
}

/* splitmix64, and a shuffle by it: a part that runs for a short time meets a sample. */
static void shuffle_refusals(uint64_t state) {
    for (size_t left = refusal_count; left > 1; left--) {
        uint64_t z = (state += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        size_t other = (z ^ (z >> 31)) % left;
        struct refusal kept = refusals[left - 1];
        refusals[left - 1] = refusals[other];
        refusals[other] = kept;
    }
}

int main(int count, char **arguments) {
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    if (count == 7) {
        for (size_t at = 0; at < SITUATIONS; at++) {
            if (strcmp(situation_at(at)->name, arguments[2]) == 0) {
                struct usual usual = learn(situation_at(at));
                for (size_t kind = 0; kind < COUNT(kinds); kind++) {
                    refused.kind = strcmp(kinds[kind].name, arguments[3]) == 0 ? (int)kind : refused.kind;
                }
                refused.nth = atoi(arguments[4]), refused.error = atoi(arguments[5]), refused.forever = atoi(arguments[6]);
                if (getenv("ALONE")) { /* in this process, for a debugger */
                    play(situation_at(at));
                }
                bool right = judge(situation_at(at), &usual, watch(situation_at(at)));
                printf("result %lld, again %lld, %d calls, %d left\n", (long long)shared->result, (long long)shared->again, shared->all, shared->left);
                return !right;
            }
        }
        return 2;
    }
    CHECK(count == 3);
    int64_t end = now() + atol(arguments[1]) * SECOND;
    uint64_t seed = strtoull(arguments[2], NULL, 10);
    size_t bad = 0, kinds_met = 0, played = 0;
    bool met[COUNT(kinds)] = {false};
    for (size_t at = 0; at < SITUATIONS; at++) {
        if (situation_at(at)->is_alone) { /* what fails in a child is the child's to judge */
            continue;
        }
        usual_of[at] = learn(situation_at(at));
        int status = usual_of[at].status;
        if (status == 0) {
            list_refusals(at);
            if (usual_of[at].all > MOST_AT_ALL) {
                bad++;
                printf("%s: it spins by itself: %d calls\n", situation_at(at)->name, usual_of[at].all);
            }
        } else {
            bool skipped = WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED;
            bad += !skipped;
            printf("%s: %s\n", situation_at(at)->name, skipped ? "cannot be here" : "does not work at all");
        }
    }
    shuffle_refusals(seed);
    for (; played < refusal_count && now() < end && bad < MOST_BAD; played++) {
        const struct refusal *one = &refusals[played];
        refused.kind = one->kind, refused.nth = one->nth, refused.forever = one->forever, refused.error = one->error;
        bad += !judge(situation_at(one->situation), &usual_of[one->situation], watch(situation_at(one->situation)));
        kinds_met += !met[one->kind];
        met[one->kind] = true;
    }
    printf("%zu %zu %zu %zu\n", played, refusal_count, kinds_met, bad);
    return bad != 0;
}
