/*
 * Plain BSD sockets and anysock talk to each other, each as server and as client, over every kind that both have.
 * Not here: what anysock's sockets do among themselves.
 */
#include "check.h"

enum { TEXT = 108, BULK = 1 << 20 };

/* A kind, and what it is for the system. */
struct kind {
    const char *name;
    int family, type;
    const char *bind_to;
};

static const struct kind streams[] = {
    {"tcp", AF_INET, SOCK_STREAM, "127.0.0.1:0"},      {"tcp4", AF_INET, SOCK_STREAM, "127.0.0.1:0"},
    {"tcp6", AF_INET6, SOCK_STREAM, "[::1]:0"},        {"unix", AF_UNIX, SOCK_STREAM, "@anysock-interop"},
    {"unixpacket", AF_UNIX, SOCK_SEQPACKET, "@anysock-interop"},
};

static const struct kind datagrams[] = {
    {"udp", AF_INET, SOCK_DGRAM, "127.0.0.1:0"},
    {"udp6", AF_INET6, SOCK_DGRAM, "[::1]:0"},
    {"unixgram", AF_UNIX, SOCK_DGRAM, "@anysock-interop"},
};

/* Where a system lacks a kind, the rest is tried; tests/contract/kinds.rs says which it must have. */
static bool is_here(const struct kind *kind) {
    return anysock_has(kind->name) == 1 && (kind->family != AF_UNIX || anysock_has("unix.abstract") == 1);
}

/* An address as the system takes it. */
struct name {
    struct sockaddr_storage address;
    socklen_t length;
};

/* Reads "127.0.0.1:80", "[::1]:80" and "@name", without any help of the library. */
static struct name parse(const char *text) {
    struct name name = {.length = 0};
    const char *port = strrchr(text, ':');
    if (text[0] == '@') {
        struct sockaddr_un *unix_name = (struct sockaddr_un *)&name.address;
        unix_name->sun_family = AF_UNIX;
        memcpy(unix_name->sun_path + 1, text + 1, strlen(text + 1));
        name.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text));
    } else if (text[0] == '[') {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&name.address;
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
        v6->sin6_port = htons((uint16_t)atoi(port + 1));
        name.length = sizeof *v6;
    } else {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&name.address;
        *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        v4->sin_port = htons((uint16_t)atoi(port + 1));
        name.length = sizeof *v4;
    }
    return name;
}

/* The other way round, for an address that the system has given. */
static void print(const struct name *name, char text[TEXT]) {
    if (name->address.ss_family == AF_INET6) {
        snprintf(text, TEXT, "[::1]:%d", ntohs(((const struct sockaddr_in6 *)&name->address)->sin6_port));
    } else if (name->address.ss_family == AF_INET) {
        snprintf(text, TEXT, "127.0.0.1:%d", ntohs(((const struct sockaddr_in *)&name->address)->sin_port));
    } else {
        const char *path = ((const struct sockaddr_un *)&name->address)->sun_path;
        snprintf(text, TEXT, "@%.*s", (int)(name->length - offsetof(struct sockaddr_un, sun_path) - 1), path + 1);
    }
}

static int plain_socket(const struct kind *kind) {
    return POSIX(socket(kind->family, kind->type | SOCK_CLOEXEC, 0));
}

static int plain_bound(const struct kind *kind, char text[TEXT]) {
    int fd = plain_socket(kind);
    struct name name = parse(kind->bind_to);
    POSIX(bind(fd, (struct sockaddr *)&name.address, name.length));
    name.length = sizeof name.address;
    POSIX(getsockname(fd, (struct sockaddr *)&name.address, &name.length));
    print(&name, text);
    return fd;
}

static anysock_t our_bound(const struct kind *kind, char text[TEXT]) {
    anysock_t handle = OK(anysock_open(kind->name));
    OK(anysock_bind(handle, kind->bind_to));
    OK(anysock_local_address(handle, text, TEXT));
    return handle;
}

/* An end of ours and an end of the system's, connected. */
struct ends {
    anysock_t ours;
    int plain;
};

static struct ends we_serve(const struct kind *kind) {
    char text[TEXT];
    anysock_t listener = our_bound(kind, text);
    OK(anysock_listen(listener, 0));
    struct name name = parse(text);
    struct ends ends = {.plain = plain_socket(kind)};
    POSIX(connect(ends.plain, (struct sockaddr *)&name.address, name.length));
    ends.ours = OK(anysock_accept(listener));
    OK(anysock_close(listener));
    return ends;
}

static struct ends they_serve(const struct kind *kind) {
    char text[TEXT];
    int listener = plain_bound(kind, text);
    POSIX(listen(listener, 8));
    struct ends ends = {.ours = OK(anysock_open(kind->name))};
    OK(anysock_connect(ends.ours, text));
    ends.plain = POSIX(accept(listener, NULL, NULL));
    close_plain(listener);
    return ends;
}

static struct ends (*const meetings[])(const struct kind *) = {we_serve, they_serve};

static void close_ends(struct ends ends) {
    OK(anysock_close(ends.ours));
    close_plain(ends.plain);
}

