/*
 * The quick half of a transport: bytes that come go to the protocol, bytes that are written wait for the end of the turn.
 *
 * Not here: everything that is not the usual case, which methods of the transport do (_loop/streams.py).
 */
#include "fast.h"
#include <string.h>

/* Calls a method of the transport; 0 after an exception. */
static int ask_owner(Stream *self, const char *name, const char *format, ...)
{
    if (self->owner == NULL)
        return 1;
    va_list list;
    va_start(list, format);
    PyObject *arguments = Py_VaBuildValue(format, list);
    va_end(list);
    PyObject *method = arguments == NULL ? NULL : PyObject_GetAttrString(self->owner, name);
    PyObject *result = method == NULL ? NULL : PyObject_Call(method, arguments, NULL);
    Py_XDECREF(arguments);
    Py_XDECREF(method);
    Py_XDECREF(result);
    return result != NULL;
}

/* After an exception of the protocol's: the transport hears of it. 0 if it ends the loop. */
static int protocol_failed(Stream *self, const char *name)
{
    PyObject *error = take_exception();
    if (error == NULL)
        return 0;
    int works = ask_owner(self, "_protocol_failed", "(Os)", error, name);
    Py_DECREF(error);
    return works;
}

/* What comes */

static PyObject *bytes_of(const Done *done)
{
    return PyBytes_FromStringAndSize((const char *)(intptr_t)done->data, (Py_ssize_t)done->result);
}

static int deliver(Stream *self, const Done *done)
{
    PyObject *data = bytes_of(done);
    if (data == NULL)
        return 0;
    PyObject *run = Py_NewRef(self->run), *called = Py_NewRef(self->data_received);
    PyObject *result = PyObject_CallFunctionObjArgs(run, called, data, NULL);
    Py_DECREF(run);
    Py_DECREF(called);
    Py_DECREF(data);
    Py_XDECREF(result);
    return result != NULL || protocol_failed(self, "data_received");
}

/* Fills one of the protocol's own buffers; how much, 0 if the transport has heard of an error, -1 after an exception. */
static Py_ssize_t fill_one(Stream *self, const char *data, Py_ssize_t length)
{
    PyObject *hint = PyLong_FromSsize_t(length);
    PyObject *buffer = hint == NULL ? NULL : PyObject_CallFunctionObjArgs(self->run, self->get_buffer, hint, NULL);
    Py_XDECREF(hint);
    Py_buffer view;
    if (buffer == NULL)
        return protocol_failed(self, "get_buffer") ? 0 : -1;
    int has_room = PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE) == 0;
    Py_DECREF(buffer);
    if (!has_room)
        return protocol_failed(self, "get_buffer") ? 0 : -1;
    Py_ssize_t size = view.len < length ? view.len : length;
    memcpy(view.buf, data, (size_t)size);
    PyBuffer_Release(&view);
    if (size == 0)
        return ask_owner(self, "_no_room", "()") ? 0 : -1;
    PyObject *count = PyLong_FromSsize_t(size);
    PyObject *result = count == NULL ? NULL : PyObject_CallFunctionObjArgs(self->run, self->buffer_updated, count, NULL);
    Py_XDECREF(count);
    Py_XDECREF(result);
    if (result == NULL)
        return protocol_failed(self, "buffer_updated") ? 0 : -1;
    return size;
}

static int fill(Stream *self, const Done *done)
{
    const char *data = (const char *)(intptr_t)done->data;
    Py_ssize_t rest = (Py_ssize_t)done->result;
    /* The protocol may be another by then, one that takes bytes. */
    while (rest > 0 && !self->is_lost && self->get_buffer != NULL) {
        Py_ssize_t size = fill_one(self, data, rest);
        if (size <= 0)
            return size == 0;
        data += size, rest -= size;
    }
    if (rest == 0 || self->is_lost || self->data_received == NULL)
        return 1;
    Done left = {.data = (int64_t)(intptr_t)data, .result = rest};
    return deliver(self, &left);
}

static int ask_about(Stream *self, const char *name, const Done *done)
{
    PyObject *data = done->buffer == 0 ? Py_NewRef(Py_None) : bytes_of(done);
    if (data == NULL)
        return 0;
    return ask_owner(self, name, "(LLNL)", (long long)done->flags, (long long)done->result, data, (long long)done->value);
}

