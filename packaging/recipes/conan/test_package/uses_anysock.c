/* Opens a socket and closes it; its exit status says whether that went well. */
#include <anysock.h>

int main(void) {
    return anysock_close(anysock_open("tcp")) == 0 ? 0 : 1;
}
