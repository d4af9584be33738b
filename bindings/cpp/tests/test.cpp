// The C++ layer against the library: ownership, errors, views, times, waiting. What the sockets do is tested in C and Rust.

#include <anysock.hpp>

#include "check.hpp"

#include <array>
#include <atomic>
#include <cmath>
#include <memory>
#include <thread>
#if __has_include(<span>)
#include <span>
#endif

using namespace std::chrono_literals;
using anysock::errc;
namespace event = anysock::event;
namespace option = anysock::option;

namespace {

/// A listener on a free port, and its address.
struct Listener {
    anysock::socket socket = anysock::listen("127.0.0.1:0");
    std::string address = socket.local_address();
};

struct Connection {
    Listener listener;
    anysock::socket client = anysock::connect(listener.address);
    anysock::socket server = listener.socket.accept();
};

// Ownership.

void an_owner_closes_at_its_end()
{
    anysock_t number;
    {
        anysock::socket socket("tcp");
        number = socket.number();
        CHECK(number > 0 && socket);
    }
    CHECK(anysock_close(number) == ANYSOCK_EBADF);
}

void a_move_takes_the_handle_along()
{
    anysock::socket first("tcp");
    anysock_t number = first.number();
    anysock::socket second = std::move(first);
    CHECK(!first && second.number() == number);
    anysock::socket third("udp");
    anysock_t replaced = third.number();
    third = std::move(second);
    CHECK(third.number() == number && anysock_close(replaced) == ANYSOCK_EBADF);
    static_assert(!std::is_copy_constructible_v<anysock::socket> && !std::is_copy_assignable_v<anysock::socket>);
    static_assert(std::is_nothrow_move_constructible_v<anysock::socket>);
    CHECK(anysock_close(third.detach()) == 0 && !third);
}

void a_close_twice_is_an_error_and_no_harm()
{
    anysock::socket socket("tcp");
    socket.close();
    CHECK_THROWS(socket.close(), errc::bad_file_descriptor);
    CHECK_THROWS(anysock::socket().close(), errc::bad_file_descriptor);
}

void a_descriptor_is_taken_over_and_given_away()
{
    auto [left, right] = anysock::pair("tcp");
    std::int64_t descriptor = left.release();
    CHECK(!left);
    anysock::socket again = anysock::socket::adopt(descriptor);
    CHECK(again.descriptor() == descriptor);
    again.write_all("x");
    char byte;
    CHECK(right.read({&byte, 1}) == 1 && byte == 'x');
    std::error_code error;
    anysock::socket open("tcp");
    open.release(error);
    // Its family is not settled: it stays the owner's.
    CHECK(error == errc::not_connected && open);
}

// Errors.

void errors_have_names_and_compare_with_the_standards()
{
    std::string address = Listener().address;
    std::error_code error;
    anysock::socket peer = anysock::connect(address, "tcp", anysock::forever, error);
    CHECK(!peer && error == errc::connection_refused && error == std::errc::connection_refused);
    CHECK(error.category() == anysock::category() && error.value() == ANYSOCK_ECONNREFUSED);
    CHECK(std::string(anysock::name(error)) == "ECONNREFUSED");
    CHECK(error.message() == "connection refused (ECONNREFUSED)");
    try {
        anysock::connect(address);
        CHECK(!"reached");
    } catch (const std::system_error &thrown) {
        CHECK(thrown.code() == error);
        CHECK(std::string(thrown.what()) == "connect: connection refused (ECONNREFUSED)");
    }
    CHECK(std::error_code(errc::eai_noname) != std::errc::invalid_argument);
}

void an_error_that_is_given_is_cleared_by_success()
{
    std::error_code error = errc::interrupted;
    anysock::socket socket("tcp", error);
    CHECK(!error && socket);
    anysock::socket none("tcp5", error);
    CHECK(error == std::errc::invalid_argument && !none);
    CHECK(!anysock::throws());
}

void a_text_with_a_nul_inside_is_no_text()
{
    anysock::socket socket("tcp");
    CHECK_THROWS(socket.bind(std::string("127.0.0.1:0\0:1", 14)), errc::invalid_argument);
    CHECK_THROWS(anysock::socket(std::string("tcp\0", 4)), errc::invalid_argument);
}

// Bytes.

void bytes_go_through_whatever_holds_them()
{
    auto [left, right] = anysock::pair("tcp");
    CHECK(left.write("ab") == 2);
    CHECK(left.write(std::string("cd")) == 2);
    CHECK(left.write(std::string_view("ef")) == 2);
    CHECK(left.write(std::vector<char>{'g', 'h'}) == 2);
    CHECK(left.write(std::array<unsigned char, 2>{'i', 'j'}) == 2);
    CHECK(left.write({"k", std::string_view("lm")}) == 3);
    CHECK(left.write({"n", 1}) == 1);
    char first[2];
    std::string second(2, ' ');
    std::vector<char> third(2);
    std::array<unsigned char, 2> fourth{};
    CHECK(right.read_full(first) == 2 && first[1] == 'b');
    CHECK(right.read_full(second) == 2 && second == "cd");
    CHECK(right.read_full(third) == 2 && third[0] == 'e');
    CHECK(right.read_full(fourth) == 2 && fourth[1] == 'h');
    CHECK(right.read({first, fourth}) == 4 && first[0] == 'i' && fourth[0] == 'k');
    left.shutdown(anysock::shut::write);
    CHECK(right.read_to_end() == "mn");
    CHECK(right.read(first) == 0);
}

#if defined(__cpp_lib_span)
void spans_are_views_too()
{
    auto [left, right] = anysock::pair("tcp");
    std::array<std::uint16_t, 2> sent{1, 2}, received{};
    CHECK(left.write(std::span(sent)) == 4);
    CHECK(right.read_full(std::span(received)) == 4 && received == sent);
}
#endif

void a_megabyte_arrives_whole()
{
    Connection connection;
    std::string sent(1 << 20, 'x');
    for (std::size_t i = 0; i < sent.size(); i += 251)
        sent[i] = static_cast<char>(i);
    std::thread writer([&] {
        CHECK(connection.client.write_all(sent) == sent.size());
        connection.client.shutdown(anysock::shut::write);
    });
    CHECK(connection.server.read_to_end() == sent);
    writer.join();
}

void datagrams_tell_their_senders()
{
    anysock::socket one("udp"), other("udp");
    one.bind("127.0.0.1:0");
    other.bind("127.0.0.1:0");
    CHECK(one.send_to("hello", other.local_address()) == 5);
    char data[16];
    auto [size, address] = other.recv_from(data);
    CHECK(std::string_view(data, size) == "hello" && address == one.local_address());
    CHECK(one.send_to("", other.local_address()) == 0);
    CHECK(other.recv_from(data).size == 0);
}

void flags_are_for_one_call()
{
    auto [left, right] = anysock::pair("tcp");
    char byte;
    CHECK_THROWS(right.recv({&byte, 1}, anysock::flag::dont_wait), std::errc::resource_unavailable_try_again);
    CHECK(left.send("y", 0) == 1);
    CHECK(right.recv({&byte, 1}, anysock::flag::peek) == 1 && byte == 'y');
    CHECK(right.read({&byte, 1}) == 1 && byte == 'y');
}

// Options and times.

void options_have_their_types()
{
    anysock::socket socket("tcp");
    socket.set(option::tcp_nodelay, true);
    CHECK(socket.get(option::tcp_nodelay) == 1);
    socket.set("keepalive", 1);
    CHECK(socket.get_text(option::kind) == "tcp");
    socket.set(option::read_timeout, 1500ms);
    CHECK(socket.get(option::read_timeout) == 1'500'000);
    CHECK_THROWS(socket.set("tcp.nonsense", 1), errc::no_protocol_option);
    CHECK_THROWS(socket.get("kind"), errc::invalid_argument);
}

void times_are_rounded_up_and_bounded()
{
    using anysock::timeout;
    CHECK(timeout(1ns).microseconds() == 1);
    CHECK(timeout(0s).microseconds() == 0);
    CHECK(timeout(2h).microseconds() == 7'200'000'000);
    CHECK(timeout(anysock::forever).microseconds() == -1 && timeout(-5ms).microseconds() == 0);
    CHECK(timeout(std::chrono::hours::max()).microseconds() == -1);
    CHECK(timeout(std::chrono::duration<double>(0.25)).microseconds() == 250'000);
    // Not a number: the library refuses it.
    CHECK(timeout(std::chrono::duration<double>(std::nan(""))).microseconds() == -2);
}

void a_read_ends_with_its_time()
{
    auto [left, right] = anysock::pair("tcp");
    right.set_read_timeout(1ms);
    char byte;
    CHECK_THROWS(right.read({&byte, 1}), std::errc::timed_out);
    right.set_timeout(anysock::forever);
    right.set_read_timeout(anysock::never);
    CHECK_THROWS(right.read({&byte, 1}), errc::resource_unavailable_try_again);
}

// Waiting.

void select_leaves_what_is_ready()
{
    auto [left, right] = anysock::pair("tcp");
    auto [third, fourth] = anysock::pair("tcp");
    anysock::handle_set readable{right, fourth}, writable{third};
    left.write_all("x");
    CHECK(anysock::select(&readable, &writable, nullptr) == 2);
    CHECK(readable.contains(right) && !readable.contains(fourth) && readable.size() == 1);
    CHECK(writable.contains(third));
    anysock::handle_set quiet{fourth};
    CHECK(anysock::select(&quiet, nullptr, nullptr, 1ms) == 0 && quiet.empty());
    anysock::handle none;
    anysock::handle_set wrong{none};
    CHECK_THROWS(anysock::select(&wrong, nullptr, nullptr, 0s), errc::bad_file_descriptor);
    CHECK(wrong.size() == 1);
}

void a_poller_reports_tokens()
{
    anysock::poller poller;
    auto [left, right] = anysock::pair("tcp");
    poller.set(right, event::read, 7);
    CHECK(poller.wait(0s).empty());
    left.write_all("x");
    auto events = poller.wait();
    CHECK(events.size() == 1 && events[0].token == 7 && events[0].handle == right.number());
    CHECK(events[0].events & event::read);
    poller.remove(right);
    CHECK(poller.wait(0s).empty());
    CHECK_THROWS(poller.remove(right), std::errc::no_such_file_or_directory);
    poller.wake();
    CHECK(poller.wait().empty());
    std::error_code error;
    CHECK(poller.wait(static_cast<anysock::ready *>(nullptr), 0, 0s, error) == 0);
    CHECK(error == errc::invalid_argument);
}

/// What is tested holds whether the other thread has begun to wait or not.
void a_close_wakes_another_thread()
{
    auto [left, right] = anysock::pair("tcp");
    std::atomic<bool> about{false};
    std::error_code error;
    std::thread reader([&, &socket = right] {
        char byte;
        about = true;
        socket.read({&byte, 1}, error);
    });
    while (!about)
        std::this_thread::yield();
    right.close();
    reader.join();
    CHECK(error == std::errc::operation_canceled || error == errc::bad_file_descriptor);
}

// The queue.

void a_queue_echoes_without_a_copy()
{
    Connection connection;
    anysock::queue queue;
    anysock::batch batch;
    batch.read(connection.server, 7);
    connection.client.write_all("hello");
    auto events = queue.run(batch);
    CHECK(batch.size() == 0 && events.size() == 1);
    CHECK(events[0].token == 7 && anysock::view(events[0]) == "hello" && !anysock::failure(events[0]));
    batch.write(connection.server, events[0], 8);
    batch.write(connection.server, "!", 9);
    CHECK(queue.run(batch).size() == 2);
    char data[6];
    CHECK(connection.client.read_full(data) == 6 && std::string_view(data, 6) == "hello!");
    connection.client.close();
    events = queue.run(batch);
    CHECK(events.size() == 1 && events[0].token == 7 && events[0].result == 0 && events[0].buffer == 0);
}

void a_queue_accepts_connects_and_closes()
{
    Listener listener;
    anysock::socket client("tcp");
    anysock::queue queue;
    anysock::batch batch;
    batch.accept(listener.socket, 1);
    batch.connect(client, listener.address, 2);
    anysock::socket server;
    bool connected = false;
    while (!server || !connected)
        for (const anysock::completion &done : queue.run(batch)) {
            CHECK(!anysock::failure(done));
            if (done.token == 1)
                server = anysock::socket(done.result);
            connected = connected || done.token == 2;
        }
    batch.shutdown(client, anysock::shut::write, 3, anysock::queue_flag::quiet);
    batch.close(server, 4);
    CHECK(queue.run(batch).size() == 1);
    char byte;
    CHECK(client.read({&byte, 1}) == 0);
    CHECK_THROWS(server.close(), errc::bad_file_descriptor);
}

void a_queue_has_timers_and_wakes()
{
    anysock::queue queue;
    anysock::batch batch;
    batch.timer(1ms, 5);
    auto events = queue.run(batch);
    CHECK(events.size() == 1 && events[0].token == 5 && events[0].result == 0);
    batch.timer(1h, 6);
    CHECK(queue.run(batch, 0s).empty());
    batch.cancel(6, 7);
    events = queue.run(batch);
    bool cancelled = false;
    for (const anysock::completion &done : events)
        cancelled = cancelled || (done.token == 6 && anysock::failure(done) == std::errc::operation_canceled);
    CHECK(cancelled);
    queue.wake();
    CHECK(queue.run(batch).empty());
}

void what_was_not_taken_stays_in_the_batch()
{
    std::error_code error;
    CHECK(!anysock::queue(-1, 0, error) && error == errc::invalid_argument);
    anysock::queue queue;
    anysock::batch batch;
    batch.timer(1h, 1);
    queue.run(batch, nullptr, 1, 0s, error);
    CHECK(error == errc::bad_address && batch.size() == 1);
    queue.close();
    queue.run(batch, 0s, 1, error);
    CHECK(error == errc::bad_file_descriptor && batch.size() == 1);
}

// Names.

void names_are_lists()
{
    auto addresses = anysock::resolve("127.0.0.1:80");
    CHECK(addresses == std::vector<std::string>{"127.0.0.1:80"});
    bool loopback = false;
    for (const std::string &line : anysock::interfaces())
        loopback = loopback || line.find("127.0.0.1/") != std::string::npos;
    CHECK(loopback);
    CHECK(anysock::has("tcp") && !anysock::has("nonsense"));
    CHECK_THROWS(anysock::resolve("nonsense"), errc::invalid_argument);
}

void a_long_text_is_read_whole()
{
    auto [left, right] = anysock::pair("tcp");
    // Longer than the first guess.
    std::string name(100, 'n');
    int calls = 0;
    std::error_code error;
    auto text = anysock::detail::filled(
        [&](char *room, std::size_t size) {
            calls++;
            std::string full = name + name + name;
            std::snprintf(room, size, "%s", full.c_str());
            return static_cast<std::int64_t>(full.size());
        },
        "test", error);
    CHECK(text == name + name + name && calls == 2);
}

} // namespace

int main()
{
    RUN(an_owner_closes_at_its_end);
    RUN(a_move_takes_the_handle_along);
    RUN(a_close_twice_is_an_error_and_no_harm);
    RUN(a_descriptor_is_taken_over_and_given_away);
    RUN(errors_have_names_and_compare_with_the_standards);
    RUN(an_error_that_is_given_is_cleared_by_success);
    RUN(a_text_with_a_nul_inside_is_no_text);
    RUN(bytes_go_through_whatever_holds_them);
#if defined(__cpp_lib_span)
    RUN(spans_are_views_too);
#endif
    RUN(a_megabyte_arrives_whole);
    RUN(datagrams_tell_their_senders);
    RUN(flags_are_for_one_call);
    RUN(options_have_their_types);
    RUN(times_are_rounded_up_and_bounded);
    RUN(a_read_ends_with_its_time);
    RUN(select_leaves_what_is_ready);
    RUN(a_poller_reports_tokens);
    RUN(a_close_wakes_another_thread);
    RUN(a_queue_echoes_without_a_copy);
    RUN(a_queue_accepts_connects_and_closes);
    RUN(a_queue_has_timers_and_wakes);
    RUN(what_was_not_taken_stays_in_the_batch);
    RUN(names_are_lists);
    RUN(a_long_text_is_read_whole);
    std::printf("%d passed, 0 failed\n", passed_cases);
}
