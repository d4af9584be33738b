/*
 * A hostile caller: every function of the header, called with whatever its types allow. Handles of every sort, stale and
 * forged; memory that ends where the page ends, and read-only where the header says const; sizes near 2^63; texts that
 * are nearly right. callers.py makes the calls, from include/anysock.json.
 *
 * Every error has a name and is one that the function's page lists (but where a connection may have met anything); no count is
 * more than there was room for; no call hangs once its handles are closed; at the end every handle can be closed, and no
 * descriptor is left. Not here: whether a call did the right thing.
 *
 *     callers SECONDS SEED          rounds, each with the next seed in a process of its own
 *     callers --round SEED CALLS    one round
 */
#include "check.h"

#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

/* ---------------------------------------------------------------- random */

static uint64_t state;

/* splitmix64. */
static uint64_t draw(void) {
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static size_t below(size_t limit) {
    return draw() % limit;
}

static bool one_in(size_t count) {
    return below(count) == 0;
}

#define ANY(array) ((array)[below(COUNT(array))])

static void draw_bytes(void *place, size_t length) {
    for (size_t at = 0; at < length; at++) {
        ((uint8_t *)place)[at] = (uint8_t)draw();
    }
}

/* Numbers at the borders of what types hold, small ones, any. */
static int64_t draw_number(void) {
    static const int64_t borders[] = {
        0, 1, -1, 2, -2, INT32_MAX, INT32_MIN, UINT32_MAX, 1LL << 32, INT64_MAX, INT64_MIN, (1LL << 53) - 1, 1LL << 53,
        INT64_MAX - 7, INT64_MIN + 1, 65535, 65536, 1LL << 30, 1LL << 62, 4096, 1000000,
    };
    switch (below(4)) {
        case 0: return ANY(borders);
        case 1: return (int64_t)draw();
        default: return (int64_t)below(20);
    }
}

static int32_t draw_flags(void) {
    return one_in(8) ? (int32_t)draw_number() : (int32_t)(below(64) & draw());
}

/* A wait without a limit only where the rescuer thread can end it. */
static int64_t draw_timeout(bool awakened) {
    static const int64_t times[] = {0, 0, 0, 1, 999, 5000, -2, INT64_MIN};
    return awakened && one_in(8) ? -1 : ANY(times);
}

/* ---------------------------------------------------------------- memory */

enum { ROOMS = 96, ROOM = 64 << 10, PAGE = 4096 };

/* What an argument points at: `given` is what the library gets, `own` the same memory, to be written by this program. */
struct memory {
    void *given, *own;
    size_t count;
};

enum access { CONSTANT, VARIABLE };
enum quantity { ONE, MANY };

/* Each room ends at a page that nobody may touch; `readable` is the same memory, which nobody may write. */
static struct {
    char *writable, *readable;
} rooms[ROOMS];
static size_t rooms_used;

static void *map_room(int file, int protection) {
    char *place = mmap(NULL, ROOM + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(place != MAP_FAILED);
    CHECK(mmap(place, ROOM, protection, MAP_SHARED | MAP_FIXED, file, 0) == place);
    return place;
}

static void make_rooms(void) {
    for (size_t room = 0; room < ROOMS; room++) {
        int file = POSIX(memfd_create("room", MFD_CLOEXEC));
        POSIX(ftruncate(file, ROOM));
        rooms[room].writable = map_room(file, PROT_READ | PROT_WRITE);
        rooms[room].readable = map_room(file, PROT_READ);
        POSIX(close(file));
    }
}

/* The last `size` bytes of the next room. */
static struct memory take(size_t size, enum access access) {
    CHECK(size <= ROOM && rooms_used < ROOMS);
    size_t room = rooms_used++, offset = ROOM - size;
    char *given = access == CONSTANT ? rooms[room].readable : rooms[room].writable;
    return (struct memory){given + offset, rooms[room].writable + offset, 0};
}

/* Impossible lengths; for bytes, whose memory the kernel checks itself, also lengths beyond the room here. */
static size_t draw_absurd(size_t element) {
    static const size_t lengths[] = {SIZE_MAX, SIZE_MAX / 2 + 1, SIZE_MAX - 4095};
    static const size_t of_bytes[] = {SIZE_MAX / 2, (size_t)1 << 62, (size_t)1 << 47, ((size_t)1 << 32) + 1, (size_t)1 << 31};
    return element == 1 && one_in(2) ? ANY(of_bytes) : ANY(lengths);
}

static struct memory draw_array(size_t element, void (*fill)(void *), enum access access, enum quantity quantity) {
    size_t most = element == 1 ? 3000 : 6, count = quantity == ONE ? 1 : below(below(2) ? most : 4);
    if (rooms_used + 2 * most > ROOMS || one_in(24)) {
        return (struct memory){NULL, NULL, quantity == ONE ? 1 : one_in(2) ? 0 : count};
    }
    bool absurd = quantity == MANY && one_in(16);
    /* What is not refused may be filled, up to what there is to write. */
    struct memory memory = take(absurd ? ROOM : element * count, access);
    draw_bytes(memory.own, element * count);
    for (size_t at = 0; fill != NULL && at < count; at++) {
        fill((char *)memory.own + element * at);
    }
    memory.count = absurd ? draw_absurd(element) : count;
    return memory;
}

static const char *const KINDS[], *const OPTIONS[], *const FEATURES[];

static const char *const ADDRESSES[] = {
    "127.0.0.1:0", "127.0.0.1:1", "[::1]:0", ":0", "[::]:0", "localhost:0", "localhost:http", "@", "@name", "path", "127.0.0.1",
    "[fe80::1%lo]:80", "255.255.255.255:9", "239.1.2.3%lo", "127.0.0.1@239.1.2.3%lo", "lo", "reno", "[::1", "::1:80", "1.2.3.4.5:6", ":65536", "",
    NULL,
};

static size_t length_of_list(const char *const *list) {
    size_t length = 0;
    while (list[length] != NULL) {
        length++;
    }
    return length;
}

/* One of the list, as it is or nearly so; or any bytes. */
static struct memory draw_text(const char *const *list) {
    static const char *const *const lists[] = {KINDS, OPTIONS, FEATURES, ADDRESSES};
    char text[512];
    size_t length;
    if (list == NULL || one_in(16)) {
        list = ANY(lists);
    }
    if (one_in(24)) {
        return (struct memory){NULL, NULL, 0};
    }
    if (one_in(16)) {
        length = below(sizeof text);
        draw_bytes(text, length);
    } else {
        const char *model = list[below(length_of_list(list))];
        length = strlen(model);
        memcpy(text, model, length);
        if (length > 0 && one_in(8)) {
            text[below(length)] = (char)draw();
        }
    }
    for (size_t at = 0; at < length; at++) {
        if (text[at] == '/' || text[at] == '\0') { /* no file but in this folder */
            text[at] = '.';
        }
    }
    struct memory memory = take(length + 1, CONSTANT);
    memcpy(memory.own, text, length);
    ((char *)memory.own)[length] = '\0';
    return memory;
}

/* --------------------------------------------------------------- handles */

enum { MOST = 256, ENOUGH = 24 };

/* The rescuer closes them from its thread. */
static _Atomic(anysock_t) handles[MOST];
static anysock_t last_closed;

static void keep(anysock_t h) {
    size_t vacant = MOST;
    for (size_t at = 0; at < MOST; at++) {
        if (handles[at] == h) {
            return;
        }
        if (handles[at] == 0) {
            vacant = at;
        }
    }
    if (vacant == MOST) {
        last_closed = h;
        OK(anysock_close(h));
        return;
    }
    handles[vacant] = h;
    if (one_in(2)) {
        anysock_set(h, ANYSOCK_OPT_TIMEOUT, one_in(2) ? 0 : MILLISECOND);
    }
}

/* A number is a handle if it is one that the library knows. */
static bool is_handle(int64_t number) {
    return number > (int64_t)1 << 32 && number < (int64_t)1 << 53 && anysock_fd(number) != ANYSOCK_EBADF;
}

static void open_pair(const char *kind) {
    anysock_t first, second;
    if (anysock_pair(kind, &first, &second) == 0) {
        keep(first);
        keep(second);
    }
}

static void open_listener(const char *kind, const char *address) {
    anysock_t listener = anysock_open(kind);
    if (listener > 0) {
        anysock_bind(listener, address);
        anysock_listen(listener, 0);
        keep(listener);
    }
}

/* States that random calls seldom reach by themselves. */
static void open_some(void) {
    switch (below(9)) {
        case 0: open_pair("tcp"); break;
        case 1: open_pair("unix"); break;
        case 2: open_pair("unixgram"); break;
        case 3: open_pair("unixpacket"); break;
        case 4: open_listener("tcp", "127.0.0.1:0"); break;
        case 5: open_listener("unix", "@callers"); break;
        case 6: keep(OK(anysock_poller_open())); break;
        case 7: keep(OK(anysock_queue_open(4, 256))); break;
        default: open_listener("udp", "127.0.0.1:0"); break;
    }
}

static void refill(void) {
    size_t count = 0;
    for (size_t at = 0; at < MOST; at++) {
        count += handles[at] != 0;
    }
    for (; count < ENOUGH; count++) {
        open_some();
    }
}

/* One of the sort that the parameter is named for, or any, or a number that is near one, or any number. */
static anysock_t draw_handle(const char *name) {
    const char *sort = strcmp(name, "q") == 0 ? "queue" : strcmp(name, "poller") == 0 ? "poller" : NULL;
    anysock_t h = 0;
    for (int attempt = 0; attempt < 200; attempt++) {
        char kind[32] = "";
        h = handles[below(MOST)];
        if (h == 0 || (sort != NULL && attempt < 150 && anysock_get_text(h, "kind", kind, sizeof kind) > 0 && strcmp(kind, sort) != 0)) {
            continue;
        }
        break;
    }
    switch (below(24)) {
        case 0: return draw_number();
        case 1: return h ^ (1LL << below(63));
        case 2: return last_closed;
        default: return h;
    }
}

static void fill_handle(void *place) {
    anysock_t h = draw_handle("");
    memcpy(place, &h, sizeof h);
}

/* Handles that calls have brought, wherever they were put. */
static void keep_what_came(int64_t result) {
    if (is_handle(result)) {
        keep(result);
    }
    for (size_t room = 0; room < rooms_used; room++) {
        for (size_t at = ROOM - PAGE; at < ROOM; at += 4) {
            int64_t number;
            memcpy(&number, rooms[room].writable + at, at + 8 <= ROOM ? 8 : 4);
            if (at + 8 <= ROOM && is_handle(number)) {
                keep(number);
            }
        }
    }
}

/* ----------------------------------------------------------- descriptors */

/* Descriptors of this program that the library has been given; numbers that are none. Never one of the library's own. */
static int lent[64];
static size_t lent_count;
static int file;

static int64_t draw_descriptor(void) {
    int ends[2];
    if (one_in(3) || lent_count + 2 > COUNT(lent)) {
        return one_in(2) ? file : one_in(2) ? -1 : 1000000 + (int64_t)(draw() >> 2);
    }
    if (one_in(2)) {
        POSIX(pipe2(ends, O_CLOEXEC | O_NONBLOCK));
    } else {
        POSIX(socketpair(AF_UNIX, one_in(2) ? SOCK_STREAM : SOCK_DGRAM, 0, ends));
    }
    lent[lent_count++] = ends[0];
    lent[lent_count++] = ends[1];
    return ANY(ends);
}

/* It is the library's now. */
static void forget_descriptor(int64_t fd) {
    for (size_t at = 0; at < lent_count; at++) {
        if (lent[at] == fd) {
            lent[at] = lent[--lent_count];
        }
    }
    if (fd == file) {
        file = POSIX(memfd_create("file", MFD_CLOEXEC));
    }
}

/* The library has given it back; one that it had borrowed stays with the others. */
static void take_back(int64_t fd) {
    for (size_t at = 0; at < lent_count; at++) {
        if (lent[at] == fd) {
            return;
        }
    }
    POSIX(close((int)fd));
}

/* ------------------------------------------------------ what is by hand */

static void fill_anysock_handles(void *place) {
    anysock_handles set;
    struct memory members = draw_array(sizeof(anysock_t), fill_handle, VARIABLE, MANY);
    set.handles = members.given;
    set.count = (int64_t)members.count;
    if (one_in(16)) {
        set.count = one_in(2) ? -1 : INT64_MIN;
    }
    memcpy(place, &set, sizeof set);
}

static void fill_anysock_address(void *place) {
    anysock_address address;
    memset(&address, 0, sizeof address);
    const char *text = ADDRESSES[below(length_of_list(ADDRESSES))];
    if (anysock_address_parse(KINDS[below(length_of_list(KINDS))], text, &address) != 0 || one_in(8)) {
        draw_bytes(&address, one_in(2) ? 16 : sizeof address);
        address.family = one_in(2) ? 2 : one_in(2) ? 10 : 1;
    }
    memcpy(place, &address, sizeof address);
}

/* What an operation points at is a number in it. */
static void fill_anysock_op(void *place) {
    anysock_op op = {
        .token = (int64_t)below(6), .handle = draw_handle(""), .op = one_in(16) ? draw_number() : (int64_t)below(17),
        .flags = one_in(8) ? draw_number() : (int64_t)(below(32) & draw()),
        .buffer = one_in(4) ? draw_number() : 0, .value = one_in(2) ? 0 : draw_number(),
    };
    struct memory memory = {0};
    switch (op.op) {
        case ANYSOCK_OP_CONNECT:
        case ANYSOCK_OP_RESOLVE:
            memory = draw_text(ADDRESSES);
            op.value = one_in(4) ? 0 : (int64_t)(uintptr_t)draw_text(KINDS).given;
            if (op.op == ANYSOCK_OP_CONNECT && one_in(2)) {
                memory = draw_array(sizeof(anysock_address), fill_anysock_address, CONSTANT, ONE);
                op.flags = ANYSOCK_QUEUE_FLAT, op.value = 0;
            } else {
                op.flags &= ~ANYSOCK_QUEUE_FLAT;
            }
            break;
        case ANYSOCK_OP_SEND_TO:
            op.value = (int64_t)(uintptr_t)draw_array(sizeof(anysock_address), fill_anysock_address, CONSTANT, ONE).given;
            /* fall through */
        case ANYSOCK_OP_WRITE:
            memory = draw_array(1, NULL, CONSTANT, ONE);
            op.length = memory.given == NULL ? 0 : 1;
            break;
        case ANYSOCK_OP_SEND_FILE:
            op.data = draw_descriptor();
            op.length = draw_number();
            break;
        default:
            op.length = one_in(2) ? 0 : draw_number();
            break;
    }
    if (memory.given != NULL) {
        op.data = (int64_t)(uintptr_t)memory.given;
    }
    memcpy(place, &op, sizeof op);
}

/* No option that makes calls wait long: with "linger", a close blocks its caller. */
static int64_t bounded(const char *option, int64_t value) {
    return option != NULL && strcmp(option, ANYSOCK_OPT_LINGER) == 0 && value > 1000 ? 1000 : value;
}

/* ----------------------------------------------------------------- calls */

struct answer {
    int64_t result;
    size_t capacity;
};

struct function {
    const char *name;
    struct answer (*call)(void);
    const char *class;
    const int64_t *errors; /* up to 0; EVERY: the system's as well */
    bool strict; /* nothing but these */
    bool counts_elements;
};

#define EVERY NULL

static int64_t length_of(const char *text) {
    CHECK(text != NULL && text[0] != '\0');
    return (int64_t)strlen(text);
}

static _Atomic(const char *) calling;
static atomic_uint_fast64_t calls;

static void begin_call(const char *name) {
    calling = name;
    calls++;
}

#include "callers.h"

static bool is_expected(const struct function *function, int64_t error) {
    const int64_t *known = function->errors;
    if (error == ANYSOCK_EINTERNAL || strcmp(anysock_error_name(error), "EUNKNOWN") == 0) {
        return false;
    }
    if (known == EVERY || !function->strict) {
        return true;
    }
    while (*known != 0 && *known != error) {
        known++;
    }
    return *known != 0;
}

static void judge(const struct function *function, struct answer answer) {
    int64_t result = answer.result;
    if (result < 0) {
        if (!is_expected(function, result)) {
            fail(__FILE__, __LINE__, "%s is %lld (%s), which its page does not name", function->name, (long long)result, name_of(result));
        }
        return;
    }
    if (strcmp(function->class, "zero") == 0 && result != 0) {
        fail(__FILE__, __LINE__, "%s is %lld, not 0", function->name, (long long)result);
    }
    if (strcmp(function->class, "handle") == 0 && !is_handle(result)) {
        fail(__FILE__, __LINE__, "%s is %lld, which is no handle", function->name, (long long)result);
    }
    if (function->counts_elements && (uint64_t)result > answer.capacity) {
        fail(__FILE__, __LINE__, "%s is %lld of %zu", function->name, (long long)result, answer.capacity);
    }
}

/* Closes all handles when a call has not returned for a while: that must end it. */
static void *rescue(void *nothing) {
    uint_fast64_t seen = calls;
    for (int idle = 0; idle < 6000; idle++) {
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
        if (seen != calls) {
            seen = calls, idle = 0;
        } else if (idle % 10 == 9) {
            for (size_t at = 0; at < MOST; at++) {
                anysock_t h = atomic_exchange(&handles[at], 0);
                if (h != 0) {
                    anysock_close(h);
                }
            }
        }
    }
    fail(__FILE__, __LINE__, "%s does not end", calling);
    return nothing;
}

/* What must be closed when every handle is: the library keeps its wakers and epolls, but no socket and no pipe. */
static size_t sockets_and_pipes(void) {
    size_t count = 0;
    for (int fd = 0; fd < MOST_DESCRIPTORS; fd++) {
        const char *what = describe(fd);
        count += strncmp(what, "socket:", 7) == 0 || strncmp(what, "pipe:", 5) == 0;
    }
    return count;
}

/* In a network of its own the loopback is down at first. */
static void raise_loopback(void) {
    struct ifreq request = {.ifr_name = "lo"};
    int fd = POSIX(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
        request.ifr_flags |= IFF_UP;
        ioctl(fd, SIOCSIFFLAGS, &request);
    }
    POSIX(close(fd));
}

static void play(uint64_t seed, long count) {
    pthread_t rescuer;
    state = seed;
    size_t before = sockets_and_pipes();
    make_rooms();
    file = POSIX(memfd_create("file", MFD_CLOEXEC));
    POSIX(ftruncate(file, 100));
    CHECK(pthread_create(&rescuer, NULL, rescue, NULL) == 0);
    for (long turn = 0; turn < count; turn++) {
        rooms_used = 0;
        refill();
        const struct function *function = &ANY(functions);
        struct answer answer = function->call();
        judge(function, answer);
        keep_what_came(strcmp(function->class, "handle") == 0 ? answer.result : 0);
    }
    begin_call("closing everything");
    for (size_t at = 0; at < MOST; at++) {
        anysock_t h = atomic_exchange(&handles[at], 0);
        if (h != 0) {
            anysock_close(h);
        }
    }
    for (size_t at = 0; at < lent_count; at++) {
        POSIX(close(lent[at]));
    }
    /* A thread of the library may still be in the system's resolver, which has sockets of its own: the rescuer bounds this. */
    while (sockets_and_pipes() > before) {
        nap();
    }
}

/* --------------------------------------------------------------- rounds */

enum { CALLS = 3000 };

static int run_round(const char *self, uint64_t seed) {
    char text[32], most[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    snprintf(most, sizeof most, "%d", CALLS);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(self, self, "--round", text, most, NULL);
        _exit(127);
    }
    int status = 0;
    POSIX(waitpid(child, &status, 0));
    if (status != 0) {
        printf("seed %s: %s %d\n", text, WIFSIGNALED(status) ? "signal" : "exit",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    return status != 0;
}

int main(int count, char **arguments) {
    if (count == 4 && strcmp(arguments[1], "--round") == 0) {
        play(strtoull(arguments[2], NULL, 10), atol(arguments[3]));
        return EXIT_SUCCESS;
    }
    CHECK(count == 3);
    raise_loopback();
    int64_t end = now() + atol(arguments[1]) * SECOND;
    uint64_t seed = strtoull(arguments[2], NULL, 10);
    long rounds_run = 0, bad = 0;
    do {
        bad += run_round(arguments[0], seed + (uint64_t)rounds_run++);
    } while (now() < end && bad < 20);
    printf("%ld %ld\n", rounds_run * CALLS, bad);
    return bad != 0;
}
