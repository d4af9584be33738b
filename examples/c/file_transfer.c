/*
 * file_transfer: sends files over TCP, each with a checksum that the receiver verifies and acknowledges.
 *
 *     cc file_transfer.c -lanysock -o file_transfer
 *     ./file_transfer receive 127.0.0.1:9100 DIRECTORY [--once]     port 0 takes a free one; --once: one connection
 *     ./file_transfer send 127.0.0.1:9100 FILE...
 *
 * The protocol. A stream has no borders, so lengths come first. Numbers are big-endian. For each file the sender sends
 *
 *     magic           4 bytes    "ANYF"
 *     name length     2 bytes
 *     file size       8 bytes
 *     name            UTF-8, as long as was said; no directories
 *     content         as long as was said
 *     checksum        4 bytes    CRC-32 of the content, as in zlib
 *
 * and the receiver answers one byte: 'K', the file is kept, or 'E', the checksum is wrong or the file refused. After the
 * last file the sender ends its half of the connection, and the receiver closes. examples/python/file_transfer.py speaks
 * the same.
 *
 * A name can't lead out of the directory. A file gets its name only when it is whole; until then it is NAME.part.
 *
 * What it is not: rsync or scp. It neither encrypts nor asks who sends, and overwrites files of the same name.
 */
#include <anysock.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "ANYF"
#define HEADER_LENGTH 14
#define NAME_LIMIT 250 /* with .part it is still a name that every file system takes */
#define PATIENCE (30 * ANYSOCK_SECOND)
#define KEPT 'K'
#define REFUSED 'E'

/* Both roles work through one buffer, a piece at a time. */
static unsigned char buffer[65536];

static void complain(const char *what, const char *message) {
    fprintf(stderr, "file_transfer: %s: %s\n", what, message);
}

/* Whether a call has succeeded; complains if not. */
static bool succeeded(int64_t result, const char *what) {
    if (result >= 0)
        return true;
    fprintf(stderr, "file_transfer: %s: %s (%s)\n", what, anysock_error_message(result), anysock_error_name(result));
    return false;
}

static int64_t check(int64_t result, const char *what) {
    if (!succeeded(result, what))
        exit(EXIT_FAILURE);
    return result;
}

/* -- Bytes. ------------------------------------------------------------------------------------------------------ */

static void put_number(unsigned char *bytes, int length, uint64_t number) {
    for (int i = length; i-- > 0; number >>= 8)
        bytes[i] = (unsigned char)number;
}

static uint64_t get_number(const unsigned char *bytes, int length) {
    uint64_t number = 0;
    for (int i = 0; i < length; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* Carries a CRC-32 on over more bytes; the first is 0. */
static uint32_t crc32(uint32_t crc, const unsigned char *bytes, size_t length) {
    static uint32_t table[256];
    if (table[1] == 0) {
        for (uint32_t i = 0; i < 256; i++) {
            table[i] = i;
            for (int bit = 0; bit < 8; bit++)
                table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xEDB88320 : 0);
        }
    }
    crc = ~crc;
    for (size_t i = 0; i < length; i++)
        crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 255];
    return ~crc;
}

static size_t piece(uint64_t left) {
    return left < sizeof buffer ? (size_t)left : sizeof buffer;
}

/* Reads exactly as many bytes. */
static bool read_exactly(anysock_t h, void *data, size_t length) {
    for (char *at = data; length > 0;) {
        int64_t received = anysock_read_full(h, at, length);
        if (!succeeded(received, "read"))
            return false;
        if (received == 0) {
            complain("read", "the connection ended in the middle of a file");
            return false;
        }
        at += received;
        length -= (size_t)received;
    }
    return true;
}

