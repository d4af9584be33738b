/*
 * bcryptprimitives.dll for a Wine that has none (Wine 8; every Windows has it): Rust's standard library asks it for the
 * random keys of its hash maps.
 */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID data, ULONG length); /* RtlGenRandom */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) {
    return SystemFunction036(data, (ULONG)length);
}
