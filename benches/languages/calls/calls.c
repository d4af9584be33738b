/* calls read N: reads that would block. calls queue N: runs of 64 operations that do nothing. See ../calls.py. */
#include <anysock.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    anysock_t first, second, queue = anysock_queue_open(0, 0);
    anysock_op wanted[64] = {{0}};
    anysock_done done[64];
    char byte;
    long times = argc > 2 ? atol(argv[2]) : 0;
    anysock_pair("unix", &first, &second);
    anysock_set(first, ANYSOCK_OPT_TIMEOUT, 0);
    for (int i = 0; i < 64; i++)
        wanted[i].op = ANYSOCK_OP_NOP;
    for (long i = 0; i < times; i++)
        if (argv[1][0] == 'r')
            anysock_read(first, &byte, 1);
        else
            anysock_queue_run(queue, wanted, 64, done, 64, 0);
    return 0;
}
