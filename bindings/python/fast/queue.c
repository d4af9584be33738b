/*
 * The batch queue: what is wanted is collected, one call hands it over and brings back what happened. Bytes of a few streams
 * go by a call each before that, which needs no event.
 *
 * Not here: what is done with what has happened (stream.c), and when the queue is run (loop.c).
 */
#include "fast.h"

/* So many writes are cheaper one by one; the library's engine would not gather them either. */
#define FEW 4

/* No result of the library's: the queue was not run. */
#define NOT_WHOLE INT64_MIN

#define NO_PLACE UINT32_MAX

/* The array with room for one more, perhaps moved; NULL if there is no memory, and then it is as it was. */
static void *with_room(void *array, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return array;
    size_t more = *room ? 2 * *room : 64;
    void *larger = PyMem_Realloc(array, more * size);
    if (larger == NULL)
        return PyErr_NoMemory();
    *room = more;
    return larger;
}

static int add_op(Collector *self, Op op)
{
    Op *ops = with_room(self->ops, &self->op_room, self->op_count, sizeof *ops);
    if (ops == NULL)
        return 0;
    self->ops = ops;
    ops[self->op_count++] = op;
    return 1;
}

static int keep(Collector *self, PyObject *object)
{
    PyObject **kept = with_room(self->kept, &self->kept_room, self->kept_count, sizeof *kept);
    if (kept == NULL)
        return 0;
    self->kept = kept;
    kept[self->kept_count++] = Py_NewRef(object);
    return 1;
}

/* A token for a target; 0 if there is no memory. */
static int64_t take_place(Collector *self, PyObject *target)
{
    uint32_t at = self->first_free;
    if (at != NO_PLACE) {
        self->first_free = self->places[at].next_free;
    } else {
        Place *places = with_room(self->places, &self->place_room, self->place_count, sizeof *places);
        if (places == NULL)
            return 0;
        self->places = places;
        at = self->place_count++;
        self->places[at].turn = 0;
    }
    Place *place = &self->places[at];
    place->turn = (place->turn + 1) & INT32_MAX;
    place->target = Py_NewRef(target);
    return ((int64_t)place->turn << 32 | at) + 1;
}

/* What an event is for, as a new reference; the operation is forgotten if this is its last. NULL if nobody waits for it. */
static PyObject *target_of(Collector *self, int64_t token, int is_last)
{
    uint32_t at = (uint32_t)((token - 1) & UINT32_MAX);
    if (token == 0 || at >= self->place_count)
        return NULL;
    Place *place = &self->places[at];
    if (place->target == NULL || place->turn != (uint32_t)((token - 1) >> 32))
        return NULL;
    if (!is_last)
        return Py_NewRef(place->target);
    PyObject *target = place->target;
    place->target = NULL;
    place->next_free = self->first_free;
    self->first_free = at;
    return target;
}

/* Wants an operation; its token, or 0 if there is no memory. */
int64_t want(Collector *self, PyObject *target, Op op)
{
    op.token = take_place(self, target);
    if (op.token != 0 && !add_op(self, op)) {
        Py_XDECREF(target_of(self, op.token, 1));
        return 0;
    }
    return op.token;
}

static PyObject *wanted(Collector *self, PyObject *target, Op op)
{
    int64_t token = want(self, target, op);
    return token == 0 ? NULL : PyLong_FromLongLong(token);
}

static PyObject *collector_want(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    int64_t numbers[6] = {0};
    if (count < 3 || count > 7) {
        PyErr_Format(PyExc_TypeError, "want() takes 3 to 7 arguments (%zd given)", count);
        return NULL;
    }
    for (Py_ssize_t i = 1; i < count; i++)
        numbers[i - 1] = PyLong_AsLongLong(args[i]);
    if (PyErr_Occurred())
        return NULL;
    return wanted((Collector *)object, args[0],
                  (Op){.handle = numbers[0], .op = numbers[1], .flags = numbers[2], .data = numbers[3], .length = numbers[4],
                       .value = numbers[5]});
}