/* Runs a check over each kind of stream, whoever serves. */
static void over_streams(size_t count, void (*body)(struct ends)) {
    for (size_t kind = 0; kind < count; kind++) {
        for (size_t meeting = 0; is_here(&streams[kind]) && meeting < COUNT(meetings); meeting++) {
            struct ends ends = meetings[meeting](&streams[kind]);
            body(ends);
            close_ends(ends);
        }
    }
}

static void ask_and_answer(struct ends ends) {
    char text[16];
    CHECK_IS(send(ends.plain, "question", 8, 0), 8);
    CHECK_IS(anysock_read_full(ends.ours, text, 8), 8);
    CHECK(memcmp(text, "question", 8) == 0);
    CHECK_IS(anysock_write_all(ends.ours, "answer", 6), 6);
    CHECK_IS(recv(ends.plain, text, 6, MSG_WAITALL), 6);
    CHECK(memcmp(text, "answer", 6) == 0);
}

static void streams_talk(void) {
    over_streams(COUNT(streams), ask_and_answer);
}

static void half_close(struct ends ends) {
    char text[16];
    /* Theirs: we read the end, and can still answer. */
    POSIX(shutdown(ends.plain, SHUT_WR));
    CHECK_IS(anysock_read(ends.ours, text, sizeof text), 0);
    CHECK_IS(anysock_read(ends.ours, text, sizeof text), 0);
    CHECK_IS(anysock_write_all(ends.ours, "late", 4), 4);
    CHECK_IS(recv(ends.plain, text, 4, MSG_WAITALL), 4);
    /* Ours: they read the end too. */
    OK(anysock_shutdown(ends.ours, ANYSOCK_SHUT_WRITE));
    CHECK_IS(recv(ends.plain, text, sizeof text, 0), 0);
}

static void streams_half_close(void) {
    over_streams(COUNT(streams), half_close);
}

/* Bytes that tell when one is lost, doubled or moved. */
static unsigned char byte_at(size_t place) {
    return (unsigned char)(place * 31 + place / 251);
}

struct bulk {
    int plain;
    bool sends;
};

static int64_t plain_bulk(void *argument) {
    struct bulk *bulk = argument;
    unsigned char piece[4096];
    size_t done = 0;
    while (done < BULK) {
        size_t length = BULK - done < sizeof piece ? BULK - done : sizeof piece;
        for (size_t place = 0; bulk->sends && place < length; place++) {
            piece[place] = byte_at(done + place);
        }
        ssize_t moved = bulk->sends ? send(bulk->plain, (char *)piece, length, MSG_NOSIGNAL) : recv(bulk->plain, (char *)piece, length, 0);
        CHECK(moved > 0);
        for (ssize_t place = 0; !bulk->sends && place < moved; place++) {
            CHECK(piece[place] == byte_at(done + (size_t)place));
        }
        done += (size_t)moved;
    }
    return 0;
}

/* A mebibyte each way, in pieces that fit nothing. */
static void bulk_both_ways(struct ends ends) {
    static unsigned char ours[BULK];
    struct call call;
    struct bulk bulk = {ends.plain, true};
    start(&call, plain_bulk, &bulk);
    for (size_t done = 0; done < BULK;) {
        size_t length = BULK - done < 1777 ? BULK - done : 1777;
        int64_t count = OK(anysock_read(ends.ours, ours + done, length));
        CHECK(count > 0);
        done += (size_t)count;
    }
    join(&call);
    for (size_t place = 0; place < BULK; place++) {
        CHECK(ours[place] == byte_at(place));
    }
    bulk.sends = false;
    start(&call, plain_bulk, &bulk);
    CHECK_IS(anysock_write_all(ends.ours, ours, BULK), BULK);
    join(&call);
}

static void streams_carry_bulk(void) {
    over_streams(COUNT(streams) - 1, bulk_both_ways); /* a packet socket has borders */
}

static void urgent(struct ends ends) {
    char byte = 0;
    anysock_t handle = ends.ours;
    anysock_handles exceptional = {1, &handle};
    CHECK_IS(send(ends.plain, "!", 1, MSG_OOB), 1);
    CHECK_IS(anysock_select(NULL, NULL, &exceptional, 60 * SECOND), 1);
    CHECK_IS(anysock_recv(ends.ours, &byte, 1, ANYSOCK_FLAG_OOB), 1);
    CHECK(byte == '!');
    CHECK_IS(anysock_send(ends.ours, "?", 1, ANYSOCK_FLAG_OOB), 1);
    struct timeval patience = {.tv_sec = 60};
    fd_set except;
    FD_ZERO(&except);
    FD_SET(ends.plain, &except);
    CHECK_IS(select(ends.plain + 1, NULL, NULL, &except, &patience), 1);
    CHECK_IS(recv(ends.plain, &byte, 1, MSG_OOB), 1);
    CHECK(byte == '?');
}

static void tcp_carries_urgent_data(void) {
    over_streams(3, urgent);
}

