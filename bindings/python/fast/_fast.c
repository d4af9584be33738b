/*
 * anysock._fast: what the Python package does all the time, without ctypes and frames of Python's in between. In this file the
 * module, and sockets; for the event loop there are queue.c, stream.c and loop.c.
 *
 * It knows the library by addresses that the package tells (`bind`), so that it is linked with nothing, and keeps objects of
 * Python's in its module's state alone: any interpreter of the process may use it. What is not the usual case (flags, errors,
 * signals) is left to methods in Python (_std/base.py). Written for CPython's stable interface as of 3.11.
 *
 * Not here: what a call means, how it goes on after a signal, and every call that is rare (ctypes).
 */
#include "fast.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

/* What is received goes here first if it fits, so that the bytes object is made when its length is known. */
#define ROOM 16384

/* The clock of time.monotonic. */
#ifdef __APPLE__
#define CLOCK CLOCK_UPTIME_RAW
#else
#define CLOCK CLOCK_MONOTONIC
#endif

static int64_t no_read(int64_t h, void *data, size_t length)
{
    (void)h, (void)data, (void)length;
    return ANYSOCK_ENOSYS;
}

static int64_t no_write(int64_t h, const void *data, size_t length)
{
    (void)h, (void)data, (void)length;
    return ANYSOCK_ENOSYS;
}

static int64_t no_recv(int64_t h, void *data, size_t length, int32_t flags)
{
    (void)flags;
    return no_read(h, data, length);
}

static int64_t no_send(int64_t h, const void *data, size_t length, int32_t flags)
{
    (void)flags;
    return no_write(h, data, length);
}

static int64_t no_run(int64_t q, const Op *ops, size_t count, Done *done, size_t capacity, int64_t timeout_us)
{
    (void)q, (void)ops, (void)count, (void)done, (void)capacity, (void)timeout_us;
    return ANYSOCK_ENOSYS;
}

Library library = {no_read, no_write, no_write, no_recv, no_send, no_run};

static const struct {
    const char *name;
    void *place;
} FUNCTIONS[] = {
    {"anysock_read", &library.read},   {"anysock_write", &library.write}, {"anysock_write_all", &library.write_all},
    {"anysock_recv", &library.recv},   {"anysock_send", &library.send},   {"anysock_queue_run", &library.run},
};

static PyObject *bind(PyObject *module, PyObject *address_of)
{
    (void)module;
    for (size_t i = 0; i < sizeof FUNCTIONS / sizeof *FUNCTIONS; i++) {
        PyObject *address = PyObject_CallFunction(address_of, "s", FUNCTIONS[i].name);
        void *function = address == NULL ? NULL : PyLong_AsVoidPtr(address);
        Py_XDECREF(address);
        if (PyErr_Occurred())
            return NULL;
        /* Another interpreter may have told it before, and be at work. */
        if (memcmp(FUNCTIONS[i].place, &function, sizeof function) != 0)
            memcpy(FUNCTIONS[i].place, &function, sizeof function);
    }
    Py_RETURN_NONE;
}

/* What a call has received, in memory that is `room` or the bytes object `data`, which this takes. */
static PyObject *received(PyObject *data, const char *room, int64_t count, Py_ssize_t size)
{
    /* Of a datagram that was cut, the count may be its real length. */
    Py_ssize_t length = count < size ? (Py_ssize_t)count : size;
    if (data != NULL && length == size)
        return data;
    PyObject *result = PyBytes_FromStringAndSize(data == NULL ? room : PyBytes_AsString(data), length);
    Py_XDECREF(data);
    return result;
}

/* Sockets */

/* What a method here needs of a socket; the rest is in classes on top. */
typedef struct {
    PyObject_HEAD
    int64_t handle;
    /* Whether its calls may wait for a limited time. */
    char timed;
} Quick;

