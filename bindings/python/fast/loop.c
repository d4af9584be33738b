/*
 * The turn of asyncio's loop: `call_soon`, and `_run_once` with its timers and handles, as asyncio writes them in Python.
 * Handles are asyncio's own, made and read without a call where their fields were found.
 *
 * Not here: debug mode, exceptions, cancelled timers (_loop/base.py).
 */
#include "fast.h"

/* From so many timers on it matters how many of them are cancelled: asyncio's own limits. */
#define MANY_TIMERS 100
#define MOST_SECONDS (24.0 * 3600)

/* asyncio's base class keeps its state in attributes of these names. */
typedef struct {
    PyObject_HEAD
    State *state;
    Collector *batch;
    PyObject *ready, *scheduled, *debug, *closed, *stopping;
} Core;

#define FIELD(object, offset) (*(PyObject **)((char *)(object) + (offset)))

/* asyncio sets them to True and False, and programs to whatever they like. */
static int is_set(PyObject *flag)
{
    if (flag == Py_False || flag == NULL)
        return 0;
    return flag == Py_True || PyObject_IsTrue(flag) != 0;
}

static int is_quick(const Core *self)
{
    return self->batch != NULL && self->ready != NULL && self->scheduled != NULL && self->state->knows_handles &&
           !is_set(self->debug);
}

/* Handles */

static PyObject *make_handle(Core *self, PyObject *callback, PyObject *args, PyObject *context)
{
    State *state = self->state;
    PyObject *handle = ((allocfunc)PyType_GetSlot(state->handle, Py_tp_alloc))(state->handle, 0);
    if (handle == NULL)
        return NULL;
    FIELD(handle, state->fields.callback) = Py_NewRef(callback);
    FIELD(handle, state->fields.args) = Py_NewRef(args);
    FIELD(handle, state->fields.cancelled) = Py_NewRef(Py_False);
    FIELD(handle, state->fields.loop) = Py_NewRef((PyObject *)self);
    FIELD(handle, state->fields.context) = Py_NewRef(context);
    for (int i = 0; i < 2; i++)
        FIELD(handle, state->fields.empty[i]) = Py_NewRef(Py_None);
    return handle;
}

static PyObject *schedule(Core *self, PyObject *callback, PyObject *const *args, Py_ssize_t count, PyObject *context)
{
    PyObject *tuple = PyTuple_New(count);
    if (tuple == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < count; i++)
        PyTuple_SetItem(tuple, i, Py_NewRef(args[i]));
    PyObject *handle = make_handle(self, callback, tuple, context);
    Py_DECREF(tuple);
    PyObject *done = handle == NULL ? NULL : PyObject_CallMethodObjArgs(self->ready, self->state->name_append, handle, NULL);
    if (done == NULL)
        Py_CLEAR(handle);
    Py_XDECREF(done);
    return handle;
}

static PyObject *core_call_soon(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    Core *self = (Core *)object;
    Py_ssize_t named = keywords == NULL ? 0 : PyTuple_Size(keywords);
    int is_usual = is_quick(self) && !is_set(self->closed) && count > 0;
    if (is_usual && named > 0)
        is_usual = named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GetItem(keywords, 0), "context") == 0;
    if (!is_usual)
        return in_python(object, "_call_soon_any", args, count, keywords);
    if (named > 0 && args[count] != Py_None)
        return schedule(self, args[0], args + 1, count - 1, args[count]);
    PyObject *context = PyObject_CallNoArgs(self->state->copy_context);
    PyObject *handle = context == NULL ? NULL : schedule(self, args[0], args + 1, count - 1, context);
    Py_XDECREF(context);
    return handle;
}

/* Calls what a handle is for, in its context. */
static PyObject *call(State *state, PyObject *handle)
{
    PyObject *args = FIELD(handle, state->fields.args), *result = NULL;
    PyObject *context = FIELD(handle, state->fields.context), *callback = FIELD(handle, state->fields.callback);
    Py_ssize_t count = args != NULL && PyTuple_CheckExact(args) ? PyTuple_Size(args) : -1;
    if (count < 0 || count > 2 || context == NULL || callback == NULL)
        return PyObject_CallMethodObjArgs(handle, state->name_own_run, NULL);
    /* The handle may be cancelled by what it calls, and lets go of them then. */
    Py_INCREF(args), Py_INCREF(context), Py_INCREF(callback);
    PyObject *first = count > 0 ? PyTuple_GetItem(args, 0) : NULL, *second = count > 1 ? PyTuple_GetItem(args, 1) : NULL;
    result = PyObject_CallMethodObjArgs(context, state->name_run, callback, first, second, NULL);
    Py_DECREF(args), Py_DECREF(context), Py_DECREF(callback);
    return result;
}