static void packets(struct ends ends) {
    char text[16];
    CHECK_IS(send(ends.plain, "one", 3, 0), 3);
    CHECK_IS(send(ends.plain, "three", 5, 0), 5);
    CHECK_IS(anysock_read(ends.ours, text, sizeof text), 3);
    CHECK_IS(anysock_read(ends.ours, text, sizeof text), 5);
    CHECK_IS(anysock_write(ends.ours, "ab", 2), 2);
    CHECK_IS(anysock_write(ends.ours, "c", 1), 1);
    CHECK_IS(recv(ends.plain, text, sizeof text, 0), 2);
    CHECK_IS(recv(ends.plain, text, sizeof text, 0), 1);
}

static void packets_keep_their_borders(void) {
    if (!is_here(&streams[COUNT(streams) - 1])) {
        SKIP("no unixpacket");
    }
    for (size_t meeting = 0; meeting < COUNT(meetings); meeting++) {
        struct ends ends = meetings[meeting](&streams[COUNT(streams) - 1]);
        packets(ends);
        close_ends(ends);
    }
}

/* We are asked. Who asks is told as text, and that text is where the answer goes. */
static void we_answer(const struct kind *kind) {
    char text[TEXT], asker[TEXT] = "", data[16];
    anysock_t ours = our_bound(kind, text);
    struct name name = parse(text);
    int plain = plain_socket(kind);
    if (kind->family == AF_UNIX) {
        struct name own = parse("@anysock-interop-asker");
        POSIX(bind(plain, (struct sockaddr *)&own.address, own.length));
    }
    CHECK_IS(sendto(plain, "question", 8, 0, (struct sockaddr *)&name.address, name.length), 8);
    CHECK_IS(anysock_recv_from(ours, data, sizeof data, 0, asker, sizeof asker), 8);
    CHECK(memcmp(data, "question", 8) == 0);
    CHECK_IS(anysock_send_to(ours, "answer", 6, 0, asker), 6);
    CHECK_IS(recv(plain, data, sizeof data, 0), 6);
    CHECK(memcmp(data, "answer", 6) == 0);
    /* A datagram without content is one, and ends nothing. */
    CHECK_IS(sendto(plain, "", 0, 0, (struct sockaddr *)&name.address, name.length), 0);
    CHECK_IS(sendto(plain, "more", 4, 0, (struct sockaddr *)&name.address, name.length), 4);
    CHECK_IS(anysock_read(ours, data, sizeof data), 0);
    CHECK_IS(anysock_read(ours, data, sizeof data), 4);
    OK(anysock_close(ours));
    close_plain(plain);
}

static void they_answer(const struct kind *kind) {
    char text[TEXT], data[16];
    int plain = plain_bound(kind, text);
    anysock_t ours = OK(anysock_open(kind->name));
    if (kind->family == AF_UNIX) {
        OK(anysock_bind(ours, "@anysock-interop-asker"));
    }
    OK(anysock_connect(ours, text));
    CHECK_IS(anysock_write(ours, "question", 8), 8);
    struct name asker = {.length = sizeof asker.address};
    CHECK_IS(recvfrom(plain, data, sizeof data, 0, (struct sockaddr *)&asker.address, &asker.length), 8);
    CHECK_IS(sendto(plain, "answer", 6, 0, (struct sockaddr *)&asker.address, asker.length), 6);
    CHECK_IS(anysock_read(ours, data, sizeof data), 6);
    CHECK_IS(anysock_write(ours, "", 0), 0);
    CHECK_IS(recv(plain, data, sizeof data, 0), 0);
    OK(anysock_close(ours));
    close_plain(plain);
}

static void datagrams_go_both_ways(void) {
    for (size_t kind = 0; kind < COUNT(datagrams) && is_here(&datagrams[kind]); kind++) {
        we_answer(&datagrams[kind]);
        they_answer(&datagrams[kind]);
    }
}

/* "tcp" on every interface takes both families, and tells an IPv4 peer as one. */
static void both_families_reach_a_wildcard(void) {
    char text[TEXT], peer[TEXT];
    anysock_t listener = OK(anysock_open("tcp"));
    OK(anysock_bind(listener, ":0"));
    OK(anysock_listen(listener, 0));
    OK(anysock_local_address(listener, text, sizeof text));
    const char *hosts[] = {"127.0.0.1", "[::1]"};
    for (size_t place = 0; place < COUNT(hosts); place++) {
        char address[TEXT + 16];
        snprintf(address, sizeof address, "%s%s", hosts[place], strrchr(text, ':'));
        struct name name = parse(address);
        int plain = POSIX(socket(name.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        POSIX(connect(plain, (struct sockaddr *)&name.address, name.length));
        anysock_t ours = OK(anysock_accept(listener));
        OK(anysock_peer_address(ours, peer, sizeof peer));
        CHECK(strncmp(peer, hosts[place], strlen(hosts[place])) == 0);
        OK(anysock_close(ours));
        close_plain(plain);
    }
    OK(anysock_close(listener));
}

int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    RUN(streams_talk);
    RUN(streams_half_close);
    RUN(streams_carry_bulk);
    RUN(tcp_carries_urgent_data);
    RUN(packets_keep_their_borders);
    RUN(datagrams_go_both_ways);
    RUN(both_families_reach_a_wildcard);
    return finish();
}
