/*
 * A bad network: two network namespaces, each with a TUN device, and a router of IPv4 and IPv6 between them in a thread of
 * this program. It loses, doubles, swaps and damages packets by chance, swallows them, or answers them with ICMP errors and
 * resets. A socket belongs to the namespace in which its thread was when it was opened: `go_to`.
 *
 * Not here: what is sent (network.c).
 */
#ifndef ROUTER_H
#define ROUTER_H

#include "check.h"

#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>

enum side { NEAR_SIDE, FAR_SIDE };

/* What a case takes of the two: kinds of socket, the addresses of both sides, and a port of its own on the far one. */
static const struct internet {
    const char *tcp, *udp, *addresses[2], *far;
} internets[] = {
    {"tcp4", "udp4", {"10.77.0.1", "10.77.1.1"}, "10.77.1.1:0"},
    {"tcp6", "udp6", {"fd77::1", "fd77::1:1"}, "[fd77::1:1]:0"},
};
static const struct internet *internet;

enum { BIG_PACKET = 65536, MTU = 9000, HELD = 16 };

static struct {
    int tun[2], space[2];
    pthread_t thread;
    uint64_t state;
    /* Of a million packets. */
    atomic_int lose, twice, swap, damage, swallow;
    /* Type and code of the ICMP error that answers every packet, plus one; a reset if `resets`. */
    atomic_int icmp;
    atomic_bool resets, is_over;
    atomic_long passed;
} router;

static struct packet {
    size_t length;
    uint8_t bytes[BIG_PACKET];
} held[2][HELD];
static size_t held_count[2];

/* ---------------------------------------------------------------- packets */

static uint32_t sum_of(const uint8_t *data, size_t length, uint32_t sum) {
    for (size_t at = 0; at + 1 < length; at += 2) {
        sum += (uint32_t)data[at] << 8 | data[at + 1];
    }
    return length % 2 ? sum + ((uint32_t)data[length - 1] << 8) : sum;
}

/* RFC 1071. */
static void put_checksum(uint8_t *place, uint32_t sum) {
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    place[0] = (uint8_t)(~sum >> 8);
    place[1] = (uint8_t)~sum;
}

static void put16(uint8_t *place, size_t number) {
    place[0] = (uint8_t)(number >> 8), place[1] = (uint8_t)number;
}

static void put32(uint8_t *place, uint32_t number) {
    for (int at = 0; at < 4; at++) {
        place[at] = (uint8_t)(number >> (24 - 8 * at));
    }
}

static uint32_t get32(const uint8_t *place) {
    return (uint32_t)place[0] << 24 | (uint32_t)place[1] << 16 | (uint32_t)place[2] << 8 | place[3];
}

static bool is_six(const uint8_t *packet) {
    return packet[0] >> 4 == 6;
}

/* Linux puts no header between that of IPv6 and TCP or UDP here. */
static size_t head_of(const uint8_t *packet) {
    return is_six(packet) ? 40 : (size_t)(packet[0] & 15) * 4;
}

static uint8_t protocol_of(const uint8_t *packet) {
    return is_six(packet) ? packet[6] : packet[9];
}

/* What is for the neighbours alone is not routed. */
static bool is_multicast(const uint8_t *packet) {
    return is_six(packet) ? packet[24] == 0xff : packet[16] >> 4 == 14;
}

/* How long the header of an answer is. */
static size_t answer_head(const uint8_t *about) {
    return is_six(about) ? 40 : 20;
}

/* The header of a packet that goes back to where the other came from. Returns the packet's length. */
static size_t put_header(uint8_t *packet, const uint8_t *about, uint8_t protocol, size_t payload) {
    size_t length = answer_head(about) + payload;
    memset(packet, 0, answer_head(about));
    if (is_six(about)) {
        packet[0] = 0x60, packet[6] = protocol, packet[7] = 64;
        put16(packet + 4, payload);
        memcpy(packet + 8, about + 24, 16);
        memcpy(packet + 24, about + 8, 16);
        return length;
    }
    packet[0] = 0x45, packet[8] = 64, packet[9] = protocol;
    put16(packet + 2, length);
    memcpy(packet + 12, about + 16, 4);
    memcpy(packet + 16, about + 12, 4);
    put_checksum(packet + 10, sum_of(packet, 20, 0));
    return length;
}

