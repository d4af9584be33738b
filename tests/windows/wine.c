/*
 * What Wine does otherwise than Windows, with plain Winsock calls and without anysock: the evidence for the lines of
 * tests/windows/exceptions that say "wine". Prints a line for each case: `wine NAME: what it does` where it differs, `as
 * documented NAME` where it does not, which is a line to be taken off the list.
 */
#include <winsock2.h>
#include <ws2tcpip.h>

#include <mswsock.h>
#include <windows.h>

#include <process.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int differing, documented;

/* What a call has said: 0, or the code of Winsock. */
static int code(int result) {
    return result == SOCKET_ERROR ? WSAGetLastError() : 0;
}

static void tell(const char *name, int differs, const char *what, int number) {
    differs ? differing++ : documented++;
    if (differs) {
        printf("wine %s: %s: %d\n", name, what, number);
    } else {
        printf("as documented %s\n", name);
    }
}

static struct sockaddr_in loopback(void) {
    struct sockaddr_in name = {.sin_family = AF_INET};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return name;
}

static SOCKET bound(int kind, struct sockaddr_in *name) {
    int length = sizeof *name;
    SOCKET fd = socket(AF_INET, kind, 0);
    *name = loopback();
    bind(fd, (struct sockaddr *)name, length);
    getsockname(fd, (struct sockaddr *)name, &length);
    return fd;
}

static void connected(SOCKET *client, SOCKET *server) {
    struct sockaddr_in name;
    SOCKET listener = bound(SOCK_STREAM, &name);
    listen(listener, 1);
    *client = socket(AF_INET, SOCK_STREAM, 0);
    connect(*client, (struct sockaddr *)&name, sizeof name);
    *server = accept(listener, NULL, NULL);
    closesocket(listener);
}

/* Since Windows 10 1803 there are streams of AF_UNIX. */
static void unix_streams(void) {
    SOCKET fd = socket(AF_UNIX, SOCK_STREAM, 0);
    tell("unix", fd == INVALID_SOCKET, "socket(AF_UNIX, SOCK_STREAM) fails", WSAGetLastError());
}

/* Closing with SO_LINGER on and 0 resets; the peer's recv is WSAECONNRESET. */
static void reset(void) {
    SOCKET client, server;
    char byte;
    struct linger hard = {.l_onoff = 1};
    connected(&client, &server);
    setsockopt(client, SOL_SOCKET, SO_LINGER, (char *)&hard, sizeof hard);
    closesocket(client);
    int result = code(recv(server, &byte, 1, 0));
    tell("reset", result != WSAECONNRESET, "recv after a reset, instead of 10054, says", result);
}

/* A datagram to a closed port: with SIO_UDP_CONNRESET, as is the default, the next recv is WSAECONNRESET. */
static void refusal(void) {
    struct sockaddr_in nobody;
    char byte;
    DWORD patience = 1000;
    closesocket(bound(SOCK_DGRAM, &nobody));
    SOCKET fd = socket(AF_INET, SOCK_DGRAM, 0);
    connect(fd, (struct sockaddr *)&nobody, sizeof nobody);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, (char *)&patience, sizeof patience);
    send(fd, "?", 1, 0);
    int result = code(recv(fd, &byte, 1, 0));
    tell("refusal", result != WSAECONNRESET, "recv after a refused datagram, instead of 10054, says", result);
}

/* An address that no interface has is WSAEADDRNOTAVAIL. */
static void bind_anywhere(void) {
    struct sockaddr_in name = {.sin_family = AF_INET};
    name.sin_addr.s_addr = inet_addr("192.0.2.1");
    int result = code(bind(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&name, sizeof name));
    tell("bind", result != WSAEADDRNOTAVAIL, "binding UDP to 192.0.2.1, instead of 10049, says", result);
}

static void tcp_info(void) {
    SOCKET client, server;
    DWORD version = 0, length;
    char room[256];
    connected(&client, &server);
    int result = code(WSAIoctl(client, _WSAIORW(IOC_VENDOR, 39), &version, sizeof version, room, sizeof room, &length, NULL, NULL));
    tell("tcp_info", result != 0, "SIO_TCP_INFO fails", result);
}

static void mtu(void) {
    struct sockaddr_in name;
    DWORD value;
    int length = sizeof value;
    SOCKET fd = socket(AF_INET, SOCK_DGRAM, 0);
    bound(SOCK_DGRAM, &name);
    connect(fd, (struct sockaddr *)&name, sizeof name);
    int result = code(getsockopt(fd, IPPROTO_IP, 73 /* IP_MTU */, (char *)&value, &length));
    tell("mtu", result != 0, "IP_MTU fails", result);
}

