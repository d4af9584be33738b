/*
 * udp_pair: a question and its answer, a datagram each.
 *
 *     cc udp_pair.c -lanysock -o udp_pair
 *     ./udp_pair listen 127.0.0.1:9000             port 0 takes a free one
 *     ./udp_pair ask 127.0.0.1:9000 "are you there?"
 *
 * A datagram arrives whole or not at all, and nobody says which. So the asker asks again when no answer comes in time;
 * the listener may hear a question twice, and answers it twice.
 *
 * What it is not: reliable for more than one question at a time. That takes numbers in the questions.
 */
#include <anysock.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 5
#define PATIENCE (500 * ANYSOCK_MILLISECOND)
#define DATAGRAM_LIMIT 65536 /* UDP allows no longer ones */

static void complain(const char *what, int64_t error) {
    fprintf(stderr, "udp_pair: %s: %s (%s)\n", what, anysock_error_message(error), anysock_error_name(error));
}

static int64_t check(int64_t result, const char *what) {
    if (result < 0) {
        complain(what, result);
        exit(EXIT_FAILURE);
    }
    return result;
}

static _Noreturn void listen_for_ever(const char *address) {
    static char question[DATAGRAM_LIMIT];
    char answer[256], asker[128];

    anysock_t h = check(anysock_open("udp"), "open");
    check(anysock_bind(h, address), address);
    check(anysock_local_address(h, asker, sizeof asker), "local address");
    printf("listening on %s\n", asker);
    fflush(stdout);

    for (;;) {
        int64_t length = check(anysock_recv_from(h, question, sizeof question, 0, asker, sizeof asker), "receive");
        printf("%s asks: %.*s\n", asker, (int)length, question);
        fflush(stdout);
        int answer_length = snprintf(answer, sizeof answer, "yes, %" PRId64 " bytes from %s", length, asker);
        int64_t sent = anysock_send_to(h, answer, (size_t)answer_length, 0, asker);
        if (sent < 0)
            complain(asker, sent); /* one asker that can't be reached is no reason to leave the others alone */
    }
}

static int ask(const char *address, const char *question) {
    char answer[1024];

    anysock_t h = check(anysock_open("udp"), "open");
    /* A connected datagram socket hears nobody but its peer, and hears that nobody listens there. */
    check(anysock_connect(h, address), address);
    check(anysock_set(h, ANYSOCK_OPT_READ_TIMEOUT, PATIENCE), "read_timeout");

    int64_t length = ANYSOCK_ETIMEDOUT;
    for (int i = 0; i < TRIES && length == ANYSOCK_ETIMEDOUT; i++) {
        check(anysock_send(h, question, strlen(question), 0), "send");
        length = anysock_recv(h, answer, sizeof answer, 0);
    }
    printf("%.*s\n", (int)check(length, address), answer);
    anysock_close(h);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "ask") == 0)
        return ask(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "listen") == 0)
        listen_for_ever(argv[2]);
    fprintf(stderr, "usage: udp_pair listen ADDRESS | udp_pair ask ADDRESS TEXT\n");
    return 2;
}