/* The pseudo-header's part of a checksum (RFC 9293, 3.1, and RFC 8200, 8.1): which way it goes makes no difference. */
static uint32_t sum_of_pseudo_header(const uint8_t *about, uint8_t protocol, size_t payload) {
    const uint8_t *addresses = about + (is_six(about) ? 8 : 12);
    return sum_of(addresses, is_six(about) ? 32 : 8, protocol + (uint32_t)payload);
}

/* RFC 792 and RFC 4443: the error, and of the packet its header and eight bytes more, which is where the ports stand. */
static size_t make_icmp(uint8_t *packet, const uint8_t *about, int type, int code) {
    uint8_t *icmp = packet + answer_head(about), protocol = is_six(about) ? 58 : 1;
    size_t quoted = head_of(about) + 8, payload = 8 + quoted;
    memset(icmp, 0, 8);
    icmp[0] = (uint8_t)type, icmp[1] = (uint8_t)code;
    if (protocol == 1 && type == 3 && code == 4) {
        put16(icmp + 6, 576);
    } else if (protocol == 58 && type == 2) {
        put16(icmp + 6, 1280);
    }
    memcpy(icmp + 8, about, quoted);
    put_checksum(icmp + 2, sum_of(icmp, payload, protocol == 58 ? sum_of_pseudo_header(about, 58, payload) : 0));
    return put_header(packet, about, protocol, payload);
}

/* RFC 9293, 3.10.7.1: as from a peer that knows nothing of the connection. */
static size_t make_reset(uint8_t *packet, const uint8_t *about, size_t length) {
    const uint8_t *head = about + head_of(about);
    uint8_t *tcp = packet + answer_head(about);
    size_t data = length - head_of(about) - (size_t)(head[12] >> 4) * 4;
    memset(tcp, 0, 20);
    memcpy(tcp, head + 2, 2);
    memcpy(tcp + 2, head, 2);
    if (head[13] & 16) {
        memcpy(tcp + 4, head + 8, 4);
        tcp[13] = 4;
    } else {
        put32(tcp + 8, get32(head + 4) + (uint32_t)data + (head[13] >> 1 & 1) + (head[13] & 1));
        tcp[13] = 20;
    }
    tcp[12] = 5 << 4;
    put_checksum(tcp + 16, sum_of(tcp, 20, sum_of_pseudo_header(about, 6, 20)));
    return put_header(packet, about, 6, 20);
}

/* ---------------------------------------------------------------- the way */