static int is_cancelled(State *state, PyObject *handle)
{
    PyObject *answer = PyObject_GetAttr(handle, state->name_cancelled);
    int is = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return is;
}

/* Runs a handle as its `_run` does; 0 after an exception that ends the loop. */
static int run_handle(Core *self, PyObject *handle)
{
    State *state = self->state;
    PyObject *result;
    if (Py_IS_TYPE(handle, state->handle) || Py_IS_TYPE(handle, state->timer)) {
        if (FIELD(handle, state->fields.cancelled) == Py_True)
            return 1;
        result = call(state, handle);
    } else {
        int is = is_cancelled(state, handle);
        if (is != 0)
            return is > 0;
        result = PyObject_CallMethodObjArgs(handle, state->name_own_run, NULL);
    }
    if (result == NULL) {
        PyObject *error = take_exception();
        if (error == NULL)
            return 0;
        result = PyObject_CallMethod((PyObject *)self, "_handle_failed", "OO", handle, error);
        Py_DECREF(error);
    }
    Py_XDECREF(result);
    return result != NULL;
}

/* Lets the first so many wait behind the others. */
static int postpone(PyObject *ready, Py_ssize_t count)
{
    PyObject *done = count == 0 ? Py_NewRef(Py_None) : PyObject_CallMethod(ready, "rotate", "n", -count);
    Py_XDECREF(done);
    return done != NULL;
}

/* Those that are there but the first so many, and not what they add. */
static int run_ready(Core *self, Py_ssize_t spared)
{
    PyObject *ready = Py_NewRef(self->ready);
    Py_ssize_t count = PyObject_Size(ready) - spared;
    int works = count <= 0 || postpone(ready, spared);
    /* Callbacks may take some away. */
    for (; works && count > 0 && PyObject_Size(ready) > 0; count--) {
        PyObject *handle = PyObject_CallMethodObjArgs(ready, self->state->name_popleft, NULL);
        works = handle != NULL && run_handle(self, handle);
        Py_XDECREF(handle);
    }
    Py_DECREF(ready);
    return works;
}

/* Timers */

static PyObject *first_timer(const Core *self)
{
    return PyList_Check(self->scheduled) && PyList_Size(self->scheduled) > 0 ? PyList_GetItem(self->scheduled, 0) : NULL;
}

static int number(PyObject *object, double *place)
{
    *place = object == NULL ? -1 : PyFloat_AsDouble(object);
    Py_XDECREF(object);
    return !PyErr_Occurred();
}

static int now(const Core *self, double *place)
{
    return number(PyObject_CallMethodObjArgs((PyObject *)self, self->state->name_time, NULL), place);
}

static int when(const Core *self, PyObject *timer, double *place)
{
    return number(PyObject_GetAttr(timer, self->state->name_when), place);
}

/* Takes cancelled timers away, if the first is one or there are too many. */
static int forget_cancelled(Core *self)
{
    PyObject *timer = first_timer(self);
    int is_due = timer == NULL ? 0 : is_cancelled(self->state, timer);
    if (is_due == 0 && timer != NULL && PyList_Size(self->scheduled) > MANY_TIMERS) {
        double cancelled;
        if (!number(PyObject_GetAttrString((PyObject *)self, "_timer_cancelled_count"), &cancelled))
            return 0;
        is_due = 2 * cancelled > (double)PyList_Size(self->scheduled);
    }
    if (is_due <= 0)
        return is_due == 0;
    PyObject *result = PyObject_CallMethod((PyObject *)self, "_forget_cancelled", NULL);
    Py_XDECREF(result);
    return result != NULL;
}