static PyObject *collector_send(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    Collector *self = (Collector *)object;
    PyObject *address = count == 4 && args[3] != Py_None ? args[3] : NULL;
    if (count < 3 || count > 4 || !PyBytes_Check(args[2]) || (address != NULL && !PyBytes_Check(address))) {
        PyErr_SetString(PyExc_TypeError, "send() takes a target, a handle, bytes, and perhaps an address as bytes");
        return NULL;
    }
    if (address != NULL && PyBytes_Size(address) != ADDRESS) {
        PyErr_SetString(PyExc_ValueError, "no flat address");
        return NULL;
    }
    int64_t handle = PyLong_AsLongLong(args[1]);
    if ((handle == -1 && PyErr_Occurred()) || !keep(self, args[2]) || (address != NULL && !keep(self, address)))
        return NULL;
    Op op = {.handle = handle, .op = ANYSOCK_OP_WRITE, .data = (int64_t)(intptr_t)PyBytes_AsString(args[2]),
             .length = PyBytes_Size(args[2])};
    if (address != NULL) {
        op.op = ANYSOCK_OP_SEND_TO;
        op.value = (int64_t)(intptr_t)PyBytes_AsString(address);
    }
    return wanted(self, args[0], op);
}

static PyObject *collector_resolve(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    Collector *self = (Collector *)object;
    char *kind, *text;
    if (count != 3) {
        PyErr_Format(PyExc_TypeError, "resolve() takes 3 arguments (%zd given)", count);
        return NULL;
    }
    /* Without a length, these refuse what holds a NUL. */
    if (PyBytes_AsStringAndSize(args[1], &kind, NULL) < 0 || PyBytes_AsStringAndSize(args[2], &text, NULL) < 0)
        return NULL;
    if (!keep(self, args[1]) || !keep(self, args[2]))
        return NULL;
    return wanted(self, args[0],
                  (Op){.op = ANYSOCK_OP_RESOLVE, .data = (int64_t)(intptr_t)text, .value = (int64_t)(intptr_t)kind});
}

static PyObject *collector_cancel(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_Format(PyExc_TypeError, "cancel() takes 2 arguments (%zd given)", count);
        return NULL;
    }
    int64_t token = PyLong_AsLongLong(args[0]), handle = PyLong_AsLongLong(args[1]);
    if (PyErr_Occurred())
        return NULL;
    Op op = {.handle = handle, .op = ANYSOCK_OP_CANCEL, .flags = ANYSOCK_QUEUE_QUIET, .value = token};
    if (!add_op((Collector *)object, op))
        return NULL;
    Py_RETURN_NONE;
}

/* An event as a tuple: target, flags, result, the bytes that came or None, and their sender or the event's value. */
static PyObject *event(PyObject *target, const Done *done)
{
    PyObject *data = NULL, *more = NULL;
    if (done->buffer == 0)
        data = Py_NewRef(Py_None);
    else
        data = PyBytes_FromStringAndSize((const char *)(intptr_t)done->data, done->result > 0 ? done->result : 0);
    if (done->op == ANYSOCK_OP_RECEIVE_FROM && done->buffer != 0)
        more = PyBytes_FromStringAndSize((const char *)(intptr_t)done->value, ADDRESS);
    else
        more = PyLong_FromLongLong(done->value);
    PyObject *tuple = data == NULL || more == NULL ? NULL : PyTuple_New(5);
    PyObject *flags = tuple == NULL ? NULL : PyLong_FromLongLong(done->flags);
    PyObject *result = flags == NULL ? NULL : PyLong_FromLongLong(done->result);
    if (result == NULL) {
        Py_XDECREF(flags);
        Py_XDECREF(tuple);
        Py_XDECREF(data);
        Py_XDECREF(more);
        return NULL;
    }
    PyTuple_SetItem(tuple, 0, Py_NewRef(target));
    PyTuple_SetItem(tuple, 1, flags);
    PyTuple_SetItem(tuple, 2, result);
    PyTuple_SetItem(tuple, 3, data);
    PyTuple_SetItem(tuple, 4, more);
    return tuple;
}

static int give_back(Collector *self, const Done *done)
{
    return done->buffer == 0 || add_op(self, (Op){.op = ANYSOCK_OP_GIVE, .buffer = done->buffer});
}

/* The target of the next event that was not told, as a new reference; NULL if nobody waits for it. */
static PyObject *next_target(Collector *self, const Done *done)
{
    self->told++;
    return target_of(self, done->token, !(done->flags & ANYSOCK_QUEUE_MORE));
}

static PyObject *callable(Collector *self, PyObject *target, const Done *done)
{
    return Py_IS_TYPE(target, self->state->stream) ? stream_target((Stream *)target, done) : Py_NewRef(target);
}