static uint64_t draw_packet(void) {
    uint64_t z = (router.state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static bool happens(const atomic_int *chance) {
    int of_a_million = *chance;
    return of_a_million > 0 && (int)(draw_packet() % 1000000) < of_a_million;
}

/* What a full device does not take is lost, as in any network. */
static void hand_on(int side, const uint8_t *packet, size_t length) {
    if (write(router.tun[side], packet, length) == (ssize_t)length) {
        router.passed++;
    }
}

static void let_go(int side) {
    while (held_count[side] > 0) {
        struct packet *last = &held[side][--held_count[side]];
        hand_on(side, last->bytes, last->length);
    }
}

static void route(int from, uint8_t *packet, size_t length) {
    static uint8_t answer[256];
    int to = 1 - from, icmp = router.icmp;
    if (length < 28 || length < head_of(packet) + 8 || is_multicast(packet) || happens(&router.swallow) || happens(&router.lose)) {
        return;
    }
    uint8_t protocol = protocol_of(packet);
    if (icmp > 0 && protocol != 1 && protocol != 58) {
        return hand_on(from, answer, make_icmp(answer, packet, (icmp - 1) >> 8, (icmp - 1) & 255));
    }
    if (router.resets && protocol == 6) {
        return hand_on(from, answer, make_reset(answer, packet, length));
    }
    if (happens(&router.damage)) {
        size_t head = head_of(packet);
        packet[head + draw_packet() % (length - head)] ^= (uint8_t)(1 << draw_packet() % 8);
    }
    if (happens(&router.swap) && held_count[to] < HELD) {
        struct packet *last = &held[to][held_count[to]++];
        last->length = length;
        memcpy(last->bytes, packet, length);
        return;
    }
    hand_on(to, packet, length);
    if (happens(&router.twice)) {
        hand_on(to, packet, length);
    }
    let_go(to);
}

static void *route_all(void *nothing) {
    static uint8_t packet[BIG_PACKET];
    while (!router.is_over) {
        struct pollfd ready[2] = {{router.tun[0], POLLIN, 0}, {router.tun[1], POLLIN, 0}};
        if (poll(ready, 2, 20) == 0) {
            let_go(NEAR_SIDE);
            let_go(FAR_SIDE);
        }
        for (int side = 0; side < 2; side++) {
            for (int burst = 0; burst < 64 && ready[side].revents != 0; burst++) {
                ssize_t length = read(router.tun[side], packet, sizeof packet);
                if (length <= 0) {
                    break;
                }
                route(side, packet, (size_t)length);
            }
        }
    }
    return nothing;
}

/* -------------------------------------------------------------- the spaces */

/* The calling thread opens its sockets there from now on. */
static void go_to(enum side side) {
    POSIX(setns(router.space[side], CLONE_NEWNET));
}

static void configure(struct ifreq *request, const char *address) {
    int fd = POSIX(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    struct sockaddr_in name = {.sin_family = AF_INET};
    CHECK(inet_pton(AF_INET, address, &name.sin_addr) == 1);
    memcpy(&request->ifr_addr, &name, sizeof name);
    POSIX(ioctl(fd, SIOCSIFADDR, request));
    CHECK(inet_pton(AF_INET, "255.255.0.0", &name.sin_addr) == 1);
    memcpy(&request->ifr_netmask, &name, sizeof name);
    POSIX(ioctl(fd, SIOCSIFNETMASK, request));
    request->ifr_mtu = MTU;
    POSIX(ioctl(fd, SIOCSIFMTU, request));
    request->ifr_flags = IFF_UP | IFF_RUNNING;
    POSIX(ioctl(fd, SIOCSIFFLAGS, request));
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    POSIX(ioctl(fd, SIOCSIFFLAGS, &loopback));
    POSIX(close(fd));
}

/* The same for IPv6, of a device that is up. */
static bool configure6(const struct ifreq *device, const char *address) {
    struct {
        struct in6_addr address;
        uint32_t prefix;
        int interface;
    } request = {.prefix = 16}; /* struct in6_ifreq, whose header does not go with the C library's */
    struct ifreq number = *device;
    int fd = POSIX(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    POSIX(ioctl(fd, SIOCGIFINDEX, &number));
    request.interface = number.ifr_ifindex;
    CHECK(inet_pton(AF_INET6, address, &request.address) == 1);
    bool is_done = ioctl(fd, SIOCSIFADDR, &request) == 0;
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = request.address};
    while (is_done && bind(fd, (struct sockaddr *)&name, sizeof name) != 0) { /* until a thread of the kernel's is through with it */
        CHECK(errno == EADDRNOTAVAIL);
        nap();
    }
    POSIX(close(fd));
    return is_done;
}

/* Why this machine can't have it, or NULL. */
static const char *open_network(uint64_t seed) {
    router.state = seed;
    for (int side = 0; side < 2; side++) {
        if (unshare(CLONE_NEWNET) != 0) {
            return "this process may make no network namespaces";
        }
        router.space[side] = POSIX(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
        router.tun[side] = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        struct ifreq request = {.ifr_name = "anysock0", .ifr_flags = IFF_TUN | IFF_NO_PI};
        if (router.tun[side] < 0 || ioctl(router.tun[side], TUNSETIFF, &request) != 0) {
            return "there are no TUN devices";
        }
        configure(&request, internets[0].addresses[side]);
        if (internet == &internets[1] && !configure6(&request, internet->addresses[side])) {
            return "there is no IPv6";
        }
    }
    go_to(NEAR_SIDE);
    CHECK(pthread_create(&router.thread, NULL, route_all, NULL) == 0);
    return NULL;
}

static void be_good(void) {
    router.lose = router.twice = router.swap = router.damage = router.swallow = router.icmp = 0;
    router.resets = false;
}

static void close_network(void) {
    router.is_over = true;
    CHECK(pthread_join(router.thread, NULL) == 0);
}

#endif
