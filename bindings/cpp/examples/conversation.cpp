// Both ends of the conversation that every language has with every other (tests/languages/README.md).
//
//     c++ -std=c++17 conversation.cpp -lanysock -o conversation
//     ./conversation listen 127.0.0.1:0
//     ./conversation talk ADDRESS NOBODY      where the server is, and where nobody listens

#include <anysock.hpp>

#include <cstdio>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

namespace {

constexpr auto patience = 30s;
constexpr std::size_t mebibyte = 1 << 20;

// RFC 1950.
std::uint32_t adler32(std::string_view bytes)
{
    std::uint32_t a = 1, b = 0;
    for (unsigned char byte : bytes) {
        a = (a + byte) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/// The name of the error that a call has, which is given the place for it.
template <typename Call> const char *failure(Call call)
{
    std::error_code error;
    call(error);
    return anysock::name(error);
}

// The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.

void answer(const anysock::socket &client)
{
    std::string all = client.read_to_end();
    client.write_all(std::to_string(all.size()) + " " + std::to_string(adler32(all)) + "\n");
    client.write_all(all);
}

void serve(const char *address)
{
    anysock::socket listener = anysock::listen(address);
    std::cout << "listening on " << listener.local_address() << std::endl;
    for (;;) {
        anysock::socket client = listener.accept();
        try {
            answer(client);
        } catch (const std::system_error &error) {
            std::cerr << "conversation: " << error.what() << '\n';
        }
    }
}

// The client: a line for each step.

anysock::socket connected(const std::string &address)
{
    anysock::socket server = anysock::connect("localhost" + address.substr(address.rfind(':')), "tcp", patience);
    std::cout << "connected " << server.peer_address() << '\n';
    return server;
}

const char *silence(const anysock::socket &server)
{
    char byte;
    server.set_timeout(50ms);
    const char *name = failure([&](std::error_code &error) { server.read({&byte, 1}, error); });
    server.set_timeout(patience);
    return name;
}

void say(const anysock::socket &server)
{
    std::string data(mebibyte, '\0');
    for (std::size_t i = 0; i < data.size(); i++)
        data[i] = static_cast<char>(i % 251);
    server.write_all(data);
    server.shutdown(anysock::shut::write);
}

/// Which of two has something to read: one to whom nobody speaks, or the server.
std::string ready(const anysock::socket &server)
{
    auto [idle, other] = anysock::pair("tcp");
    anysock::handle_set set{idle, server};
    anysock::select(&set, nullptr, nullptr, patience);
    return std::string(set.contains(idle) ? " idle" : "") + (set.contains(server) ? " server" : "");
}

void hear(const anysock::socket &server)
{
    std::string all = server.read_to_end();
    std::size_t end = all.find('\n');
    std::string_view echo = std::string_view(all).substr(end + 1);
    std::cout << "answer " << all.substr(0, end) << "\necho " << echo.size() << ' ' << adler32(echo) << '\n';
}

const char *cancelled()
{
    for (;;) {
        auto [idle, other] = anysock::pair("tcp");
        const char *name = nullptr;
        std::thread reader([&, &idle = idle] {
            char byte;
            name = failure([&](std::error_code &error) { idle.read({&byte, 1}, error); });
        });
        std::this_thread::sleep_for(20ms);
        idle.close();
        reader.join();
        // Else the thread came too late to be blocked.
        if (std::string_view(name) != "EBADF")
            return name;
    }
}

void talk(const char *address, const char *nobody)
{
    std::cout << "refused " << failure([&](std::error_code &error) { anysock::connect(nobody, "tcp", patience, error); }) << '\n';
    anysock::socket server = connected(address);
    std::cout << "silence " << silence(server) << '\n';
    say(server);
    std::cout << "ready" << ready(server) << '\n';
    hear(server);
    std::cout << "cancelled " << cancelled() << '\n';
    server.close();
    char byte;
    std::cout << "gone " << failure([&](std::error_code &error) { server.read({&byte, 1}, error); }) << '\n';
}

} // namespace

int main(int count, char **arguments)
{
    std::string_view what = count > 1 ? arguments[1] : "";
    try {
        if (count == 3 && what == "listen")
            serve(arguments[2]);
        else if (count == 4 && what == "talk")
            talk(arguments[2], arguments[3]);
        else
            std::cerr << "usage: conversation listen ADDRESS | conversation talk ADDRESS NOBODY\n";
    } catch (const std::system_error &error) {
        std::cerr << "conversation: " << error.what() << '\n';
        return 1;
    }
}
