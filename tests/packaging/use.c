/* A program as a user writes it: sends itself a line over TCP. Its exit status says whether that went well. */
#include <anysock.h>

#include <stdio.h>
#include <string.h>

int main(void) {
    anysock_t first, second;
    char line[32] = "";
    int64_t result = anysock_pair("tcp", &first, &second);
    if (result == 0) result = anysock_write_all(first, "shipped\n", 8);
    if (result == 8) result = anysock_read_full(second, line, 8);
    if (result != 8 || strcmp(line, "shipped\n") != 0) {
        fprintf(stderr, "%s: %s\n", anysock_error_name(result), line);
        return 1;
    }
    if (strcmp(anysock_version(), ANYSOCK_HEADER_VERSION) != 0 || anysock_abi_version() != ANYSOCK_HEADER_ABI) {
        fprintf(stderr, "the header is that of %s, the library is %s\n", ANYSOCK_HEADER_VERSION, anysock_version());
        return 1;
    }
    anysock_close(first);
    anysock_close(second);
    printf("%s %s", anysock_version(), line);
    return 0;
}
