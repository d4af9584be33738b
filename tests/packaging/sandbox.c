/*
 * Runs a program that may make just the system calls of a list: seccomp(2), as container engines and systemd use it.
 *
 *   sandbox LIST PROGRAM [ARGUMENT...]
 *
 * LIST has a name a line; `# ...` is a comment; `! NAME` refuses a name and allows all others; what is not allowed is EPERM, as
 * with these, but clone3 is ENOSYS, so that the C library takes clone. calls.h is made of <sys/syscall.h>.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
    const char *name;
    unsigned number;
} calls[] = {
#include "calls.h"
};

static struct sock_filter filter[2048];
static unsigned short length;

static void add(struct sock_filter step) { filter[length++] = step; }

/* The answer for one number. */
static void answer(unsigned number, unsigned what) {
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what));
}

int main(int count, char **arguments) {
    char line[128], name[64];
    int refuses = 0;
    FILE *list = count > 2 ? fopen(arguments[1], "r") : NULL;
    if (list == NULL) return 64;
    add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    while (fgets(line, sizeof line, list) != NULL) {
        int refused = line[0] == '!';
        if (line[0] == '#' || sscanf(line + refused, "%63s", name) != 1) continue;
        refuses |= refused;
        unsigned what = refused ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_ALLOW;
        /* A name that this kernel's headers or this processor lack is passed over. */
        for (size_t at = 0; at < sizeof calls / sizeof *calls; at++) {
            if (strcmp(calls[at].name, name) == 0) answer(calls[at].number, what);
        }
    }
    answer(__NR_clone3, SECCOMP_RET_ERRNO | ENOSYS);
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, refuses ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EPERM));
    struct sock_fprog program = {length, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 77;
    execv(arguments[2], arguments + 2);
    perror(arguments[2]);
    return 127;
}
