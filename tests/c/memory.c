/*
 * Out of memory is an error code: in every situation of situations.h each allocation fails once, and each with all that follow
 * it. Nothing ends the process or hangs; the call fails with ENOMEM or does what it does otherwise; nothing is left behind; and
 * with memory again all is well: the same call does what it would have done. Not here: how memory fails (allocator.c).
 *
 *     memory [--seconds N] [CASE...]
 *
 * With --seconds many threads do all of it at once and memory comes and goes, for so long. SITUATION names one situation alone,
 * and TRACE=1 shows from where the memory was wanted that led to a failure.
 */
#include "allocator.h"
#include "check.h"

/* While threads without memory have borrowed much of the library's reserve, it begins nothing for the others either: what a thread with
 * memory prepares is asked again, until enough has come back. */
static bool others_borrow;
#define PATIENTLY(call) \
    __extension__({ \
        int64_t answer_; \
        while ((answer_ = (int64_t)(call)) == ANYSOCK_ENOMEM && others_borrow && never_fails()) { \
            nap(); \
        } \
        answer_; \
    })
#undef OK
#define OK(call) check_ok(__FILE__, __LINE__, #call, PATIENTLY(call))
#undef CHECK_IS
#define CHECK_IS(call, wanted) check_is(__FILE__, __LINE__, #call, PATIENTLY(call), (int64_t)(wanted))

#include "situations.h"
#include "well.h"

#include <limits.h>
#include <sys/resource.h>

enum {
    PATIENCE = 240 /* seconds, after which a call hangs */,
    NAPS = 40 /* so long may the library's own threads take to rest */,
    ROUNDS = 16 /* in so many more is lost than its threads may keep */,
    MANY = 30 /* allocations of a situation */,
    MOST_FAILURES = 40,
};

/* What became of one run, for the process that has started it. */
struct report {
    bool has_failed;
    int64_t result, again;
    long blocks;
    int descriptors;
    char complaint[160];
};

static struct report *report;
/* The same situation with nothing failing. */
static struct report usual;
static long runs;

static void complain(const char *text) {
    if (report->complaint[0] == '\0') {
        snprintf(report->complaint, sizeof report->complaint, "%s", text);
    }
}

/* One thread that waits as its first call, in memory that was there before. */
struct errand {
    const struct situation *situation;
    struct world *world;
    int64_t result;
};

static void *run_errand(void *argument) {
    struct errand *errand = argument;
    errand->result = errand->situation->act(errand->world);
    return NULL;
}

static int64_t act_in_thread(const struct situation *situation, struct world *world) {
    static _Alignas(4096) char stack[1 << 20];
    struct errand errand = {situation, world, 0};
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, sizeof stack);
    int failed = pthread_create(&thread, &attributes, run_errand, &errand);
    /* That is the C library's own refusal. */
    if (failed != 0) {
        return ANYSOCK_ENOMEM;
    }
    pthread_join(thread, NULL);
    return errand.result;
}

static int64_t act_here(const struct situation *situation, struct world *world) {
    return situation->act(world);
}

struct manner {
    const char *name;
    bool for_good, in_thread;
};

/* The situation with that allocation failing; none for 0. */
static void fail_in_situation(const struct situation *situation, const struct manner *manner, long number) {
    static struct world world;
    memset(&world, 0, sizeof world);
    situation->prepare(&world);
    fail_allocation(number > 0 ? number : LONG_MAX, manner->for_good);
    int64_t (*act)(const struct situation *, struct world *) = manner->in_thread ? act_in_thread : act_here;
    report->result = act(situation, &world);
    stop_failing();
    report->has_failed = number > 0 && has_failed();
    report->again = report->result == ANYSOCK_ENOMEM ? act(situation, &world) : report->result;
    check_well();
    end_world(&world);
}

/* So often, in a process of its own. */
static void run_situation(const struct situation *situation, const struct manner *manner, long number, int times) {
    /* What is made once is there, so that what is left behind can be told. */
    check_well();
    int descriptors = count_descriptors();
    for (int round = 0; round < times; round++) {
        fail_in_situation(situation, manner, number);
    }
    for (int round = 0; number > 0 && times == 1 && blocks() > usual.blocks && round < NAPS; round++) {
        nap();
    }
    report->blocks = blocks();
    report->descriptors = count_descriptors() - descriptors;
}