/* All events that were not told, as tuples, and their buffers given back. */
static PyObject *events(Collector *self)
{
    PyObject *list = PyList_New(0);
    while (self->told < self->count) {
        const Done *done = &self->done[self->told];
        PyObject *target = next_target(self, done);
        PyObject *called = list == NULL || target == NULL ? NULL : callable(self, target, done);
        PyObject *tuple = called == NULL ? NULL : event(called, done);
        /* Without memory for one of them the others would be lost as well: whoever waits for it must hear of that. */
        if ((tuple == NULL && PyErr_Occurred()) || (tuple != NULL && PyList_Append(list, tuple) < 0))
            Py_CLEAR(list);
        Py_XDECREF(tuple);
        Py_XDECREF(called);
        Py_XDECREF(target);
        if (!give_back(self, done))
            Py_CLEAR(list);
    }
    return list;
}

/* Calls a target that is no stream; 0 after an exception. */
static int call_target(PyObject *target, const Done *done)
{
    PyObject *arguments = event(target, done), *rest = NULL, *result = NULL;
    if (arguments != NULL)
        rest = PyTuple_GetSlice(arguments, 1, PyTuple_Size(arguments));
    if (rest != NULL)
        result = PyObject_Call(target, rest, NULL);
    Py_XDECREF(result);
    Py_XDECREF(rest);
    Py_XDECREF(arguments);
    return result != NULL;
}

/* Calls what the next event is for, which `target` is then; 0 after an exception. */
static int tell_next(Collector *self, PyObject **target)
{
    /* While it is told, a nested run may put others in its place. */
    Done done = self->done[self->told];
    int works = 1;
    *target = next_target(self, &done);
    if (*target != NULL && Py_IS_TYPE(*target, self->state->stream))
        works = stream_came((Stream *)*target, &done);
    else if (*target != NULL)
        works = call_target(*target, &done);
    return give_back(self, &done) && works;
}

/* Tells all events, up to one whose exception ends the loop; of other exceptions the loop hears. */
int tell(Collector *self)
{
    int works = 1;
    while (works && self->told < self->count) {
        PyObject *target, *error, *result = NULL;
        works = tell_next(self, &target);
        if (!works && (error = take_exception()) != NULL) {
            result = PyObject_CallMethod((PyObject *)self, "_told_badly", "OO", target == NULL ? Py_None : target, error);
            works = result != NULL;
            Py_DECREF(error);
        }
        Py_XDECREF(result);
        Py_XDECREF(target);
    }
    return works;
}

static void drop(PyObject **kept, size_t count)
{
    for (size_t i = 0; i < count; i++)
        Py_DECREF(kept[i]);
}

/* Streams */

/* Notes that a stream has something to write. */
int list_stream(Collector *self, Stream *stream)
{
    if (stream->is_listed || stream->write_token != 0)
        return 1;
    Stream **listed = with_room(self->listed, &self->listed_room, self->listed_count, sizeof *listed);
    if (listed == NULL)
        return 0;
    self->listed = listed;
    Py_INCREF((PyObject *)stream);
    listed[self->listed_count++] = stream;
    stream->is_listed = 1;
    return 1;
}

static int write_by_queue(Collector *self, Stream *stream, const char *data, int64_t length)
{
    Op op = {.handle = stream->handle, .op = ANYSOCK_OP_WRITE, .data = (int64_t)(intptr_t)data, .length = length};
    stream->write_token = want(self, (PyObject *)stream, op);
    return stream->write_token != 0;
}

static int write_directly(Collector *self, Stream *stream, const char *data, int64_t length)
{
    Direct *direct = with_room(self->direct, &self->direct_room, self->direct_count, sizeof *direct);
    if (direct == NULL)
        return 0;
    self->direct = direct;
    Py_INCREF((PyObject *)stream);
    direct[self->direct_count++] = (Direct){stream, data, length, 0};
    return 1;
}

static int flush_stream(Collector *self, Stream *stream, int directly)
{
    PyObject *data = take_unsent(stream);
    if (data == NULL)
        return !PyErr_Occurred();
    int is_kept = keep(self, data);
    Py_DECREF(data);
    if (!is_kept)
        return 0;
    const char *bytes = PyBytes_AsString(data);
    int64_t length = PyBytes_Size(data);
    /* Who wants to hear of the end hears of it by an event. */
    if (directly && !stream->tells)
        return write_directly(self, stream, bytes, length);
    return write_by_queue(self, stream, bytes, length);
}