/* How long the queue may wait, in microseconds. */
static int waiting_time(Core *self, int64_t *limit)
{
    double end, begin;
    *limit = 0;
    if (PyObject_Size(self->ready) != 0 || is_set(self->stopping))
        return !PyErr_Occurred();
    PyObject *timer = first_timer(self);
    *limit = -1;
    if (timer == NULL)
        return 1;
    if (!when(self, timer, &end) || !now(self, &begin))
        return 0;
    double seconds = end - begin > MOST_SECONDS ? MOST_SECONDS : end - begin;
    /* Rounded up, so that the timer is due when the wait has ended. */
    *limit = seconds > 0 ? (int64_t)(seconds * 1e6) + 1 : 0;
    return 1;
}

/* Timers that are due become ready. */
static int promote(Core *self)
{
    double end, resolution, moment;
    if (first_timer(self) == NULL)
        return 1;
    if (!now(self, &end) || !number(PyObject_GetAttrString((PyObject *)self, "_clock_resolution"), &resolution))
        return 0;
    for (PyObject *timer; (timer = first_timer(self)) != NULL;) {
        if (!when(self, timer, &moment))
            return 0;
        if (moment >= end + resolution)
            return 1;
        timer = PyObject_CallFunctionObjArgs(self->state->heappop, self->scheduled, NULL);
        PyObject *done = NULL;
        if (timer != NULL && PyObject_SetAttr(timer, self->state->name_scheduled, Py_False) == 0)
            done = PyObject_CallMethodObjArgs(self->ready, self->state->name_append, timer, NULL);
        Py_XDECREF(timer);
        Py_XDECREF(done);
        if (done == NULL)
            return 0;
    }
    return 1;
}

