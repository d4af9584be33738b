/*
 * The C interface as commands of Tcl: what the macros of ../glue/calls.h are here. Not here: constants (anysock.tcl).
 *
 * A call blocks its interpreter's thread and no other.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include <anysock.h>
#include <string.h>
#include <tcl.h>

/* Tcl 9 has longer lengths, and does not take every character for a byte. */
#ifndef TCL_SIZE_MAX
typedef int Tcl_Size;
#define Tcl_GetBytesFromObj(interp, object, size) Tcl_GetByteArrayFromObj(object, size)
#endif

/* More bytes than any call moves. Tcl ends the process where a value would be too long. */
#define MOST (1 << 30)

/* A function takes its arguments from `values`, and adds what it filled to `given`. */
typedef int body(Tcl_Interp *interp, Tcl_Obj *const values[], Tcl_Obj *given);

#define UNUSED __attribute__((unused))
#define FUNCTION(name) \
    static int call_##name(UNUSED Tcl_Interp *interp, UNUSED Tcl_Obj *const values[], UNUSED Tcl_Obj *given)

#define NUMBER(name, at) \
    Tcl_WideInt name; \
    if (Tcl_GetWideIntFromObj(interp, values[at], &name) != TCL_OK) \
        return TCL_ERROR

#define TEXT(name, at) const char *name = Tcl_GetString(values[at])

#define BYTES(name, type, at) \
    Tcl_Size name##_bytes; \
    const type *name = (const type *)Tcl_GetBytesFromObj(interp, values[at], &name##_bytes); \
    if (name == NULL) \
        return TCL_ERROR; \
    size_t name##_count = (size_t)name##_bytes / sizeof(type); \
    (void)name##_count

/* Memory for as many elements as an argument says. */
#define ROOM(name, type, at) \
    Tcl_WideInt name##_count; \
    if (size_from(interp, values[at], sizeof(type), &name##_count) != TCL_OK) \
        return TCL_ERROR; \
    Tcl_Obj *name##_object = room(given, name##_count, sizeof(type)); \
    type *name = (type *)Tcl_GetByteArrayFromObj(name##_object, (Tcl_Size *)NULL)

#define PLACE(name, type) \
    type name[1]; \
    memset(name, 0, sizeof name)

#define GIVE_NUMBER(name) Tcl_ListObjAppendElement(interp, given, Tcl_NewWideIntObj(*name))
#define GIVE_BYTES(name) Tcl_ListObjAppendElement(interp, given, Tcl_NewByteArrayObj((unsigned char *)name, sizeof name))
#define GIVE_ROOM(name, answer) cut(name##_object, (answer) < 0 ? 0 : (answer) < name##_count ? (answer) : name##_count, sizeof *name)
#define GIVE_TEXT(name) Tcl_ListObjAppendElement(interp, given, text_of(given, name##_object, (size_t)name##_count))
#define RETURN(answer) return give(interp, given, answer)
#define RETURN_TEXT(text) \
    Tcl_SetObjResult(interp, Tcl_NewStringObj(text, -1)); \
    return TCL_OK

static int size_from(Tcl_Interp *interp, Tcl_Obj *value, size_t size, Tcl_WideInt *count) {
    if (Tcl_GetWideIntFromObj(interp, value, count) != TCL_OK)
        return TCL_ERROR;
    if (0 <= *count && *count <= (Tcl_WideInt)(MOST / size))
        return TCL_OK;
    Tcl_SetObjResult(interp, Tcl_ObjPrintf("no size: %s", Tcl_GetString(value)));
    return TCL_ERROR;
}

/* It is in the list from now on, which owns it. */
static Tcl_Obj *room(Tcl_Obj *given, Tcl_WideInt count, size_t size) {
    Tcl_Obj *object = Tcl_NewByteArrayObj(NULL, (Tcl_Size)((size_t)count * size));
    Tcl_ListObjAppendElement(NULL, given, object);
    return object;
}

static void cut(Tcl_Obj *object, Tcl_WideInt count, size_t size) {
    Tcl_SetByteArrayLength(object, (Tcl_Size)((size_t)count * size));
}

/* A text up to its NUL, for the memory it was filled into, which leaves the list. */
static Tcl_Obj *text_of(Tcl_Obj *given, Tcl_Obj *memory, size_t size) {
    Tcl_Size last;
    const char *bytes = (const char *)Tcl_GetByteArrayFromObj(memory, (Tcl_Size *)NULL);
    Tcl_Obj *text = Tcl_NewStringObj(bytes, (Tcl_Size)strnlen(bytes, size));
    Tcl_ListObjLength(NULL, given, &last);
    Tcl_ListObjReplace(NULL, given, last - 1, 1, 0, NULL);
    return text;
}

/* The answer; where something was filled, a list of the answer and that. */
static int give(Tcl_Interp *interp, Tcl_Obj *given, int64_t answer) {
    Tcl_Size count;
    Tcl_Obj *number = Tcl_NewWideIntObj(answer);
    Tcl_ListObjLength(interp, given, &count);
    if (count > 0)
        Tcl_ListObjReplace(interp, given, 0, 0, 1, &number);
    Tcl_SetObjResult(interp, count > 0 ? given : number);
    return TCL_OK;
}

#include "../glue/calls.h"

static const struct command {
    const char *name;
    int arguments;
    body *call;
} commands[] = {
#define EACH(name, arguments, waits) {"::anysock::" #name, arguments, call_##name},
    ANYSOCK_FUNCTIONS
};

static int call(ClientData data, Tcl_Interp *interp, int count, Tcl_Obj *const values[]) {
    const struct command *command = data;
    if (count != command->arguments + 1) {
        Tcl_WrongNumArgs(interp, 1, values, "?arguments as in C?");
        return TCL_ERROR;
    }
    Tcl_Obj *given = Tcl_NewListObj(0, NULL);
    Tcl_IncrRefCount(given);
    int status = command->call(interp, values + 1, given);
    Tcl_DecrRefCount(given);
    return status;
}

DLLEXPORT int Anysock_Init(Tcl_Interp *interp) {
    if (Tcl_InitStubs(interp, TCL_VERSION, 0) == NULL || Tcl_Eval(interp, "namespace eval ::anysock {}") != TCL_OK)
        return TCL_ERROR;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        Tcl_CreateObjCommand(interp, commands[i].name, call, (ClientData)&commands[i], NULL);
    return Tcl_PkgProvide(interp, "anysock", anysock_version());
}