static bool write_exactly(anysock_t h, const void *data, size_t length) {
    for (const char *at = data; length > 0;) {
        int64_t sent = anysock_write_all(h, at, length);
        if (!succeeded(sent, "write"))
            return false;
        at += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* -- Receiving. -------------------------------------------------------------------------------------------------- */

/* What came of a file. After the last two there is no other on the connection. */
enum outcome { FILE_KEPT, FILE_REFUSED, ALL_RECEIVED, BROKEN };

/* Whether a name is a plain file name on every system: nothing in it leads elsewhere. */
static bool is_safe(const char *name, size_t length) {
    if (length == 0 || length > NAME_LIMIT || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < ' ' || strchr("/\\:", name[i]))
            return false;
    return true;
}

/* Takes in the content and its checksum. `file` is NULL if nobody wants it. */
static enum outcome receive_content(anysock_t sender, uint64_t size, FILE *file) {
    unsigned char trailer[4];
    bool whole = file != NULL;
    uint32_t crc = 0;

    for (uint64_t left = size; left > 0;) {
        size_t length = piece(left);
        if (!read_exactly(sender, buffer, length))
            return BROKEN;
        crc = crc32(crc, buffer, length);
        whole = whole && fwrite(buffer, 1, length, file) == length;
        left -= length;
    }
    if (!read_exactly(sender, trailer, sizeof trailer))
        return BROKEN;
    return whole && get_number(trailer, sizeof trailer) == crc ? FILE_KEPT : FILE_REFUSED;
}

/* Gives the whole file its name. Some systems do not rename over a file that is there. */
static bool rename_over(const char *from, const char *to) {
    if (rename(from, to) == 0)
        return true;
    remove(to);
    return rename(from, to) == 0;
}

static enum outcome receive_into(anysock_t sender, uint64_t size, const char *path) {
    char part[FILENAME_MAX + 8];
    snprintf(part, sizeof part, "%s.part", path);
    FILE *file = fopen(part, "wb");
    if (!file)
        complain(part, strerror(errno));

    enum outcome outcome = receive_content(sender, size, file);
    if (!file)
        return outcome;
    if (fclose(file) != 0 && outcome == FILE_KEPT)
        outcome = FILE_REFUSED;
    if (outcome == FILE_KEPT && rename_over(part, path))
        return FILE_KEPT;
    remove(part);
    return outcome == BROKEN ? BROKEN : FILE_REFUSED;
}

static enum outcome receive_file(anysock_t sender, const char *directory) {
    static char name[UINT16_MAX + 1];
    unsigned char header[HEADER_LENGTH];
    char path[FILENAME_MAX];

    int64_t first = anysock_read(sender, header, 1);
    if (first == 0)
        return ALL_RECEIVED;
    if (!succeeded(first, "read") || !read_exactly(sender, header + 1, sizeof header - 1))
        return BROKEN;
    if (memcmp(header, MAGIC, 4) != 0) {
        complain("read", "this is not the file transfer protocol");
        return BROKEN;
    }
    size_t name_length = (size_t)get_number(header + 4, 2);
    uint64_t size = get_number(header + 6, 8);
    if (!read_exactly(sender, name, name_length))
        return BROKEN;
    name[name_length] = '\0';

    /* A name that is not safe is not shown either: it might hold what a terminal obeys. */
    bool is_wanted = is_safe(name, name_length) &&
                     snprintf(path, sizeof path, "%s/%s", directory, name) < (int)sizeof path;
    enum outcome outcome = is_wanted ? receive_into(sender, size, path) : receive_content(sender, size, NULL);
    if (outcome == BROKEN)
        return BROKEN;

    char answer = outcome == FILE_KEPT ? KEPT : REFUSED;
    printf("%s %s, %llu bytes\n", outcome == FILE_KEPT ? "kept" : "refused", is_wanted ? name : "an unsafe name",
           (unsigned long long)size);
    fflush(stdout);
    return write_exactly(sender, &answer, 1) ? outcome : BROKEN;
}

/* Receives what one sender has; whether all of it was kept. */
static bool receive_all(anysock_t sender, const char *directory) {
    bool all_kept = true;
    for (;;) {
        switch (receive_file(sender, directory)) {
        case FILE_KEPT:
            break;
        case FILE_REFUSED:
            all_kept = false;
            break;
        case ALL_RECEIVED:
            return all_kept;
        case BROKEN:
            return false;
        }
    }
}

static int receive(const char *address, const char *directory, bool once) {
    char text[128];
    bool all_kept;

    anysock_t listener = check(anysock_open("tcp"), "open");
    check(anysock_bind(listener, address), address);
    check(anysock_listen(listener, 0), "listen");
    check(anysock_local_address(listener, text, sizeof text), "local address");
    printf("listening on %s\n", text);
    fflush(stdout);

    do {
        anysock_t sender = check(anysock_accept(listener), "accept");
        anysock_set(sender, ANYSOCK_OPT_TIMEOUT, PATIENCE); /* one sender that stops does not stop the next */
        all_kept = receive_all(sender, directory);
        anysock_close(sender);
    } while (!once);
    anysock_close(listener);
    return all_kept ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* -- Sending. ---------------------------------------------------------------------------------------------------- */

/* The last part of a path, of Windows' paths too. */
static const char *base_name(const char *path) {
    const char *name = path;
    for (; *path; path++)
        if (*path == '/' || *path == '\\')
            name = path + 1;
    return name;
}

/* How long a file is, by reading it: ftell ends at two gigabytes on some systems. */
static bool measure(FILE *file, uint64_t *size) {
    size_t length;
    *size = 0;
    while ((length = fread(buffer, 1, sizeof buffer, file)) > 0)
        *size += length;
    return !ferror(file) && fseek(file, 0, SEEK_SET) == 0;
}

/* Sends exactly as much of a file as was announced, and its checksum. */
static bool send_content(anysock_t receiver, FILE *file, uint64_t size, const char *path) {
    unsigned char trailer[4];
    uint32_t crc = 0;

    for (uint64_t left = size; left > 0;) {
        size_t length = piece(left);
        if (fread(buffer, 1, length, file) != length) {
            complain(path, "has become shorter");
            return false;
        }
        crc = crc32(crc, buffer, length);
        if (!write_exactly(receiver, buffer, length))
            return false;
        left -= length;
    }
    put_number(trailer, sizeof trailer, crc);
    return write_exactly(receiver, trailer, sizeof trailer);
}

/* Sends an open file; whether the receiver keeps it. Ends the program if the connection is of no more use. */
static bool send_file(anysock_t receiver, FILE *file, const char *path) {
    unsigned char header[HEADER_LENGTH] = MAGIC;
    const char *name = base_name(path);
    size_t name_length = strlen(name);
    uint64_t size;
    char answer;

    if (name_length > NAME_LIMIT || !measure(file, &size)) {
        complain(path, "is no file that can be sent");
        return false;
    }
    put_number(header + 4, 2, name_length);
    put_number(header + 6, 8, size);
    if (!write_exactly(receiver, header, sizeof header) || !write_exactly(receiver, name, name_length) ||
        !send_content(receiver, file, size, path) || !read_exactly(receiver, &answer, 1))
        exit(EXIT_FAILURE);
    printf("%s %s, %llu bytes\n", answer == KEPT ? "sent" : "refused:", name, (unsigned long long)size);
    return answer == KEPT;
}

static int send_all(const char *address, char **paths, int count) {
    bool all_kept = true;

    anysock_t receiver = check(anysock_open("tcp"), "open");
    check(anysock_set(receiver, ANYSOCK_OPT_TIMEOUT, PATIENCE), "timeout");
    check(anysock_connect(receiver, address), address);

    for (int i = 0; i < count; i++) {
        FILE *file = fopen(paths[i], "rb");
        if (!file) {
            complain(paths[i], strerror(errno));
            all_kept = false;
            continue;
        }
        all_kept = send_file(receiver, file, paths[i]) && all_kept;
        fclose(file);
    }

    check(anysock_shutdown(receiver, ANYSOCK_SHUT_WRITE), "shutdown");
    check(anysock_read(receiver, buffer, 1), "read"); /* the receiver closes when it has read the end */
    anysock_close(receiver);
    return all_kept ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Takes an option out of the arguments, wherever it stands. */
static bool take_option(int *argc, char **argv, const char *option) {
    bool found = false;
    int kept = 0;
    for (int i = 0; i < *argc; i++) {
        if (strcmp(argv[i], option) == 0)
            found = true;
        else
            argv[kept++] = argv[i];
    }
    *argc = kept;
    return found;
}

int main(int argc, char **argv) {
    bool is_receiver = argc > 1 && strcmp(argv[1], "receive") == 0;
    bool once = is_receiver && take_option(&argc, argv, "--once");

    if (is_receiver && argc == 4)
        return receive(argv[2], argv[3], once);
    if (argc > 3 && strcmp(argv[1], "send") == 0)
        return send_all(argv[2], argv + 3, argc - 3);
    fprintf(stderr, "usage: file_transfer receive ADDRESS DIRECTORY [--once] | file_transfer send ADDRESS FILE...\n");
    return 2;
}