/* Leaving a group that was not joined is WSAEADDRNOTAVAIL. */
static void leave(void) {
    struct ip_mreq group = {.imr_multiaddr.s_addr = inet_addr("239.1.2.3")};
    SOCKET fd = socket(AF_INET, SOCK_DGRAM, 0);
    int result = code(setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, (char *)&group, sizeof group));
    tell("leave", result != WSAEADDRNOTAVAIL, "leaving a group, instead of 10049, says", result);
}

static void source_group(void) {
    struct group_source_req request = {.gsr_interface = 1};
    struct sockaddr_in source = loopback(), group = {.sin_family = AF_INET};
    group.sin_addr.s_addr = inet_addr("232.1.2.3");
    memcpy(&request.gsr_group, &group, sizeof group);
    memcpy(&request.gsr_source, &source, sizeof source);
    SOCKET fd = socket(AF_INET, SOCK_DGRAM, 0);
    int result = code(setsockopt(fd, IPPROTO_IP, 45 /* MCAST_JOIN_SOURCE_GROUP */, (char *)&request, sizeof request));
    tell("source_group", result != 0, "MCAST_JOIN_SOURCE_GROUP fails", result);
}

/* What a child of this program says of a case that it is given with a socket: a child, because it may crash. */
static int in_child(const char *name, SOCKET fd) {
    char program[MAX_PATH], number[32];
    GetModuleFileNameA(NULL, program, sizeof program);
    SetHandleInformation((HANDLE)fd, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    snprintf(number, sizeof number, "%llu", (unsigned long long)fd);
    return (int)_spawnl(_P_WAIT, program, program, name, number, (char *)NULL);
}

/* A socket that a child has inherited is a socket. */
static void inherited(void) {
    struct sockaddr_in name;
    int result = in_child("inherited", bound(SOCK_STREAM, &name));
    tell("inherited", result != 0, "SO_TYPE of an inherited socket fails", result);
}

static int look_at_inherited(SOCKET fd) {
    struct sockaddr_in name;
    int kind, length = sizeof kind, name_length = sizeof name;
    if (getsockname(fd, (struct sockaddr *)&name, &name_length) != 0) {
        return 0; /* it did not come along: nothing to say about it */
    }
    return code(getsockopt(fd, SOL_SOCKET, SO_TYPE, (char *)&kind, &length));
}

/* Memory that is not there is WSAEFAULT, in a call that reads a value too. */
static void unmapped(void) {
    int result = in_child("unmapped", INVALID_SOCKET);
    tell("unmapped", result != WSAEFAULT, "setsockopt of memory that may not be touched, instead of 10014, ends with", result);
}

static int set_unmapped(void) {
    SetErrorMode(SEM_NOGPFAULTERRORBOX);
    char *page = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_NOACCESS);
    return code(setsockopt(socket(AF_INET, SOCK_STREAM, 0), SOL_SOCKET, SO_KEEPALIVE, page, 4));
}

/* Who has been refused may connect again with the same socket. */
static void reconnect(void) {
    struct sockaddr_in nobody, name;
    SOCKET fd = socket(AF_INET, SOCK_STREAM, 0), listener = bound(SOCK_STREAM, &name);
    struct timeval patience = {10, 0};
    u_long on = 1;
    fd_set failed;
    listen(listener, 1);
    closesocket(bound(SOCK_STREAM, &nobody));
    ioctlsocket(fd, FIONBIO, &on);
    connect(fd, (struct sockaddr *)&nobody, sizeof nobody);
    FD_ZERO(&failed);
    FD_SET(fd, &failed);
    select(0, NULL, NULL, &failed, &patience);
    int result = code(connect(fd, (struct sockaddr *)&name, sizeof name));
    tell("reconnect", result != 0 && result != WSAEWOULDBLOCK, "connect after one that was refused, instead of 10035, says", result);
}

static void *extension(SOCKET fd, GUID name) {
    void *function = NULL;
    DWORD length;
    WSAIoctl(fd, SIO_GET_EXTENSION_FUNCTION_POINTER, &name, sizeof name, &function, sizeof function, &length, NULL, NULL);
    return function;
}

