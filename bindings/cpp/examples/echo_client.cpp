// Says something to an echo server, and waits no longer than ten seconds for each step.
//
//     c++ -std=c++17 echo_client.cpp -lanysock -o echo_client
//     ./echo_client ADDRESS TEXT

#include <anysock.hpp>

#include <cstdio>

int main(int count, char **arguments)
{
    using namespace std::chrono_literals;
    if (count != 3) {
        std::fprintf(stderr, "usage: echo_client ADDRESS TEXT\n");
        return 2;
    }
    try {
        anysock::socket peer = anysock::connect(arguments[1], "tcp", 10s);
        peer.set_timeout(10s);
        peer.write_all(arguments[2]);
        // The server sees the end, sends back what is left and closes.
        peer.shutdown(anysock::shut::write);
        std::printf("%s\n", peer.read_to_end().c_str());
    } catch (const std::system_error &error) {
        std::fprintf(stderr, "echo_client: %s\n", error.what());
        return 1;
    }
}
