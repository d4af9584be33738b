/*
 * An allocator that fails when it is told to. It takes the place of the C library's in the whole process (allocator.c). Not
 * here: what is tried meanwhile (situations.h).
 */
#ifndef ALLOCATOR_H
#define ALLOCATOR_H

#include <stdbool.h>

/* From now on the allocation of this number fails, counted from 1, and if `for_good` all that follow it. */
void fail_allocation(long number, bool for_good);

/* From now on one of so many allocations of this thread fails, at random; 0 for none. */
void fail_sometimes(unsigned one_of);

/* Whether none of the calling thread's allocations fails so. */
bool never_fails(void);

/* Nothing fails any more. */
void stop_failing(void);

/* Whether any has failed since the last call that began it. */
bool has_failed(void);

/* How many blocks are allocated. */
long blocks(void);

/* Writes to standard error from where the allocation was asked for that has failed first. */
void show_allocation(void);

#endif