static int written(Stream *self, const Done *done)
{
    if (done->result < 0 || self->is_lost)
        return ask_about(self, "_written", done);
    self->write_token = 0;
    self->size -= (Py_ssize_t)done->result;
    if (self->unsent != NULL && !list_stream(self->collector, self))
        return 0;
    return !self->tells || ask_owner(self, "_progress", "()");
}

/* What the queue has to say of the stream; 0 after an exception. */
int stream_came(Stream *self, const Done *done)
{
    if (done->op == ANYSOCK_OP_WRITE)
        return written(self, done);
    if (done->result <= 0 || !self->reads || self->run == NULL)
        return ask_about(self, "_read", done);
    return self->get_buffer == NULL ? deliver(self, done) : fill(self, done);
}

/* The method of the transport that is called with an event, for who calls by himself; NULL if there is no transport. */
PyObject *stream_target(Stream *self, const Done *done)
{
    const char *name = done->op == ANYSOCK_OP_WRITE ? "_written" : "_read";
    return self->owner == NULL ? NULL : PyObject_GetAttrString(self->owner, name);
}

/* A write that was made at once has failed. */
int stream_failed(Stream *self, int64_t result)
{
    return ask_owner(self, "_written", "(iLOi)", 0, (long long)result, Py_None, 0);
}

/* Writing */

/* All that waits, as bytes, which is nobody else's any more; NULL if there is nothing, or after an exception. */
PyObject *take_unsent(Stream *self)
{
    PyObject *unsent = self->unsent;
    self->unsent = NULL;
    if (unsent == NULL || PyBytes_CheckExact(unsent))
        return unsent;
    PyObject *nothing = PyBytes_FromStringAndSize(NULL, 0);
    PyObject *joined = nothing == NULL ? NULL : PyObject_CallMethod(nothing, "join", "O", unsent);
    Py_XDECREF(nothing);
    Py_DECREF(unsent);
    return joined;
}

static int append(Stream *self, PyObject *data)
{
    if (self->unsent == NULL) {
        self->unsent = Py_NewRef(data);
        return 1;
    }
    if (PyBytes_CheckExact(self->unsent)) {
        PyObject *list = PyList_New(1);
        if (list == NULL)
            return 0;
        PyList_SetItem(list, 0, self->unsent);
        self->unsent = list;
    }
    return PyList_Append(self->unsent, data) == 0;
}

static PyObject *stream_write(PyObject *object, PyObject *data)
{
    Stream *self = (Stream *)object;
    if (!self->writes || !PyBytes_CheckExact(data)) {
        if (self->owner == NULL)
            Py_RETURN_NONE;
        return PyObject_CallMethod(self->owner, "_write_any", "O", data);
    }
    Py_ssize_t length = PyBytes_Size(data);
    if (length == 0)
        Py_RETURN_NONE;
    if (!append(self, data))
        return NULL;
    self->size += length;
    if (self->size > self->high_water && !ask_owner(self, "_write_much", "()"))
        return NULL;
    if (self->unsent != NULL && !list_stream(self->collector, self))
        return NULL;
    Py_RETURN_NONE;
}

/* For the transport */

static PyObject *stream_read(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    Stream *self = (Stream *)object;
    int64_t token = want(self->collector, object,
                         (Op){.handle = self->handle, .op = ANYSOCK_OP_READ, .flags = ANYSOCK_QUEUE_MULTI});
    return token == 0 ? NULL : PyLong_FromLongLong(token);
}