static PyObject *core_run_once(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    Core *self = (Core *)object;
    int64_t limit;
    if (!is_quick(self))
        return PyObject_CallMethod(object, "_run_once_any", NULL);
    if (!forget_cancelled(self) || !waiting_time(self, &limit))
        return NULL;
    Collector *batch = (Collector *)Py_NewRef((PyObject *)self->batch);
    /* Who was there first comes first; and what an event adds need not wait for another turn. */
    int works = run_queue(batch, limit) >= 0 && run_ready(self, 0);
    Py_ssize_t added = works ? PyObject_Size(self->ready) : 0;
    works = works && tell(batch);
    Py_DECREF((PyObject *)batch);
    /* Nor what a callback adds, unless the loop is to stop: that then comes when it goes on. */
    if (!works || !promote(self) || !run_ready(self, is_set(self->stopping) ? added : 0))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *core_get_debug(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    PyObject *debug = ((Core *)object)->debug;
    return Py_NewRef(debug == NULL ? Py_False : debug);
}

/* What the loop is told when the package is loaded */

/* The one field of a handle that holds an object, behind `after`; 0 if there is none. */
static Py_ssize_t field_of(PyObject *handle, Py_ssize_t size, PyObject *object, Py_ssize_t after)
{
    Py_ssize_t at = after == 0 ? (Py_ssize_t)sizeof(PyObject) : after + (Py_ssize_t)sizeof(PyObject *);
    for (; at + (Py_ssize_t)sizeof(PyObject *) <= size; at += (Py_ssize_t)sizeof(PyObject *))
        if (FIELD(handle, at) == object)
            return at;
    return 0;
}

/* prepare(handle, parts, timer, copy_context, heappop): a handle, its callback, arguments, loop and context, the type of
 * timers. The handle's other fields are one False and two None. */
PyObject *prepare(PyObject *module, PyObject *args)
{
    State *state = PyModule_GetState(module);
    PyObject *handle, *callback, *parts, *loop, *context, *timer, *copy_context, *heappop;
    if (!PyArg_ParseTuple(args, "O(OOOO)OOO", &handle, &callback, &parts, &loop, &context, &timer, &copy_context, &heappop))
        return NULL;
    PyObject *basic = PyObject_GetAttrString((PyObject *)Py_TYPE(handle), "__basicsize__");
    Py_ssize_t size = basic == NULL ? -1 : PyLong_AsSsize_t(basic);
    Py_XDECREF(basic);
    if (size < 0)
        return NULL;
    Fields *fields = &state->fields;
    fields->callback = field_of(handle, size, callback, 0);
    fields->args = field_of(handle, size, parts, 0);
    fields->loop = field_of(handle, size, loop, 0);
    fields->context = field_of(handle, size, context, 0);
    fields->cancelled = field_of(handle, size, Py_False, 0);
    fields->empty[0] = field_of(handle, size, Py_None, 0);
    fields->empty[1] = fields->empty[0] == 0 ? 0 : field_of(handle, size, Py_None, fields->empty[0]);
    state->knows_handles = fields->callback && fields->args && fields->loop && fields->context && fields->cancelled &&
                           fields->empty[1];
    state->handle = (PyTypeObject *)Py_NewRef((PyObject *)Py_TYPE(handle));
    state->timer = (PyTypeObject *)Py_NewRef(timer);
    state->copy_context = Py_NewRef(copy_context), state->heappop = Py_NewRef(heappop);
    return PyBool_FromLong(state->knows_handles);
}

/* The type */

static PyObject *core_get_batch(PyObject *object, void *nothing)
{
    (void)nothing;
    Collector *batch = ((Core *)object)->batch;
    return Py_NewRef(batch == NULL ? Py_None : (PyObject *)batch);
}

static int core_set_batch(PyObject *object, PyObject *batch, void *nothing)
{
    (void)nothing;
    Core *self = (Core *)object;
    int fits = batch == NULL ? 0 : PyObject_IsInstance(batch, (PyObject *)self->state->collector);
    if (fits <= 0) {
        if (fits == 0)
            PyErr_SetString(PyExc_TypeError, "the loop's queue is a Collector");
        return -1;
    }
    Collector *before = self->batch;
    self->batch = (Collector *)Py_NewRef(batch);
    Py_XDECREF((PyObject *)before);
    return 0;
}

static int core_traverse(PyObject *object, visitproc visit, void *arg)
{
    Core *self = (Core *)object;
    Py_VISIT((PyObject *)self->batch);
    Py_VISIT(self->ready);
    Py_VISIT(self->scheduled);
    Py_VISIT(self->debug);
    Py_VISIT(self->closed);
    Py_VISIT(self->stopping);
    VISIT_TYPE(object);
    return 0;
}

static int core_clear(PyObject *object)
{
    Core *self = (Core *)object;
    Py_CLEAR(self->batch);
    Py_CLEAR(self->ready);
    Py_CLEAR(self->scheduled);
    Py_CLEAR(self->debug);
    Py_CLEAR(self->closed);
    Py_CLEAR(self->stopping);
    return 0;
}

static void core_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    core_clear(object);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

static PyObject *core_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    (void)args, (void)keywords;
    PyObject *object = ((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (object != NULL)
        ((Core *)object)->state = state_of(type);
    return object;
}

static PyMemberDef core_members[] = {
    {"_ready", T_OBJECT_EX, offsetof(Core, ready), 0, NULL},
    {"_scheduled", T_OBJECT_EX, offsetof(Core, scheduled), 0, NULL},
    {"_debug", T_OBJECT_EX, offsetof(Core, debug), 0, NULL},
    {"_closed", T_OBJECT_EX, offsetof(Core, closed), 0, NULL},
    {"_stopping", T_OBJECT_EX, offsetof(Core, stopping), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef core_attributes[] = {
    {"_batch", core_get_batch, core_set_batch, "The loop's queue.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef core_methods[] = {
    {"call_soon", (PyCFunction)(void (*)(void))core_call_soon, METH_FASTCALL | METH_KEYWORDS,
     "call_soon(callback, *args, context=None): calls it in the next turn."},
    {"get_debug", core_get_debug, METH_NOARGS, "Whether the loop is in debug mode."},
    {"_run_once", core_run_once, METH_NOARGS, "One turn."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot core_slots[] = {
    {Py_tp_doc, "What a loop does all the time."},
    {Py_tp_new, core_new},
    {Py_tp_dealloc, core_dealloc},
    {Py_tp_traverse, core_traverse},
    {Py_tp_clear, core_clear},
    {Py_tp_members, core_members},
    {Py_tp_getset, core_attributes},
    {Py_tp_methods, core_methods},
    {0, NULL},
};

PyType_Spec core_spec = {
    .name = "anysock._fast.Core",
    .basicsize = sizeof(Core),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = core_slots,
};
