/*
 * The select server of the examples, as its clients meet it: 500 of them hang on it and say nothing, and all the others are
 * served. The clients are plain BSD sockets. Needs the built example: $EXAMPLES/select_server.
 */
#include "check.h"

enum { IDLE = 500 };

static pid_t server;
static struct sockaddr_in server_name;

/* Starts the server, and waits for the line in which it says where it listens. */
static void start_server(void) {
    const char *directory = getenv("EXAMPLES");
    char program[1024], line[256] = "";
    snprintf(program, sizeof program, "%s/select_server", directory ? directory : ".");
    if (directory == NULL || access(program, X_OK) != 0) {
        SKIP("the select server is not built: make examples");
    }
    int lines[2];
    POSIX(pipe(lines));
    server = POSIX(fork());
    if (server == 0) {
        dup2(lines[1], STDOUT_FILENO);
        close(lines[0]);
        close(lines[1]);
        execl(program, program, "127.0.0.1:0", (char *)NULL);
        _exit(127);
    }
    POSIX(close(lines[1]));
    FILE *output = fdopen(lines[0], "r");
    CHECK(output != NULL && fgets(line, sizeof line, output) != NULL);
    int port = 0;
    CHECK(sscanf(line, "listening on http://127.0.0.1:%d/", &port) == 1);
    fclose(output);
    server_name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    server_name.sin_port = htons((uint16_t)port);
}

/* Ctrl-C ends it, and nothing is amiss. */
static void end_server(void) {
    POSIX(kill(server, SIGINT));
    expect_success(server);
}

static int client(void) {
    int fd = POSIX(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    POSIX(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 60}, sizeof(struct timeval)));
    POSIX(connect(fd, (struct sockaddr *)&server_name, sizeof server_name));
    return fd;
}

static void ask(int fd, const char *request) {
    CHECK_IS(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
}

/* Reads one answer as its Content-Length says. */
static void expect_answer(int fd, const char *status, bool with_content) {
    char text[4096] = "";
    size_t length = 0;
    while (strstr(text, "\r\n\r\n") == NULL) {
        CHECK(length < sizeof text - 1);
        CHECK_IS(recv(fd, text + length, 1, 0), 1);
        text[++length] = '\0';
    }
    CHECK(strncmp(text, "HTTP/1.1 ", 9) == 0 && strncmp(text + 9, status, strlen(status)) == 0);
    const char *field = strstr(text, "Content-Length: ");
    CHECK(field != NULL);
    size_t content = (size_t)atoi(field + strlen("Content-Length: "));
    CHECK(content < sizeof text);
    if (with_content) {
        CHECK_IS(recv(fd, text, content, MSG_WAITALL), content);
    }
}

static void expect_end(int fd) {
    char byte;
    CHECK_IS(recv(fd, &byte, 1, 0), 0);
    POSIX(close(fd));
}

static const char get[] = "GET / HTTP/1.1\r\nHost: anysock\r\n\r\n";

static void serves_among_five_hundred_who_say_nothing(void) {
    start_server();
    static int idle[IDLE];
    for (int place = 0; place < IDLE; place++) {
        idle[place] = client();
    }
    for (int round = 0; round < 20; round++) {
        int fd = client();
        ask(fd, get);
        expect_answer(fd, "200", true);
        POSIX(close(fd));
    }
    /* Those who have waited are served as well, once they speak. */
    for (int place = 0; place < IDLE; place += 50) {
        ask(idle[place], get);
        expect_answer(idle[place], "200", true);
    }
    for (int place = 0; place < IDLE; place++) {
        POSIX(close(idle[place]));
    }
    end_server();
}

static void keeps_a_connection(void) {
    start_server();
    int fd = client();
    ask(fd, get);
    expect_answer(fd, "200", true);
    ask(fd, "HEAD / HTTP/1.1\r\nHost: anysock\r\n\r\n");
    expect_answer(fd, "200", false);
    ask(fd, "GET /nowhere HTTP/1.1\r\nHost: anysock\r\n\r\n");
    expect_answer(fd, "404", true);
    ask(fd, "GET / HTTP/1.1\r\nHost: anysock\r\n\r\nGET / HTTP/1.1\r\nHost: anysock\r\nConnection: close\r\n\r\n");
    expect_answer(fd, "200", true);
    expect_answer(fd, "200", true);
    expect_end(fd);
    end_server();
}

static void takes_a_request_byte_by_byte(void) {
    start_server();
    int slow = client();
    POSIX(setsockopt(slow, IPPROTO_TCP, 1 /* TCP_NODELAY */, &(int){1}, sizeof(int)));
    for (const char *byte = get; *byte != '\0'; byte++) {
        CHECK_IS(send(slow, byte, 1, MSG_NOSIGNAL), 1);
        int quick = client();
        ask(quick, get);
        expect_answer(quick, "200", true);
        POSIX(close(quick));
    }
    expect_answer(slow, "200", true);
    POSIX(close(slow));
    end_server();
}

static void refuses_what_is_no_request(void) {
    start_server();
    int fd = client();
    ask(fd, "what is this?\r\n\r\n");
    expect_answer(fd, "400", true);
    expect_end(fd);
    fd = client();
    POSIX(shutdown(fd, SHUT_WR));
    expect_end(fd);
    end_server();
}

int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    RUN(serves_among_five_hundred_who_say_nothing);
    RUN(keeps_a_connection);
    RUN(takes_a_request_byte_by_byte);
    RUN(refuses_what_is_no_request);
    return finish();
}
