/* One program that uses two libraries that are written in Rust, both linked as archives. */
#include <anysock.h>

#include <stdio.h>

int64_t other_count(const uint8_t *text, size_t length);

int main(void) {
    anysock_t first, second;
    uint8_t bytes[8];
    if (anysock_pair("tcp", &first, &second) != 0) return 1;
    if (anysock_write_all(first, "aabbccdd", 8) != 8 || anysock_read_full(second, bytes, 8) != 8) return 2;
    if (other_count(bytes, 8) != 4) return 3;
    /* A panic there unwinds through that library's frames alone. */
    if (other_count(bytes, 0) != -1) return 4;
    if (anysock_close(first) != 0 || anysock_close(second) != 0 || anysock_close(second) != ANYSOCK_EBADF) return 5;
    puts("both");
    return 0;
}
