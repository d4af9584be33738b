/*
 * What the files of anysock._fast share: the library's functions and numbers, and the objects that one file makes and
 * another looks into. Not here: anything that runs.
 */
#ifndef ANYSOCK_FAST_H
#define ANYSOCK_FAST_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <structmember.h>

/* As in anysock.h; the same on every system. */
#define ANYSOCK_EINTR (-4)
#define ANYSOCK_EAGAIN (-11)
#define ANYSOCK_ENOSYS (-38)
#define ANYSOCK_FLAG_DONT_WAIT 8
#define ANYSOCK_OP_READ 4
#define ANYSOCK_OP_WRITE 5
#define ANYSOCK_OP_RECEIVE_FROM 6
#define ANYSOCK_OP_SEND_TO 7
#define ANYSOCK_OP_CANCEL 11
#define ANYSOCK_OP_GIVE 14
#define ANYSOCK_OP_RESOLVE 15
#define ANYSOCK_QUEUE_MULTI 1
#define ANYSOCK_QUEUE_QUIET 2
#define ANYSOCK_QUEUE_MORE 1

/* How large an `anysock_address` is. */
#define ADDRESS 128

/* How many events a run reports at the most: so that replies to the first of many need not wait for the last. */
#define MOST_EVENTS 128

/* `anysock_op` and `anysock_done`. */
typedef struct {
    int64_t token, handle, op, flags, data, length, value, buffer;
} Op;

typedef struct {
    int64_t token, handle, op, flags, result, data, value, buffer;
} Done;

typedef int64_t (*writing)(int64_t, const void *, size_t);

/* The library's functions. Before `bind` they answer that there are none. */
typedef struct {
    int64_t (*read)(int64_t, void *, size_t);
    writing write, write_all;
    int64_t (*recv)(int64_t, void *, size_t, int32_t);
    int64_t (*send)(int64_t, const void *, size_t, int32_t);
    int64_t (*run)(int64_t, const Op *, size_t, Done *, size_t, int64_t);
} Library;

extern Library library;

/* Where CPython keeps the fields of asyncio's `Handle`; 0 of a field that was not found. */
typedef struct {
    Py_ssize_t callback, args, cancelled, loop, context, empty[2];
} Fields;

/* What belongs to one interpreter. */
typedef struct {
    PyTypeObject *collector, *stream, *handle, *timer;
    PyObject *copy_context, *heappop;
    /* Names of methods and attributes, made once. */
    PyObject *name_run, *name_own_run, *name_append, *name_popleft, *name_cancelled, *name_when, *name_scheduled, *name_time;
    Fields fields;
    int knows_handles;
} State;

/* The state of the module that a type, or one of its bases, comes from. */
State *state_of(PyTypeObject *type);

/* Sets `result` to what `call` gives, while other threads may run. */
#define UNLOCKED(result, call)                       \
    do {                                             \
        PyThreadState *saved = PyEval_SaveThread();  \
        (result) = (call);                           \
        PyEval_RestoreThread(saved);                 \
    } while (0)

/* Of the cycle collector's visits and clearings. */
#define VISIT_TYPE(object) Py_VISIT(Py_TYPE(object))

typedef struct Stream Stream;

/* An operation that goes on: what its events are for. A token is a place, and how often it was taken. */
typedef struct {
    PyObject *target;
    uint32_t turn, next_free;
} Place;

/* Bytes that go by a call of their own, and how many have gone, or the error. */
typedef struct {
    Stream *stream;
    const char *data;
    int64_t length, sent;
} Direct;

/* The batch queue, with what is wanted of it and what it has reported. */
typedef struct {
    PyObject_HEAD
    int64_t queue;
    State *state;
    /* What is wanted, and what it points at until it is handed over. */
    Op *ops;
    PyObject **kept;
    size_t op_count, op_room, kept_count, kept_room;
    /* Streams that have something to write. */
    Stream **listed;
    size_t listed_count, listed_room;
    Direct *direct;
    size_t direct_count, direct_room;
    Place *places;
    size_t place_room;
    uint32_t place_count, first_free;
    /* Whether the queue's engine makes one system call of many writes. */
    char gathers;
    char is_running;
    /* How many events there are, and how many of them were told. */
    int64_t count, told;
    Done done[MOST_EVENTS];
} Collector;

/* The quick half of a transport. */
struct Stream {
    PyObject_HEAD
    Collector *collector;
    /* The transport, for all that is not the usual case. */
    PyObject *owner;
    /* The context's `run`, and what it is to call. */
    PyObject *run, *data_received, *get_buffer, *buffer_updated;
    /* None, bytes, or a list of them. */
    PyObject *unsent;
    int64_t handle, write_token;
    Py_ssize_t size, high_water;
    /* Whether what comes goes straight to the protocol, what is written straight into `unsent`; whether the transport
     * wants to hear of writes that have ended; whether the connection is lost. */
    char reads, writes, tells, is_lost;
    char is_listed;
};

/* _fast.c */
PyObject *in_python(PyObject *self, const char *name, PyObject *const *args, Py_ssize_t count, PyObject *keywords);
/* The exception that is there, taken; NULL, and it stays, if it is one that ends a loop. */
PyObject *take_exception(void);

/* queue.c */
extern PyType_Spec collector_spec;
int64_t want(Collector *self, PyObject *target, Op op);
int list_stream(Collector *self, Stream *stream);
int run_queue(Collector *self, int64_t limit);
int tell(Collector *self);

/* stream.c */
extern PyType_Spec stream_spec;
PyObject *take_unsent(Stream *self);
int stream_came(Stream *self, const Done *done);
PyObject *stream_target(Stream *self, const Done *done);
int stream_failed(Stream *self, int64_t result);

/* loop.c */
extern PyType_Spec core_spec;
PyObject *prepare(PyObject *module, PyObject *args);

#endif
