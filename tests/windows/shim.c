/*
 * bcryptprimitives.dll for a Wine that has none (before 9.0): Rust's standard library asks it for the random keys of its
 * hash maps. Only the Rust test programs need it; anysock.dll does not.
 */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID data, ULONG length); /* RtlGenRandom */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) {
    return SystemFunction036(data, (ULONG)length);
}