static void on_fault(int signal_number) {
    if (getenv("TRACE") != NULL) {
        show_allocation();
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* As run_situation; whether the process has come to its end. */
static bool try_situation(const struct situation *situation, const struct manner *manner, long number, int times) {
    memset(report, 0, sizeof *report);
    runs++;
    pid_t child = POSIX(fork());
    if (child == 0) {
        signal(SIGABRT, on_fault);
        signal(SIGSEGV, on_fault);
        alarm(PATIENCE);
        run_situation(situation, manner, number, times);
        _exit(EXIT_SUCCESS);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) {
        snprintf(report->complaint, sizeof report->complaint, "%s", WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status)));
    } else if (status != 0) {
        complain("what must hold does not");
    }
    return status == 0;
}

/* Complains of what is wrong with a run. */
static void judge(void) {
    char text[sizeof report->complaint];
    bool refused = report->result == ANYSOCK_ENOMEM;
    if (!refused && report->result != usual.result) {
        snprintf(text, sizeof text, "gives %lld (%s) instead of %lld", (long long)report->result, name_of(report->result),
                 (long long)usual.result);
    } else if (report->again != usual.result) {
        snprintf(text, sizeof text, "gives %lld (%s) when it is called again, instead of %lld", (long long)report->again,
                 name_of(report->again), (long long)usual.result);
    } else if (report->descriptors > usual.descriptors) {
        snprintf(text, sizeof text, "leaves %d descriptors", report->descriptors - usual.descriptors);
    } else if (report->blocks >= usual.blocks + ROUNDS) {
        snprintf(text, sizeof text, "leaves %ld blocks of memory", report->blocks - usual.blocks);
    } else {
        return;
    }
    complain(text);
}

static bool is_chosen(const struct situation *situation) {
    const char *only = getenv("SITUATION");
    return only == NULL || strstr(situation->name, only) != NULL;
}

/* Each allocation of a situation, one after the other, until there is no such allocation; of very many not every one. How many
 * runs went wrong. */
static int fail_each(const struct situation *situation, const struct manner *manner) {
    int wrong = 0;
    memset(&usual, 0, sizeof usual);
    for (int round = 0; round < 3; round++) {
        CHECK(try_situation(situation, manner, 0, 1));
        report->blocks = report->blocks > usual.blocks ? report->blocks : usual.blocks;
        usual = *report;
    }
    for (long number = 1; wrong < MOST_FAILURES; number += 1 + number / MANY) {
        bool ended = try_situation(situation, manner, number, 1);
        if (ended && report->blocks > usual.blocks) {
            ended = try_situation(situation, manner, number, ROUNDS);
        }
        if (ended && !report->has_failed) {
            return wrong;
        }
        if (ended) {
            judge();
        }
        if (report->complaint[0] != '\0') {
            printf("%s: allocation %ld fails %s: %s\n", situation->name, number, manner->name, report->complaint);
            wrong++;
        }
    }
    return wrong;
}

static void fail_all(const struct manner *manner) {
    int wrong = 0;
    for (size_t place = 0; place < COUNT(situations) && wrong < MOST_FAILURES; place++) {
        if (is_chosen(&situations[place])) {
            wrong += fail_each(&situations[place], manner);
        }
    }
    printf("%ld runs in %zu situations\n", runs, COUNT(situations));
    fflush(stdout);
    CHECK(wrong == 0);
}

static void each_allocation_fails_once(void) {
    fail_all(&(struct manner){"once", false, false});
}

static void each_allocation_fails_for_good(void) {
    fail_all(&(struct manner){"for good", true, false});
}

static void each_fails_once_in_a_threads_first_call(void) {
    fail_all(&(struct manner){"once, in a thread", false, true});
}

static void each_fails_for_good_in_a_threads_first_call(void) {
    fail_all(&(struct manner){"for good, in a thread", true, true});
}

/* ------------------------------------------------------------------- threads */

enum { THREADS = 8 };

static int64_t chaos_seconds = 3, chaos_until;
static atomic_long calls, refusals;

