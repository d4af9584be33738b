/*
 * What qemu-user does not hand to the kernel, shown by plain system calls: the evidence for the list beside it.
 * Not here: anything of the library. Prints a line for each, `qemu NAME: lacks ...` or `as documented NAME`, as it is
 * natively for all.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *name, int has, const char *what) {
    has ? printf("as documented %s\n", name) : printf("qemu %s: lacks %s\n", name, what);
}

static void *sleep_for_good(void *nothing) {
    pause();
    return nothing;
}

/* Whether the child of a process that has another thread can have one too. */
static int can_start_threads_after_fork(void) {
    pthread_t thread;
    int status = 0;
    pthread_create(&thread, NULL, sleep_for_good, NULL);
    pid_t child = fork();
    if (child == 0) {
        _exit(pthread_create(&thread, NULL, sleep_for_good, NULL));
    }
    return waitpid(child, &status, 0) == child && status == 0;
}

int main(void) {
    int one = 1;
    char text[32] = "cubic";
    int stream = socket(AF_INET, SOCK_STREAM, 0), datagram = socket(AF_INET, SOCK_DGRAM, 0), pair[2];
    socklen_t length = sizeof text;

    struct tcp_info info;
    length = sizeof info;
    int got = getsockopt(stream, IPPROTO_TCP, TCP_INFO, &info, &length);
    say("tcp_info", got == 0 && length > sizeof(int), "getsockopt TCP_INFO: all of it, not the first int alone");

    /* The state of a connection is the first byte. */
    memset(&info, 0, sizeof info);
    length = sizeof info;
    say("tcp_state", getsockopt(stream, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 && info.tcpi_state == TCP_CLOSE,
        "getsockopt TCP_INFO: bytes, not an int whose bytes are swapped");

    got = setsockopt(stream, IPPROTO_TCP, TCP_CONGESTION, text, (socklen_t)strlen(text));
    say("congestion", got == 0, "setsockopt TCP_CONGESTION");

    length = sizeof one;
    say("recvttl", getsockopt(datagram, IPPROTO_IP, IP_RECVTTL, &one, &length) == 0, "getsockopt IP_RECVTTL");

    got = setsockopt(datagram, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
    length = sizeof text;
    say("device", got == 0 && getsockopt(datagram, SOL_SOCKET, SO_BINDTODEVICE, text, &length) == 0, "getsockopt SO_BINDTODEVICE of a socket that has one");

    struct group_req group = {0};
    struct sockaddr_in *address = (struct sockaddr_in *)&group.gr_group;
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = inet_addr("239.1.2.3");
    group.gr_interface = 1;
    say("group", setsockopt(datagram, IPPROTO_IP, MCAST_JOIN_GROUP, &group, sizeof group) == 0, "setsockopt MCAST_JOIN_GROUP");

    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = inet_addr("127.0.0.1")};
    length = sizeof one;
    int ready = connect(datagram, (struct sockaddr *)&peer, sizeof peer);
    say("mtu", ready == 0 && getsockopt(datagram, IPPROTO_IP, IP_MTU, &one, &length) == 0, "getsockopt IP_MTU");

    struct msghdr nothing = {0};
    ready = socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    ssize_t sent = sendmsg(pair[0], &nothing, 0);
    ssize_t received = recv(pair[1], text, sizeof text, MSG_DONTWAIT);
    say("no_pieces", ready == 0 && sent == 0 && received == 0, "sendmsg of no pieces: an empty datagram");

    /* The number that goes beside a datagram is its time to live. */
    struct { struct cmsghdr head; int number; } hops = {{.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_TTL}, 9};
    struct iovec piece = {text, 1};
    struct msghdr with_hops = {&peer, sizeof peer, &piece, 1, &hops, sizeof hops, 0};
    say("control", sendmsg(socket(AF_INET, SOCK_DGRAM, 0), &with_hops, 0) == 1, "control messages whose numbers are this machine's");

    /* Since Linux 6.3. */
    const int local_port_range = 51, ports = (int)(2000u << 16 | 2000u);
    say("port_range", setsockopt(stream, IPPROTO_IP, local_port_range, &ports, sizeof ports) == 0, "setsockopt IP_LOCAL_PORT_RANGE");

    struct ifreq unknown = {.ifr_name = "none"};
    say("rename", ioctl(datagram, SIOCSIFNAME, &unknown) == -1 && errno != ENOSYS, "ioctl SIOCSIFNAME");

    struct rlimit before, little = {1 << 20, RLIM_INFINITY};
    getrlimit(RLIMIT_AS, &before);
    got = setrlimit(RLIMIT_AS, &little);
    void *much = mmap(NULL, 64 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    setrlimit(RLIMIT_AS, &before);
    say("limit", got == 0 && much == MAP_FAILED, "a limit of memory by RLIMIT_AS");

    /* The kernel's struct in6_ifreq. Without the right to a network of one's own nothing needs it. */
    struct { struct in6_addr address; unsigned bits; int interface; } own = {.bits = 64, .interface = 1};
    inet_pton(AF_INET6, "fe80::7", &own.address);
    got = unshare(CLONE_NEWNET);
    say("address6", got != 0 || ioctl(socket(AF_INET6, SOCK_DGRAM, 0), SIOCSIFADDR, &own) == 0, "ioctl SIOCSIFADDR of an address of IPv6");

    const volatile size_t much_room = (size_t)1 << 40; /* the compiler would know better */
    static char low[1];                               /* far below the end of all memory */
    ready = pipe(pair);
    sent = write(pair[1], "x", 1);
    received = read(pair[0], low, much_room);
    say("beyond", ready == 0 && sent == 1 && received == 1, "read of fewer bytes than there should be room for");

    say("fork", can_start_threads_after_fork(), "threads in the child of a process that has some");

    struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {1, allow};
    got = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    say("seccomp", got == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "prctl PR_SET_SECCOMP");
    return 0;
}