static PyObject *stream_list(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    Stream *self = (Stream *)object;
    if (self->unsent != NULL && !list_stream(self->collector, self))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *stream_take(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    PyObject *data = take_unsent((Stream *)object);
    return data != NULL || PyErr_Occurred() ? data : PyBytes_FromStringAndSize(NULL, 0);
}

static PyObject *stream_put(PyObject *object, PyObject *data)
{
    Stream *self = (Stream *)object;
    if (!PyBytes_CheckExact(data)) {
        PyErr_SetString(PyExc_TypeError, "put() takes bytes");
        return NULL;
    }
    if (PyBytes_Size(data) > 0 && !append(self, data))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *or_null(PyObject *object)
{
    return object == Py_None ? NULL : Py_NewRef(object);
}

static void replace(PyObject **place, PyObject *object)
{
    PyObject *before = *place;
    *place = object;
    Py_XDECREF(before);
}

static PyObject *stream_give_to(PyObject *object, PyObject *args)
{
    Stream *self = (Stream *)object;
    PyObject *data_received, *get_buffer, *buffer_updated;
    if (!PyArg_ParseTuple(args, "OOO", &data_received, &get_buffer, &buffer_updated))
        return NULL;
    replace(&self->data_received, or_null(data_received));
    replace(&self->get_buffer, or_null(get_buffer));
    replace(&self->buffer_updated, or_null(buffer_updated));
    Py_RETURN_NONE;
}

static int stream_clear(PyObject *object)
{
    Stream *self = (Stream *)object;
    self->reads = self->writes = 0;
    Py_CLEAR(self->owner);
    Py_CLEAR(self->run);
    Py_CLEAR(self->data_received);
    Py_CLEAR(self->get_buffer);
    Py_CLEAR(self->buffer_updated);
    Py_CLEAR(self->unsent);
    return 0;
}

static PyObject *stream_end(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    stream_clear(object);
    Py_RETURN_NONE;
}

static int stream_traverse(PyObject *object, visitproc visit, void *arg)
{
    Stream *self = (Stream *)object;
    Py_VISIT(self->collector);
    Py_VISIT(self->owner);
    Py_VISIT(self->run);
    Py_VISIT(self->data_received);
    Py_VISIT(self->get_buffer);
    Py_VISIT(self->buffer_updated);
    Py_VISIT(self->unsent);
    VISIT_TYPE(object);
    return 0;
}

static void stream_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    stream_clear(object);
    Py_CLEAR(((Stream *)object)->collector);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

static PyObject *stream_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    (void)keywords;
    PyObject *collector, *owner, *run;
    long long handle;
    if (!PyArg_ParseTuple(args, "OOLO", &collector, &owner, &handle, &run))
        return NULL;
    State *state = state_of(type);
    int fits = state == NULL ? -1 : PyObject_IsInstance(collector, (PyObject *)state->collector);
    if (fits <= 0) {
        if (fits == 0)
            PyErr_SetString(PyExc_TypeError, "a stream belongs to a Collector");
        return NULL;
    }
    PyObject *object = ((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (object == NULL)
        return NULL;
    Stream *self = (Stream *)object;
    self->collector = (Collector *)Py_NewRef(collector);
    self->owner = Py_NewRef(owner), self->run = Py_NewRef(run);
    self->handle = handle;
    return object;
}

static PyMemberDef stream_members[] = {
    {"size", T_PYSSIZET, offsetof(Stream, size), 0, "How much was written and is not the system's yet."},
    {"high_water", T_PYSSIZET, offsetof(Stream, high_water), 0, "With more than that, the transport is asked."},
    {"writing", T_LONGLONG, offsetof(Stream, write_token), 0, "The number of the write that is under way, or 0."},
    {"reads", T_BOOL, offsetof(Stream, reads), 0, "Whether what comes goes straight to the protocol."},
    {"writes", T_BOOL, offsetof(Stream, writes), 0, "Whether what is written is the usual case."},
    {"tells", T_BOOL, offsetof(Stream, tells), 0, "Whether the transport hears of every write that has ended."},
    {"is_lost", T_BOOL, offsetof(Stream, is_lost), 0, "Whether the connection is."},
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef stream_methods[] = {
    {"write", stream_write, METH_O, "Writes bytes, which go at the end of the turn."},
    {"read", stream_read, METH_NOARGS, "Wants what comes; the number of the operation."},
    {"list", stream_list, METH_NOARGS, "What waits goes at the end of the turn."},
    {"take", stream_take, METH_NOARGS, "Takes all that waits."},
    {"put", stream_put, METH_O, "Puts bytes at the end of what waits, and does nothing else."},
    {"give_to", stream_give_to, METH_VARARGS, "Says what is called with what comes."},
    {"end", stream_end, METH_NOARGS, "Forgets the transport and the protocol."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot stream_slots[] = {
    {Py_tp_doc, "Stream(collector, transport, handle, run): the quick half of a transport."},
    {Py_tp_new, stream_new},
    {Py_tp_dealloc, stream_dealloc},
    {Py_tp_traverse, stream_traverse},
    {Py_tp_clear, stream_clear},
    {Py_tp_members, stream_members},
    {Py_tp_methods, stream_methods},
    {0, NULL},
};

PyType_Spec stream_spec = {
    .name = "anysock._fast.Stream",
    .basicsize = sizeof(Stream),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = stream_slots,
};