/* What streams have to write becomes operations, or calls that are made before the queue runs. */
static int flush(Collector *self)
{
    int directly = !self->gathers || self->listed_count <= FEW, works = 1;
    while (works && self->listed_count > 0) {
        Stream *stream = self->listed[--self->listed_count];
        stream->is_listed = 0;
        works = flush_stream(self, stream, directly);
        Py_DECREF((PyObject *)stream);
    }
    return works;
}

/* Runs without the interpreter's lock. Whether all bytes of all writes have gone. */
static int send_directly(Collector *self)
{
    int is_whole = 1;
    for (size_t i = 0; i < self->direct_count; i++) {
        Direct *direct = &self->direct[i];
        if (direct->sent == 0)
            direct->sent = library.send(direct->stream->handle, direct->data, (size_t)direct->length, ANYSOCK_FLAG_DONT_WAIT);
        is_whole &= direct->sent == direct->length;
    }
    return is_whole;
}

/* What has not gone is the queue's; what has failed is told. */
static int finish_directly(Collector *self)
{
    int works = 1;
    for (size_t i = 0; i < self->direct_count; i++) {
        Direct *direct = &self->direct[i];
        int64_t sent = direct->sent == ANYSOCK_EAGAIN ? 0 : direct->sent;
        if (sent >= 0)
            direct->stream->size -= sent;
        if (works && sent < 0)
            works = stream_failed(direct->stream, sent);
        else if (works && sent < direct->length)
            works = write_by_queue(self, direct->stream, direct->data + sent, direct->length - sent);
        Py_DECREF((PyObject *)direct->stream);
    }
    self->direct_count = 0;
    return works;
}

/* Running it */

/* What a run takes. */
typedef struct {
    Op *ops;
    PyObject **kept;
    size_t op_count, op_room, kept_count, kept_room;
} Taken;

/* What others want while the queue runs goes elsewhere. */
static Taken take(Collector *self)
{
    Taken taken = {self->ops, self->kept, self->op_count, self->op_room, self->kept_count, self->kept_room};
    self->ops = NULL, self->op_count = self->op_room = 0;
    self->kept = NULL, self->kept_count = self->kept_room = 0;
    return taken;
}

/* The arrays are used again; empty, if the library has taken what was in them. */
static void put_back(Collector *self, Taken taken, int is_done)
{
    if (is_done) {
        drop(taken.kept, taken.kept_count);
        taken.op_count = taken.kept_count = 0;
    }
    if (self->ops == NULL)
        self->ops = taken.ops, self->op_count = taken.op_count, self->op_room = taken.op_room;
    else
        PyMem_Free(taken.ops);
    if (self->kept == NULL) {
        self->kept = taken.kept, self->kept_count = taken.kept_count, self->kept_room = taken.kept_room;
    } else {
        drop(taken.kept, taken.kept_count);
        PyMem_Free(taken.kept);
    }
}

static int64_t send_and_run(Collector *self, const Taken *taken, int64_t limit)
{
    if (!send_directly(self))
        return NOT_WHOLE;
    return library.run(self->queue, taken->ops, taken->op_count, self->done, MOST_EVENTS, limit);
}

/* Hands over what is wanted, and waits. Whether what has happened is to be told; -1 after an exception. */
int run_queue(Collector *self, int64_t limit)
{
    int64_t count = NOT_WHOLE;
    if (self->is_running) {
        PyErr_SetString(PyExc_RuntimeError, "the queue is run by another thread");
        return -1;
    }
    /* What an exception has left comes first. */
    if (self->told < self->count)
        return 1;
    if (!flush(self))
        return -1;
    while (count == NOT_WHOLE) {
        Taken taken = take(self);
        self->is_running = 1;
        UNLOCKED(count, send_and_run(self, &taken, limit));
        self->is_running = 0;
        /* After most errors nothing was taken. */
        put_back(self, taken, count >= 0 || count == ANYSOCK_EINTR);
        if (!finish_directly(self))
            return -1;
        /* A write that has failed has called back, and there may be something to do. */
        if (count == NOT_WHOLE)
            limit = 0;
    }
    self->told = 0, self->count = count > 0 ? count : 0;
    if (count >= 0)
        return 1;
    if (count == ANYSOCK_EINTR)
        return PyErr_CheckSignals() < 0 ? -1 : 1;
    PyObject *result = PyObject_CallMethod((PyObject *)self, "_run_failed", "L", (long long)count);
    Py_XDECREF(result);
    return result == NULL ? -1 : 1;
}