/* IP_PKTINFO says from which address a datagram goes. */
static void send_control(void) {
    struct sockaddr_in name, from;
    int length = sizeof from;
    DWORD count;
    char data[8];
    alignas(16) char room[64] = {0};
    SOCKET receiver = bound(SOCK_DGRAM, &name), sender = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in any = {.sin_family = AF_INET};
    bind(sender, (struct sockaddr *)&any, sizeof any);
    LPFN_WSASENDMSG transmit = extension(sender, (GUID)WSAID_WSASENDMSG);
    WSACMSGHDR *header = (WSACMSGHDR *)(void *)room;
    *header = (WSACMSGHDR){WSA_CMSG_LEN(sizeof(IN_PKTINFO)), IPPROTO_IP, IP_PKTINFO};
    ((IN_PKTINFO *)(void *)WSA_CMSG_DATA(header))->ipi_addr.s_addr = inet_addr("127.0.0.3");
    WSABUF buffer = {1, data};
    WSAMSG message = {(struct sockaddr *)&name, sizeof name, &buffer, 1, {WSA_CMSG_SPACE(sizeof(IN_PKTINFO)), room}, 0};
    int result = transmit == NULL ? -1 : code(transmit(sender, &message, 0, &count, NULL, NULL));
    if (result == 0) {
        recvfrom(receiver, data, sizeof data, 0, (struct sockaddr *)&from, &length);
        result = from.sin_addr.s_addr == inet_addr("127.0.0.3") ? 0 : (int)(ntohl(from.sin_addr.s_addr) & 255);
    }
    tell("send_control", result != 0, "a datagram that shall go from 127.0.0.3 comes from 127.0.0", result);
}

/* POLLHUP is told beside POLLRDNORM. */
static void end_behind_data(void) {
    SOCKET client, server;
    connected(&client, &server);
    send(client, "data", 4, 0);
    closesocket(client);
    Sleep(100);
    WSAPOLLFD entry = {server, POLLRDNORM, 0};
    WSAPoll(&entry, 1, 1000);
    tell("end_behind_data", (entry.revents & POLLHUP) == 0, "WSAPoll of data and an end says", entry.revents);
}

/* An urgent byte stands in nobody's way: it is had on its own. */
static void urgent_count(void) {
    SOCKET client, server;
    u_long queued = 0;
    connected(&client, &server);
    send(client, "abc", 3, 0);
    send(client, "d", 1, MSG_OOB);
    send(client, "efg", 3, 0);
    Sleep(100);
    ioctlsocket(server, FIONREAD, &queued);
    tell("urgent_count", queued != 6, "FIONREAD of three bytes before an urgent one and three behind it says", (int)queued);
}

/* What came before a reset can be had before it is told. */
static void early_reset(void) {
    SOCKET client, server;
    char data[4];
    struct linger hard = {.l_onoff = 1};
    connected(&client, &server);
    send(client, "data", 4, 0);
    Sleep(100);
    setsockopt(client, SOL_SOCKET, SO_LINGER, (char *)&hard, sizeof hard);
    closesocket(client);
    Sleep(100);
    int result = recv(server, data, sizeof data, 0);
    tell("early_reset", result != 4, "recv of data before a reset says", code(result));
}

/* A socket that is bound to a port keeps it, also if it is refused and connects again. */
static void rebound(void) {
    struct sockaddr_in before, after, nobody, name, any = {.sin_family = AF_INET};
    int length = sizeof before;
    SOCKET fd = socket(AF_INET, SOCK_STREAM, 0), listener = bound(SOCK_STREAM, &name);
    listen(listener, 1);
    closesocket(bound(SOCK_STREAM, &nobody));
    bind(fd, (struct sockaddr *)&any, sizeof any);
    getsockname(fd, (struct sockaddr *)&before, &length);
    connect(fd, (struct sockaddr *)&nobody, sizeof nobody);
    connect(fd, (struct sockaddr *)&name, sizeof name);
    getsockname(fd, (struct sockaddr *)&after, &length);
    tell("rebound", before.sin_port != after.sin_port, "a socket that was refused connects from another port", ntohs(after.sin_port));
}

int main(int count, char **arguments) {
    WSADATA about;
    WSAStartup(MAKEWORD(2, 2), &about);
    if (count > 2) {
        SOCKET fd = (SOCKET)strtoull(arguments[2], NULL, 10);
        return strcmp(arguments[1], "unmapped") == 0 ? set_unmapped() : look_at_inherited(fd);
    }
    unix_streams();
    reset();
    refusal();
    bind_anywhere();
    tcp_info();
    mtu();
    leave();
    source_group();
    inherited();
    unmapped();
    reconnect();
    send_control();
    end_behind_data();
    urgent_count();
    early_reset();
    rebound();
    printf("%d differ, %d are as documented\n", differing, documented);
    return documented == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
