/*
 * The C interface as native functions of Erlang: what the macros of ../glue/calls.h are here, and `select`, by which the emulator waits
 * for a poller. Not here: the functions as Erlang sees them (anysock.erl), who waits for what (anysock_ready.erl).
 *
 * What may wait runs on a dirty scheduler for input and output, so that no other is ever blocked.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include <anysock.h>
#include <erl_nif.h>
#include <string.h>

#define MOST 3

/* What a function has filled. */
struct given {
    int count;
    ERL_NIF_TERM items[MOST];
};

/* A text for C. */
static const char *text_for_c(ErlNifEnv *env, ERL_NIF_TERM term) {
    ErlNifBinary bytes;
    ERL_NIF_TERM copy;
    if (!enif_inspect_iolist_as_binary(env, term, &bytes))
        return NULL;
    char *room = (char *)enif_make_new_binary(env, bytes.size + 1, &copy);
    memcpy(room, bytes.data, bytes.size);
    room[bytes.size] = 0;
    return room;
}

static void keep(ErlNifEnv *env, struct given *given, ERL_NIF_TERM memory, size_t size) {
    given->items[given->count++] = enif_make_sub_binary(env, memory, 0, size);
}

static void keep_bytes(ErlNifEnv *env, struct given *given, const void *bytes, size_t size) {
    ERL_NIF_TERM copy;
    memcpy(enif_make_new_binary(env, size, &copy), bytes, size);
    given->items[given->count++] = copy;
}

/* The answer; where something was filled, a tuple of the answer and that. */
static ERL_NIF_TERM give(ErlNifEnv *env, struct given *given, int64_t answer) {
    ERL_NIF_TERM all[MOST + 1] = {enif_make_int64(env, answer)};
    memcpy(all + 1, given->items, (size_t)given->count * sizeof *all);
    return given->count == 0 ? all[0] : enif_make_tuple_from_array(env, all, (unsigned)given->count + 1);
}

#define UNUSED __attribute__((unused))
#define FUNCTION(name) \
    static ERL_NIF_TERM call_##name(ErlNifEnv *env, UNUSED const ERL_NIF_TERM values[], UNUSED struct given *given)
#define NUMBER(name, at) \
    ErlNifSInt64 name; \
    if (!enif_get_int64(env, values[at], &name)) \
        return enif_make_badarg(env)
#define TEXT(name, at) \
    const char *name = text_for_c(env, values[at]); \
    if (name == NULL) \
        return enif_make_badarg(env)
#define BYTES(name, type, at) \
    ErlNifBinary name##_memory; \
    if (!enif_inspect_iolist_as_binary(env, values[at], &name##_memory)) \
        return enif_make_badarg(env); \
    const type *name = (const type *)name##_memory.data; \
    size_t name##_count = name##_memory.size / sizeof(type); \
    (void)name##_count
#define ROOM(name, type, at) \
    ErlNifUInt64 name##_count; \
    ERL_NIF_TERM name##_memory; \
    if (!enif_get_uint64(env, values[at], &name##_count) || name##_count > SIZE_MAX / sizeof(type)) \
        return enif_make_badarg(env); \
    type *name = (type *)enif_make_new_binary(env, name##_count * sizeof(type), &name##_memory)
#define PLACE(name, type) \
    type name[1]; \
    memset(name, 0, sizeof name)
#define GIVE_NUMBER(name) given->items[given->count++] = enif_make_int64(env, *name)
#define GIVE_BYTES(name) keep_bytes(env, given, name, sizeof name)
#define GIVE_ROOM(name, answer) \
    size_t name##_filled = (answer) < 0 ? 0 : (size_t)(answer) < name##_count ? (size_t)(answer) : name##_count; \
    keep(env, given, name##_memory, name##_filled * sizeof *name)
#define GIVE_TEXT(name) keep(env, given, name##_memory, answer < 0 ? 0 : strnlen(name, name##_count))
#define RETURN(answer) return give(env, given, answer)
#define RETURN_TEXT(text) return enif_make_string(env, text, ERL_NIF_LATIN1)

#include "../glue/calls.h"

#define EACH(name, arguments, waits) \
    static ERL_NIF_TERM nif_##name(ErlNifEnv *env, int count, const ERL_NIF_TERM values[]) { \
        struct given given = {0, {0}}; \
        (void)count; \
        return call_##name(env, values, &given); \
    }
ANYSOCK_FUNCTIONS
#undef EACH

/* A poller that the emulator waits for; who forgets it has it closed. */
struct watched {
    anysock_t poller;
};

static ErlNifResourceType *watched_type;

static void stop(ErlNifEnv *env, void *resource, ErlNifEvent event, int is_direct_call) {
    (void)env, (void)event, (void)is_direct_call;
    anysock_close(((struct watched *)resource)->poller);
}

static void forget(ErlNifEnv *env, void *resource, ErlNifPid *pid, ErlNifMonitor *monitor) {
    (void)pid, (void)monitor;
    int64_t descriptor = anysock_fd(((struct watched *)resource)->poller);
    if (descriptor >= 0)
        enif_select(env, (ErlNifEvent)descriptor, ERL_NIF_SELECT_STOP, resource, NULL, enif_make_atom(env, "undefined"));
}

/* watched(Poller): what `select` takes. It is closed when the calling process has ended. */
static ERL_NIF_TERM nif_watched(ErlNifEnv *env, int count, const ERL_NIF_TERM values[]) {
    ErlNifSInt64 poller;
    ErlNifPid self;
    ErlNifMonitor monitor;
    (void)count;
    if (!enif_get_int64(env, values[0], &poller) || enif_self(env, &self) == NULL)
        return enif_make_badarg(env);
    struct watched *watched = enif_alloc_resource(watched_type, sizeof *watched);
    watched->poller = poller;
    ERL_NIF_TERM term = enif_make_resource(env, watched);
    enif_monitor_process(env, watched, &self, &monitor);
    enif_release_resource(watched);
    return term;
}

/* select(Watched): the process is sent {select, Watched, undefined, ready_input} once when a wait on the poller would not wait. */
static ERL_NIF_TERM nif_select(ErlNifEnv *env, int count, const ERL_NIF_TERM values[]) {
    struct watched *watched;
    (void)count;
    if (!enif_get_resource(env, values[0], watched_type, (void **)&watched))
        return enif_make_badarg(env);
    int64_t descriptor = anysock_fd(watched->poller);
    if (descriptor < 0)
        return enif_make_int64(env, descriptor);
    int result = enif_select(env, (ErlNifEvent)descriptor, ERL_NIF_SELECT_READ, watched, NULL, enif_make_atom(env, "undefined"));
    return enif_make_int64(env, result < 0 ? ANYSOCK_EINVAL : 0);
}

static int load(ErlNifEnv *env, void **data, ERL_NIF_TERM information) {
    ErlNifResourceTypeInit calls = {.stop = stop, .down = forget};
    (void)data, (void)information;
    watched_type = enif_open_resource_type_x(env, "anysock_watched", &calls, ERL_NIF_RT_CREATE, NULL);
    return watched_type == NULL;
}

static ErlNifFunc functions[] = {
#define EACH(name, arguments, waits) {#name, arguments, nif_##name, waits ? ERL_NIF_DIRTY_JOB_IO_BOUND : 0},
    ANYSOCK_FUNCTIONS
    {"watched", 1, nif_watched, 0},
    {"select", 1, nif_select, 0},
};

ERL_NIF_INIT(anysock, functions, load, NULL, NULL, NULL)
