/*
 * The C interface as functions of R: what the macros of ../glue/calls.h are here. Not here: constants, and the functions as R sees them
 * (anysock.R).
 *
 * A call blocks R, which has one thread. Numbers are R's doubles, which hold every handle. Ctrl-C is heard at the end of a call, which it
 * ends if the handle has option `interruptible`.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include <anysock.h>
#include <string.h>

#define R_NO_REMAP
#include <R.h>
#include <R_ext/Utils.h>
#include <Rinternals.h>

#define MOST 3

/* What a function has filled. */
struct given {
    int count;
    SEXP items[MOST];
};

static SEXP argument(SEXP values, int at) {
    while (at-- > 0)
        values = CDR(values);
    return CAR(values);
}

static SEXP keep(struct given *given, SEXP item) {
    PROTECT(item);
    given->items[given->count++] = item;
    return item;
}

/* Memory for as many elements as an argument says. */
static SEXP room(struct given *given, double count, size_t size) {
    SEXP memory = keep(given, Rf_allocVector(RAWSXP, count > 0 ? (R_xlen_t)count * (R_xlen_t)size : 0));
    memset(RAW(memory), 0, (size_t)XLENGTH(memory));
    return memory;
}

static SEXP bytes_of(const void *bytes, size_t size) {
    SEXP copy = PROTECT(Rf_allocVector(RAWSXP, (R_xlen_t)size));
    memcpy(RAW(copy), bytes, size);
    UNPROTECT(1);
    return copy;
}

/* The answer; where something was filled, a list of the answer and that. */
static SEXP give(struct given *given, int64_t answer) {
    if (answer == ANYSOCK_EINTR)
        R_CheckUserInterrupt();
    SEXP number = PROTECT(Rf_ScalarReal((double)answer));
    SEXP result = number;
    if (given->count > 0) {
        result = PROTECT(Rf_allocVector(VECSXP, given->count + 1));
        SET_VECTOR_ELT(result, 0, number);
        for (int i = 0; i < given->count; i++)
            SET_VECTOR_ELT(result, i + 1, given->items[i]);
        UNPROTECT(1);
    }
    UNPROTECT(given->count + 1);
    return result;
}

/* Puts something else in the place of the memory that it was filled into. */
static void replace(struct given *given, SEXP memory, SEXP item) {
    for (int i = 0; i < given->count; i++)
        if (given->items[i] == memory)
            given->items[i] = item;
}

#define UNUSED __attribute__((unused))
#define FUNCTION(name) static SEXP call_##name(UNUSED SEXP values, UNUSED struct given *given)
#define NUMBER(name, at) int64_t name = (int64_t)Rf_asReal(argument(values, at))
#define TEXT(name, at) const char *name = Rf_translateCharUTF8(Rf_asChar(argument(values, at)))
#define BYTES(name, type, at) \
    SEXP name##_memory = argument(values, at); \
    const type *name = (const type *)RAW(name##_memory); \
    size_t name##_count = (size_t)XLENGTH(name##_memory) / sizeof(type); \
    (void)name##_count
#define ROOM(name, type, at) \
    SEXP name##_memory = room(given, Rf_asReal(argument(values, at)), sizeof(type)); \
    type *name = (type *)RAW(name##_memory); \
    size_t name##_count = (size_t)XLENGTH(name##_memory) / sizeof(type)
#define PLACE(name, type) \
    type name[1]; \
    memset(name, 0, sizeof name)
#define GIVE_NUMBER(name) keep(given, Rf_ScalarReal((double)*name))
#define GIVE_BYTES(name) keep(given, bytes_of(name, sizeof name))
#define GIVE_ROOM(name, answer) \
    size_t name##_filled = (answer) < 0 ? 0 : (size_t)(answer) < name##_count ? (size_t)(answer) : name##_count; \
    SEXP name##_cut = Rf_lengthgets(name##_memory, (R_xlen_t)(name##_filled * sizeof *name)); \
    UNPROTECT(given->count); \
    replace(given, name##_memory, name##_cut); \
    for (int i = 0; i < given->count; i++) \
    PROTECT(given->items[i])
#define GIVE_TEXT(name) \
    SEXP name##_text = Rf_ScalarString(Rf_mkCharLenCE(name, (int)strnlen(name, name##_count), CE_UTF8)); \
    UNPROTECT(given->count); \
    replace(given, name##_memory, name##_text); \
    for (int i = 0; i < given->count; i++) \
    PROTECT(given->items[i])
#define RETURN(answer) return give(given, answer)
#define RETURN_TEXT(text) return Rf_mkString(text)

#include "../glue/calls.h"

#define EACH(name, arguments, waits) \
    SEXP r_##name(SEXP values) { \
        struct given given = {0, {NULL}}; \
        return call_##name(CDR(values), &given); \
    }
ANYSOCK_FUNCTIONS