/* Situations at random, in each of which some allocations fail, from none to nearly all. */
static void *be_chaotic(void *seed) {
    unsigned random = (unsigned)(uintptr_t)seed;
    struct world *world = malloc(sizeof *world);
    CHECK(world != NULL);
    while (now() < chaos_until) {
        const struct situation *situation = &situations[(unsigned)rand_r(&random) % COUNT(situations)];
        if (situation->is_alone || !is_chosen(situation)) {
            continue;
        }
        memset(world, 0, sizeof *world);
        situation->prepare(world);
        fail_sometimes(1 + (unsigned)rand_r(&random) % 4);
        refusals += situation->act(world) == ANYSOCK_ENOMEM;
        calls++;
        fail_sometimes(0);
        end_world(world);
    }
    free(world);
    return NULL;
}

static void memory_comes_and_goes_for_many_threads(void) {
    check_well();
    int descriptors = count_descriptors();
    chaos_until = now() + chaos_seconds * SECOND;
    others_borrow = true;
    pthread_t threads[THREADS];
    unsigned seed = getenv("SEED") != NULL ? (unsigned)atoi(getenv("SEED")) : (unsigned)time(NULL);
    printf("seed %u\n", seed);
    for (size_t place = 0; place < THREADS; place++) {
        CHECK(pthread_create(&threads[place], NULL, be_chaotic, (void *)(uintptr_t)(seed * THREADS + place)) == 0);
    }
    for (size_t place = 0; place < THREADS; place++) {
        pthread_join(threads[place], NULL);
    }
    others_borrow = false;
    check_well();
    CHECK_IS(count_descriptors(), descriptors);
    printf("%ld calls by %d threads, %ld refused\n", (long)calls, THREADS, (long)refusals);
    CHECK(calls > 0 && refusals > 0);
}

/* ---------------------------------------------------------------- afterwards */

enum { MANY_THREADS = 80 };

static struct world crowd;
static pthread_barrier_t all_were_refused, it_was_looked;

/* Selects a few, so that the thread has lists of its own for that, and then far more without memory. Waits go on. */
static void *wait_without_memory(void *unused) {
    struct world *world = malloc(sizeof *world);
    CHECK(world != NULL);
    memcpy(world, &crowd, sizeof *world);
    world->count = 2;
    CHECK_IS(select_now(world), 1);
    world->count = 200;
    fail_sometimes(1);
    int64_t selected = select_now(world);
    int64_t waited = wait_for(world, MOST_EVENTS);
    fail_sometimes(0);
    CHECK(selected == 1 || selected == ANYSOCK_ENOMEM);
    CHECK_IS(waited, 1);
    free(world);
    pthread_barrier_wait(&all_were_refused);
    pthread_barrier_wait(&it_was_looked);
    return unused;
}

/* Many threads have been without memory and live on: what they keep is not the library's reserve, or nothing would begin any more. */
static void what_threads_keep_is_not_borrowed(void) {
    pthread_t threads[MANY_THREADS];
    three_hundred_pairs(&crowd);
    crowd.poller = OK(anysock_poller_open());
    OK(anysock_poller_set(crowd.poller, crowd.many[1], ANYSOCK_EVENT_READ, 7));
    pthread_barrier_init(&all_were_refused, NULL, MANY_THREADS + 1);
    pthread_barrier_init(&it_was_looked, NULL, MANY_THREADS + 1);
    for (size_t place = 0; place < MANY_THREADS; place++) {
        CHECK(pthread_create(&threads[place], NULL, wait_without_memory, NULL) == 0);
    }
    pthread_barrier_wait(&all_were_refused);
    check_well();
    pthread_barrier_wait(&it_was_looked);
    for (size_t place = 0; place < MANY_THREADS; place++) {
        pthread_join(threads[place], NULL);
    }
    end_world(&crowd);
}

int main(int argc, char **argv) {
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(report != MAP_FAILED);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (argc > 2 && strcmp(argv[1], "--seconds") == 0) {
        chaos_seconds = atoi(argv[2]);
        argv += 2;
    }
    begin(argv);
    RUN(each_allocation_fails_once);
    RUN(each_allocation_fails_for_good);
    RUN(each_fails_once_in_a_threads_first_call);
    RUN(each_fails_for_good_in_a_threads_first_call);
    RUN(memory_comes_and_goes_for_many_threads);
    RUN(what_threads_keep_is_not_borrowed);
    return finish();
}
