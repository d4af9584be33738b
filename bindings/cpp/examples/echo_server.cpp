// One thread and one poller, which send back whatever their many clients say.
//
//     c++ -std=c++17 echo_server.cpp -lanysock -o echo_server
//     ./echo_server [ADDRESS]          default 127.0.0.1:7000; port 0 takes a free one, which the first line tells
//
// Ctrl-C ends it. A client that does not take its echo is not read from until it does, and holds up nobody.

#include <anysock.hpp>

#include <csignal>
#include <cstdio>
#include <map>

namespace event = anysock::event;
using anysock::errc;

namespace {

struct Client {
    anysock::socket socket;
    /// What is read and not yet sent back.
    std::string pending;
};

anysock_t woken_poller;

/// `anysock_poller_wake` may be called in a signal handler.
void interrupted(int) { anysock_poller_wake(woken_poller); }

/// Reads once, sends back what the client takes; whether the client is still there.
bool echo(Client &client)
{
    std::error_code error;
    if (client.pending.empty()) {
        char data[4096];
        std::size_t count = client.socket.read(data, error);
        if (error)
            return error == errc::resource_unavailable_try_again;
        if (count == 0)
            return false;
        client.pending.assign(data, count);
    }
    std::size_t count = client.socket.write(client.pending, error);
    client.pending.erase(0, count);
    return !error || error == errc::resource_unavailable_try_again;
}

class Server {
public:
    explicit Server(const char *address) : listener_(anysock::listen(address))
    {
        listener_.set_accept_timeout(anysock::never);
        poller_.set(listener_, event::read);
        woken_poller = poller_.number();
        std::printf("listening on %s\n", listener_.local_address().c_str());
        std::fflush(stdout);
    }

    void run()
    {
        for (auto events = poller_.wait(); !events.empty(); events = poller_.wait())
            for (const anysock::ready &ready : events)
                serve(ready.handle);
    }

private:
    void serve(anysock_t number)
    {
        if (number == listener_.number())
            welcome();
        else
            attend(number);
    }

    void welcome()
    {
        std::error_code error;
        for (anysock::socket peer = listener_.accept(error); !error; peer = listener_.accept(error)) {
            peer.set_timeout(anysock::never);
            poller_.set(peer, event::read);
            anysock_t number = peer.number();
            clients_[number] = Client{std::move(peer), ""};
        }
    }

    void attend(anysock_t number)
    {
        auto found = clients_.find(number);
        if (found == clients_.end())
            return;
        Client &client = found->second;
        if (echo(client))
            poller_.set(client.socket, client.pending.empty() ? event::read : event::write);
        else
            clients_.erase(found);
    }

    anysock::poller poller_;
    anysock::socket listener_;
    std::map<anysock_t, Client> clients_;
};

} // namespace

int main(int count, char **arguments)
{
    try {
        Server server(count > 1 ? arguments[1] : "127.0.0.1:7000");
        std::signal(SIGINT, interrupted);
        server.run();
    } catch (const std::system_error &error) {
        std::fprintf(stderr, "echo_server: %s\n", error.what());
        return 1;
    }
}