static PyMemberDef quick_members[] = {
    {"_handle", T_LONGLONG, offsetof(Quick, handle), READONLY, NULL},
    {"_timed", T_BOOL, offsetof(Quick, timed), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

/* The same call in Python, for arguments of every kind. */
PyObject *in_python(PyObject *self, const char *name, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    PyObject *method = PyObject_GetAttrString(self, name), *named = NULL, *result = NULL;
    PyObject *positional = PyTuple_New(count);
    if (method == NULL || positional == NULL)
        goto done;
    for (Py_ssize_t i = 0; i < count; i++)
        PyTuple_SetItem(positional, i, Py_NewRef(args[i]));
    if (keywords != NULL) {
        named = PyDict_New();
        if (named == NULL)
            goto done;
        for (Py_ssize_t i = 0; i < PyTuple_Size(keywords); i++)
            if (PyDict_SetItem(named, PyTuple_GetItem(keywords, i), args[count + i]) < 0)
                goto done;
    }
    result = PyObject_Call(method, positional, named);
done:
    Py_XDECREF(named);
    Py_XDECREF(positional);
    Py_XDECREF(method);
    return result;
}

PyObject *take_exception(void)
{
    PyObject *type, *value, *traceback;
    if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) || PyErr_ExceptionMatches(PyExc_SystemExit))
        return NULL;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(value, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
}

/* When a call began, if it matters: it may end because its time is over. */
static double begun(const Quick *self)
{
    struct timespec now = {0, 0};
    if (self->timed)
        clock_gettime(CLOCK, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Most often a call fails because it would have to wait. */
static PyObject *would_block(void)
{
    PyObject *text = PyUnicode_DecodeLocale(strerror(EAGAIN), "surrogateescape");
    PyObject *reason = text == NULL ? NULL : Py_BuildValue("(iN)", EAGAIN, text);
    if (reason != NULL)
        PyErr_SetObject(PyExc_BlockingIOError, reason);
    Py_XDECREF(reason);
    return NULL;
}

static PyObject *quick_recv(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    Quick *self = (Quick *)object;
    char room[ROOM];
    Py_ssize_t size = count == 1 && PyLong_CheckExact(args[0]) ? PyLong_AsSsize_t(args[0]) : 0;
    if (size <= 0) {
        /* Among others, a number that is too large. */
        PyErr_Clear();
        return in_python(object, "_recv_any", args, count, NULL);
    }
    PyObject *data = size <= ROOM ? NULL : PyBytes_FromStringAndSize(NULL, size);
    if (data == NULL && size > ROOM)
        return NULL;
    char *memory = data == NULL ? room : PyBytes_AsString(data);
    double started = begun(self);
    int64_t done;
    UNLOCKED(done, library.read(self->handle, memory, (size_t)size));
    if (done >= 0)
        return received(data, room, done, size);
    Py_XDECREF(data);
    if (done == ANYSOCK_EAGAIN)
        return would_block();
    return PyObject_CallMethod(object, "_recv_failed", "Lnd", (long long)done, size, started);
}

static PyObject *quick_recv_into(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    Quick *self = (Quick *)object;
    Py_buffer view;
    int is_usual = count == 1 && keywords == NULL;
    if (!is_usual || PyObject_GetBuffer(args[0], &view, PyBUF_WRITABLE) < 0) {
        /* CPython's socket has other words for memory that won't do. */
        PyErr_Clear();
        return in_python(object, "_recv_into_any", args, count, keywords);
    }
    if (view.len == 0) {
        PyBuffer_Release(&view);
        return in_python(object, "_recv_into_any", args, count, keywords);
    }
    double started = begun(self);
    int64_t done;
    UNLOCKED(done, library.read(self->handle, view.buf, (size_t)view.len));
    PyBuffer_Release(&view);
    if (done >= 0)
        return PyLong_FromLongLong(done);
    if (done == ANYSOCK_EAGAIN)
        return would_block();
    return PyObject_CallMethod(object, "_recv_into_failed", "LOd", (long long)done, args[0], started);
}

/* A write, and how it went; 0 if there was none, because of an exception. */
typedef struct {
    Py_ssize_t length;
    int64_t done;
    double started;
} Written;

static int writes(Written *how, Quick *self, PyObject *data, writing call)
{
    Py_buffer view;
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
        return 0;
    how->length = view.len;
    how->started = begun(self);
    UNLOCKED(how->done, call(self->handle, view.buf, (size_t)view.len));
    PyBuffer_Release(&view);
    return 1;
}

static PyObject *quick_send(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    Written how;
    if (count != 1)
        return in_python(object, "_send_any", args, count, NULL);
    if (!writes(&how, (Quick *)object, args[0], library.write))
        return NULL;
    if (how.done >= 0)
        return PyLong_FromLongLong(how.done);
    if (how.done == ANYSOCK_EAGAIN)
        return would_block();
    return PyObject_CallMethod(object, "_send_failed", "LOd", (long long)how.done, args[0], how.started);
}

static PyObject *quick_sendall(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    Written how;
    if (count != 1)
        return in_python(object, "_sendall_any", args, count, NULL);
    if (!writes(&how, (Quick *)object, args[0], library.write_all))
        return NULL;
    if (how.done == how.length)
        Py_RETURN_NONE;
    return PyObject_CallMethod(object, "_sendall_failed", "LOd", (long long)how.done, args[0], how.started);
}

static PyObject *quick_hold(PyObject *object, PyObject *handle)
{
    int64_t number = PyLong_AsLongLong(handle);
    if (number == -1 && PyErr_Occurred())
        return NULL;
    ((Quick *)object)->handle = number;
    Py_RETURN_NONE;
}

static PyMethodDef quick_methods[] = {
    {"recv", (PyCFunction)(void (*)(void))quick_recv, METH_FASTCALL,
     "What is there, up to so many bytes; empty at the end of the stream."},
    {"recv_into", (PyCFunction)(void (*)(void))quick_recv_into, METH_FASTCALL | METH_KEYWORDS,
     "As `recv`, into a writable buffer; how many bytes."},
    {"send", (PyCFunction)(void (*)(void))quick_send, METH_FASTCALL,
     "Writes what there is room for; how many bytes, at least one. Of a datagram, all."},
    {"sendall", (PyCFunction)(void (*)(void))quick_sendall, METH_FASTCALL,
     "Writes everything, in the time of one timeout. If that fails, nobody knows how much has gone."},
    {"_hold", quick_hold, METH_O, "From now on the calls are for this handle."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot quick_slots[] = {
    {Py_tp_doc, "A handle, and the calls on it that programs make all the time."},
    {Py_tp_members, quick_members},
    {Py_tp_methods, quick_methods},
    {0, NULL},
};

static PyType_Spec quick_spec = {
    .name = "anysock._fast.Quick",
    .basicsize = sizeof(Quick),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = quick_slots,
};

/* Calls on handles: the count, or one of the library's errors. */

static int is_call(PyObject *const *args, Py_ssize_t count, int64_t *handle, int32_t *flags)
{
    if (count != 3) {
        PyErr_Format(PyExc_TypeError, "expected a handle, memory and flags, got %zd arguments", count);
        return 0;
    }
    long number = PyLong_AsLong(args[2]);
    *handle = PyLong_AsLongLong(args[0]);
    if (PyErr_Occurred())
        return 0;
    if (number < INT_MIN || number > INT_MAX) {
        PyErr_SetString(PyExc_OverflowError, "flags do not fit into 32 bits");
        return 0;
    }
    *flags = (int32_t)number;
    return 1;
}

static PyObject *fast_recv(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    int64_t handle, done;
    int32_t flags;
    char room[ROOM];
    if (!is_call(args, count, &handle, &flags))
        return NULL;
    Py_ssize_t size = PyLong_AsSsize_t(args[1]);
    if (size < 0) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "negative size");
        return NULL;
    }
    PyObject *data = size <= ROOM ? NULL : PyBytes_FromStringAndSize(NULL, size);
    if (data == NULL && size > ROOM)
        return NULL;
    char *memory = data == NULL ? room : PyBytes_AsString(data);
    UNLOCKED(done, library.recv(handle, memory, (size_t)size, flags));
    if (done >= 0)
        return received(data, room, done, size);
    Py_XDECREF(data);
    return PyLong_FromLongLong(done);
}

static PyObject *fast_recv_into(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    int64_t handle, done;
    int32_t flags;
    Py_buffer view;
    if (!is_call(args, count, &handle, &flags) || PyObject_GetBuffer(args[1], &view, PyBUF_WRITABLE) < 0)
        return NULL;
    UNLOCKED(done, library.recv(handle, view.buf, (size_t)view.len, flags));
    PyBuffer_Release(&view);
    return PyLong_FromLongLong(done);
}

static PyObject *fast_send(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    int64_t handle, done;
    int32_t flags;
    Py_buffer view;
    if (!is_call(args, count, &handle, &flags) || PyObject_GetBuffer(args[1], &view, PyBUF_SIMPLE) < 0)
        return NULL;
    UNLOCKED(done, library.send(handle, view.buf, (size_t)view.len, flags));
    PyBuffer_Release(&view);
    return PyLong_FromLongLong(done);
}

static PyMethodDef methods[] = {
    {"prepare", prepare, METH_VARARGS,
     "prepare(handle, (callback, args, loop, context), timer, copy_context, heappop): what the loop needs of asyncio's."},
    {"bind", bind, METH_O, "bind(address_of): asks for the addresses of the library's functions, each by its name."},
    {"recv", (PyCFunction)(void (*)(void))fast_recv, METH_FASTCALL, "recv(handle, size, flags): bytes, or an error's number."},
    {"recv_into", (PyCFunction)(void (*)(void))fast_recv_into, METH_FASTCALL,
     "recv_into(handle, buffer, flags): how many bytes, or an error's number."},
    {"send", (PyCFunction)(void (*)(void))fast_send, METH_FASTCALL,
     "send(handle, data, flags): how many bytes, or an error's number."},
    {NULL, NULL, 0, NULL},
};

/* The module */

static int add_type(PyObject *module, PyType_Spec *spec, const char *name, PyTypeObject **place)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    int result = type == NULL ? -1 : PyModule_AddObjectRef(module, name, type);
    if (place != NULL)
        *place = (PyTypeObject *)type;
    else
        Py_XDECREF(type);
    return result;
}

static int make_names(State *state)
{
    const struct {
        PyObject **place;
        const char *text;
    } names[] = {
        {&state->name_run, "run"},           {&state->name_own_run, "_run"},     {&state->name_append, "append"},
        {&state->name_popleft, "popleft"},   {&state->name_cancelled, "_cancelled"}, {&state->name_when, "_when"},
        {&state->name_scheduled, "_scheduled"}, {&state->name_time, "time"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((*names[i].place = PyUnicode_InternFromString(names[i].text)) == NULL)
            return -1;
    return 0;
}

static int execute(PyObject *module)
{
    State *state = PyModule_GetState(module);
    if (make_names(state) < 0 || add_type(module, &quick_spec, "Quick", NULL) < 0)
        return -1;
    if (add_type(module, &collector_spec, "Collector", &state->collector) < 0)
        return -1;
    if (add_type(module, &stream_spec, "Stream", &state->stream) < 0)
        return -1;
    return add_type(module, &core_spec, "Core", NULL);
}

/* Everything in the state is an object, up to the fields. */
#define OBJECTS (offsetof(State, fields) / sizeof(PyObject *))

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    PyObject **objects = PyModule_GetState(module);
    for (size_t i = 0; i < OBJECTS; i++)
        Py_VISIT(objects[i]);
    return 0;
}

static int clear(PyObject *module)
{
    PyObject **objects = PyModule_GetState(module);
    for (size_t i = 0; i < OBJECTS; i++)
        Py_CLEAR(objects[i]);
    return 0;
}

static void release(void *module)
{
    clear(module);
}

/* Words of CPython 3.12, which its older versions refuse: the module is for interpreters with a lock of their own, too. */
#define MULTIPLE_INTERPRETERS 3
#define OWN_LOCK ((void *)2)
#define KNOWS_OWN_LOCKS 0x030c0000

static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, {MULTIPLE_INTERPRETERS, OWN_LOCK}, {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "anysock._fast",
    .m_doc = "What is done all the time, without ctypes.",
    .m_size = sizeof(State),
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = release,
};

State *state_of(PyTypeObject *type)
{
    for (; type != NULL; type = PyType_GetSlot(type, Py_tp_base)) {
        PyObject *module = PyType_GetModule(type);
        if (module != NULL && PyModule_GetDef(module) == &definition)
            return PyModule_GetState(module);
        PyErr_Clear();
    }
    PyErr_SetString(PyExc_SystemError, "a type of another module");
    return NULL;
}

PyMODINIT_FUNC PyInit__fast(void)
{
    if (Py_Version < KNOWS_OWN_LOCKS)
        slots[1] = (PyModuleDef_Slot){0, NULL};
    return PyModuleDef_Init(&definition);
}