static PyObject *collector_run(PyObject *object, PyObject *timeout)
{
    int64_t limit = PyLong_AsLongLong(timeout);
    if (limit == -1 && PyErr_Occurred())
        return NULL;
    return run_queue((Collector *)object, limit) < 0 ? NULL : events((Collector *)object);
}

static PyObject *collector_serve(PyObject *object, PyObject *args)
{
    Collector *self = (Collector *)object;
    long long queue;
    int gathers;
    if (!PyArg_ParseTuple(args, "Lp", &queue, &gathers))
        return NULL;
    self->queue = queue, self->gathers = (char)gathers;
    Py_RETURN_NONE;
}

static int collector_clear(PyObject *object)
{
    Collector *self = (Collector *)object;
    size_t kept_count = self->kept_count;
    uint32_t place_count = self->place_count;
    self->op_count = self->kept_count = 0;
    self->place_count = 0, self->first_free = NO_PLACE;
    self->count = self->told = 0;
    drop(self->kept, kept_count);
    while (self->listed_count > 0) {
        Stream *stream = self->listed[--self->listed_count];
        stream->is_listed = 0;
        Py_DECREF((PyObject *)stream);
    }
    /* What these free may come back here, and finds nothing. */
    for (uint32_t at = 0; at < place_count; at++)
        Py_CLEAR(self->places[at].target);
    return 0;
}

static PyObject *collector_forget(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    collector_clear(object);
    Py_RETURN_NONE;
}

static int collector_traverse(PyObject *object, visitproc visit, void *arg)
{
    Collector *self = (Collector *)object;
    for (size_t i = 0; i < self->kept_count; i++)
        Py_VISIT(self->kept[i]);
    for (uint32_t at = 0; at < self->place_count; at++)
        Py_VISIT(self->places[at].target);
    for (size_t i = 0; i < self->listed_count; i++)
        Py_VISIT(self->listed[i]);
    VISIT_TYPE(object);
    return 0;
}

static void collector_dealloc(PyObject *object)
{
    Collector *self = (Collector *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    collector_clear(object);
    PyMem_Free(self->ops);
    PyMem_Free(self->kept);
    PyMem_Free(self->places);
    PyMem_Free(self->listed);
    PyMem_Free(self->direct);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

static PyObject *collector_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    (void)args, (void)keywords;
    PyObject *object = ((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (object == NULL)
        return NULL;
    ((Collector *)object)->first_free = NO_PLACE;
    ((Collector *)object)->state = state_of(type);
    return object;
}

static PyMethodDef collector_methods[] = {
    {"want", (PyCFunction)(void (*)(void))collector_want, METH_FASTCALL,
     "want(target, handle, op, flags, data, length, value): wants an operation; its number."},
    {"send", (PyCFunction)(void (*)(void))collector_send, METH_FASTCALL,
     "send(target, handle, data, address): wants bytes to be written, or sent to an address."},
    {"resolve", (PyCFunction)(void (*)(void))collector_resolve, METH_FASTCALL,
     "resolve(target, kind, text): wants the addresses of a name."},
    {"cancel", (PyCFunction)(void (*)(void))collector_cancel, METH_FASTCALL, "cancel(number, handle): ends an operation."},
    {"run", collector_run, METH_O, "run(microseconds): hands over what is wanted, waits, and tells what has happened."},
    {"_serve", collector_serve, METH_VARARGS, "Says which queue it is for, and whether that gathers writes."},
    {"_forget", collector_forget, METH_NOARGS, "Forgets all operations."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot collector_slots[] = {
    {Py_tp_doc, "Collects what is wanted of a queue."},
    {Py_tp_new, collector_new},
    {Py_tp_dealloc, collector_dealloc},
    {Py_tp_traverse, collector_traverse},
    {Py_tp_clear, collector_clear},
    {Py_tp_methods, collector_methods},
    {0, NULL},
};

PyType_Spec collector_spec = {
    .name = "anysock._fast.Collector",
    .basicsize = sizeof(Collector),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = collector_slots,
};

