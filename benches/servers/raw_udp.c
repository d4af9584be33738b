/*
 * The echo server of datagrams by hand: recvmmsg(2) and sendmmsg(2), up to 64 at a time. Linux only.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#define _GNU_SOURCE
#include "server.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum { MOST = 64 };

static struct mmsghdr messages[MOST];
static struct iovec pieces[MOST];
static struct sockaddr_storage names[MOST];
static char room[MOST][ROOM];

int main(void) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;

    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    expect(bind(fd, (struct sockaddr *)&name, sizeof name) == 0, "bind");
    expect(getsockname(fd, (struct sockaddr *)&name, &length) == 0, "getsockname");
    announce(ntohs(name.sin_port));
    for (;;) {
        for (int i = 0; i < MOST; i++) {
            pieces[i] = (struct iovec){.iov_base = room[i], .iov_len = ROOM};
            messages[i].msg_hdr = (struct msghdr){
                .msg_name = &names[i], .msg_namelen = sizeof names[i], .msg_iov = &pieces[i], .msg_iovlen = 1};
        }
        int count = recvmmsg(fd, messages, MOST, MSG_WAITFORONE, NULL);
        expect(count > 0, "recvmmsg");
        for (int i = 0; i < count; i++)
            pieces[i].iov_len = messages[i].msg_len;
        for (int sent = 0, more; sent < count; sent += more) {
            more = sendmmsg(fd, messages + sent, (unsigned)(count - sent), MSG_NOSIGNAL);
            expect(more > 0, "sendmmsg");
        }
    }
}
