// anysock for C++17: the same sockets on every system, header only, over the C library.
//
//     anysock::socket peer = anysock::connect("example.com:80");
//     peer.write_all("GET / HTTP/1.0\r\n\r\n");
//     std::string page = peer.read_to_end();
//
// Whatever owns a handle closes it. Every function that can fail throws std::system_error, or takes a std::error_code as its last
// argument and then throws nothing but std::bad_alloc. Times are durations of <chrono>. Any object may be used from any thread; moving
// and destroying are for one thread alone.
//
// Not here: what the library promises (its manual), and declarations that need no change (anysock.h).
//
// SPDX-License-Identifier: MIT OR Apache-2.0

#ifndef ANYSOCK_HPP
#define ANYSOCK_HPP

#include <anysock.h>
#include <anysock/constants.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace anysock {

// Errors.

/// The name of an error, as "ECONNREFUSED"; "EOS_n" for the system's own number n.
inline const char *name(const std::error_code &error) { return anysock_error_name(error.value()); }

/// The category of the library's errors. Their values are `errc`, and compare equal to `std::errc` where that has a word for them.
inline const std::error_category &category() noexcept
{
    struct library final : std::error_category {
        const char *name() const noexcept override { return "anysock"; }

        std::string message(int code) const override
        {
            return std::string(anysock_error_message(code)) + " (" + anysock_error_name(code) + ")";
        }

        std::error_condition default_error_condition(int code) const noexcept override
        {
            std::errc known = portable(static_cast<errc>(code));
            return known == std::errc{} ? std::error_condition(code, *this) : std::make_error_condition(known);
        }
    };
    static const library instance;
    return instance;
}

inline std::error_code make_error_code(errc error) noexcept { return {static_cast<int>(error), category()}; }

/// What a function takes that shall throw: the last argument of every function that can fail, unless another is given.
inline std::error_code &throws()
{
    // Only its address counts; nothing is ever stored in it.
    static std::error_code marker;
    return marker;
}

namespace detail {

[[noreturn]] inline void raise(std::error_code error, const char *what)
{
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
    throw std::system_error(error, what);
#else
    // A program without exceptions gives every call its error code.
    static_cast<void>(error), static_cast<void>(what);
    std::abort();
#endif
}

/// The answer of a call, or 0 with the error told.
inline std::int64_t check(std::int64_t result, const char *what, std::error_code &error)
{
    if (&error != &throws())
        error.clear();
    if (result >= 0)
        return result;
    std::error_code failure(static_cast<int>(result), category());
    if (&error == &throws())
        raise(failure, what);
    error = failure;
    return 0;
}

} // namespace detail

// What calls take: views of the caller's memory, which nothing here keeps.

/// Bytes to be sent: of a string, a vector, an array, whatever lies in one piece. A literal, and an array of `char`, is a text up to
/// its NUL.
class bytes {
public:
    constexpr bytes(const void *data, std::size_t size) noexcept : data_(data), size_(size) {}
    constexpr bytes(const char *text) noexcept : bytes(std::string_view(text)) {}
    constexpr bytes(std::string_view text) noexcept : data_(text.data()), size_(text.size()) {}

    template <class Range, class = std::enable_if_t<std::is_trivially_copyable_v<
                               std::remove_reference_t<decltype(*std::declval<const Range &>().data())>>>>
    constexpr bytes(const Range &range) noexcept : data_(range.data()), size_(range.size() * sizeof *range.data())
    {
    }

    constexpr const void *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }

private:
    const void *data_;
    std::size_t size_;
};

/// Room for bytes: a string, a vector, an array of something that may be overwritten byte for byte.
class room {
public:
    constexpr room(void *data, std::size_t size) noexcept : data_(data), size_(size) {}

    template <class Item, std::size_t Count> constexpr room(Item (&items)[Count]) noexcept : room(items, sizeof items)
    {
        static_assert(std::is_trivially_copyable_v<Item> && !std::is_const_v<Item>);
    }

    template <class Range, class Item = std::remove_reference_t<decltype(*std::declval<Range &>().data())>,
              class = std::enable_if_t<std::is_trivially_copyable_v<Item> && !std::is_const_v<Item>>>
    constexpr room(Range &range) noexcept : room(range.data(), range.size() * sizeof(Item))
    {
    }

    /// A view that is made in the call, as std::span is.
    template <class Range, class Item = std::remove_reference_t<decltype(*std::declval<Range &>().data())>,
              class = std::enable_if_t<std::is_trivially_copyable_v<Item> && !std::is_const_v<Item> &&
                                       std::is_trivially_copyable_v<Range> && !std::is_lvalue_reference_v<Range>>>
    constexpr room(Range &&view) noexcept : room(view.data(), view.size() * sizeof(Item))
    {
    }

    constexpr void *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }

private:
    void *data_;
    std::size_t size_;
};

/// A text that a NUL ends. One with a NUL inside is passed on as what no text is, so that it is an error and not cut.
class text {
public:
    constexpr text(const char *characters) noexcept : characters_(characters) {}
    text(const std::string &string) noexcept
        : characters_(string.find('\0') == std::string::npos ? string.c_str() : "\xff")
    {
    }

    constexpr const char *c_str() const noexcept { return characters_; }

private:
    const char *characters_;
};

/// How long a call may wait: any duration, rounded up to microseconds. A negative one is over already, as what is left to a deadline
/// that has passed.
class timeout {
public:
    template <class Number, class Period>
    constexpr timeout(std::chrono::duration<Number, Period> time) noexcept : microseconds_(count(time))
    {
    }

    constexpr std::int64_t microseconds() const noexcept { return microseconds_; }

private:
    template <class Number, class Period>
    static constexpr std::int64_t count(std::chrono::duration<Number, Period> time) noexcept
    {
        const double seconds = std::chrono::duration<double>(time).count();
        if (seconds < 0)
            return 0;
        // Three hundred years are for ever, and more would not fit.
        if (seconds > 9e9)
            return -1;
        // Not a number: the library says that it is no time.
        if (!(seconds >= 0))
            return -2;
        return std::chrono::ceil<std::chrono::microseconds>(time).count();
    }

    std::int64_t microseconds_;
};

/// No limit. In parentheses, as <windows.h> has a macro of that name.
inline constexpr std::chrono::microseconds forever = (std::chrono::microseconds::max)();
/// Not at all: what would wait is `errc::resource_unavailable_try_again`.
inline constexpr std::chrono::microseconds never{0};

namespace detail {

/// A text of any length from a function that fills memory.
template <class Call> std::string filled(Call call, const char *what, std::error_code &error)
{
    std::string text(127, '\0');
    for (;;) {
        // A string has room for its NUL behind its end.
        auto length = static_cast<std::size_t>(check(call(text.data(), text.size() + 1), what, error));
        bool fits = length <= text.size();
        text.resize(length);
        if (fits)
            return text;
    }
}

inline std::vector<std::string> lines(const std::string &text)
{
    std::vector<std::string> all;
    for (std::size_t begin = 0; begin < text.size();) {
        std::size_t end = text.find('\n', begin);
        all.push_back(text.substr(begin, end - begin));
        begin = end == std::string::npos ? text.size() : end + 1;
    }
    return all;
}

} // namespace detail

// Handles.

/// The owner of a handle of any kind, which it closes at its end.
class handle {
public:
    handle() noexcept = default;
    /// Takes over a handle of the C interface.
    explicit handle(anysock_t number) noexcept : number_(number) {}
    handle(handle &&other) noexcept : number_(std::exchange(other.number_, 0)) {}

    handle &operator=(handle &&other) noexcept
    {
        handle(std::move(other)).swap(*this);
        return *this;
    }

    ~handle()
    {
        if (number_ != 0)
            anysock_close(number_);
    }

    void swap(handle &other) noexcept { std::swap(number_, other.number_); }

    /// The number for the C interface; 0 of an empty one.
    anysock_t number() const noexcept { return number_; }
    /// Whether it has one. It may be closed already.
    explicit operator bool() const noexcept { return number_ != 0; }
    /// Hands the number over, which is the caller's to close.
    anysock_t detach() noexcept { return std::exchange(number_, 0); }

    /// Closes it at once, from any thread: calls that wait on it return `errc::operation_canceled`, later ones
    /// `errc::bad_file_descriptor`.
    void close(std::error_code &error = throws()) const { detail::check(anysock_close(number_), "close", error); }

    /// The system's own descriptor, lent: an `int` or a `SOCKET`; of a poller (Unix) one that is readable when a wait would report
    /// something.
    std::int64_t descriptor(std::error_code &error = throws()) const
    {
        return detail::check(anysock_fd(number_), "descriptor", error);
    }

    /// Sets an option that is a number or a switch.
    void set(text option, std::int64_t value, std::error_code &error = throws()) const
    {
        detail::check(anysock_set(number_, option.c_str(), value), "set", error);
    }

    /// Sets an option that is a time.
    void set(text option, timeout value, std::error_code &error = throws()) const
    {
        set(option, value.microseconds(), error);
    }

    /// Sets an option that is text.
    void set_text(text option, text value, std::error_code &error = throws()) const
    {
        detail::check(anysock_set_text(number_, option.c_str(), value.c_str()), "set_text", error);
    }

    /// Reads an option that is a number.
    std::int64_t get(text option, std::error_code &error = throws()) const
    {
        std::int64_t value = 0;
        detail::check(anysock_get(number_, option.c_str(), &value), "get", error);
        return value;
    }

    /// Reads an option that is text.
    std::string get_text(text option, std::error_code &error = throws()) const
    {
        auto read = [&](char *room, std::size_t size) { return anysock_get_text(number_, option.c_str(), room, size); };
        return detail::filled(read, "get_text", error);
    }

private:
    anysock_t number_ = 0;
};

/// A datagram as it came.
struct received {
    /// How many bytes.
    std::size_t size;
    /// Who sent it; empty of a stream and of a sender without a name.
    std::string address;
};

/// A socket of any kind, or a pipe or terminal that was adopted.
class socket : public handle {
public:
    socket() noexcept = default;
    explicit socket(anysock_t number) noexcept : handle(number) {}
    /// Opens one: "tcp", "udp4", "unix", "ip4:icmp" and the like.
    explicit socket(text kind, std::error_code &error = throws())
        : handle(detail::check(anysock_open(kind.c_str()), "open", error))
    {
    }

    void bind(text address, std::error_code &error = throws()) const
    {
        detail::check(anysock_bind(number(), address.c_str()), "bind", error);
    }

    /// 0 is the longest queue that the system has.
    void listen(int backlog = 0, std::error_code &error = throws()) const
    {
        detail::check(anysock_listen(number(), backlog), "listen", error);
    }

    /// The next connection. Waits; see `set_accept_timeout`.
    socket accept(std::error_code &error = throws()) const
    {
        return socket(detail::check(anysock_accept(number()), "accept", error));
    }

    /// Waits; see `set_connect_timeout`.
    void connect(text address, std::error_code &error = throws()) const
    {
        detail::check(anysock_connect(number(), address.c_str()), "connect", error);
    }

    std::string local_address(std::error_code &error = throws()) const
    {
        auto read = [this](char *room, std::size_t size) { return anysock_local_address(number(), room, size); };
        return detail::filled(read, "local_address", error);
    }

    std::string peer_address(std::error_code &error = throws()) const
    {
        auto read = [this](char *room, std::size_t size) { return anysock_peer_address(number(), room, size); };
        return detail::filled(read, "peer_address", error);
    }

    /// `shut::read`, `shut::write` or `shut::both`.
    void shutdown(int how, std::error_code &error = throws()) const
    {
        detail::check(anysock_shutdown(number(), how), "shutdown", error);
    }

    // Bytes. All of these wait; see `set_timeout`.

    /// What is there; 0 is the end of the stream, or an empty datagram.
    std::size_t read(room into, std::error_code &error = throws()) const
    {
        return count(anysock_read(number(), into.data(), into.size()), "read", error);
    }

    /// As many as there is room for; fewer if the stream ended, or an error came, which the next call tells.
    std::size_t read_full(room into, std::error_code &error = throws()) const
    {
        return count(anysock_read_full(number(), into.data(), into.size()), "read_full", error);
    }

    /// Everything up to the end of the stream. After an error it is what had come.
    std::string read_to_end(std::error_code &error = throws()) const
    {
        std::string all;
        for (std::size_t size = 0;;) {
            all.resize(size + (size < 4096 ? 4096 : size));
            std::size_t count = read({&all[size], all.size() - size}, error);
            size += count;
            if (count == 0) {
                all.resize(size);
                return all;
            }
        }
    }

    /// As many as there is room for in the send buffer, at least one.
    std::size_t write(bytes from, std::error_code &error = throws()) const
    {
        return count(anysock_write(number(), from.data(), from.size()), "write", error);
    }

    /// All; fewer if an error came, which the next call tells.
    std::size_t write_all(bytes from, std::error_code &error = throws()) const
    {
        return count(anysock_write_all(number(), from.data(), from.size()), "write_all", error);
    }

    /// As `read`, with `flag::peek`, `flag::oob`, `flag::wait_all`, `flag::dont_wait`, `flag::trunc`.
    std::size_t recv(room into, int flags, std::error_code &error = throws()) const
    {
        return count(anysock_recv(number(), into.data(), into.size(), flags), "recv", error);
    }

    /// As `write`, with `flag::oob`, `flag::dont_wait`, `flag::more`.
    std::size_t send(bytes from, int flags, std::error_code &error = throws()) const
    {
        return count(anysock_send(number(), from.data(), from.size(), flags), "send", error);
    }

    /// A datagram, and who sent it.
    received recv_from(room into, int flags = 0, std::error_code &error = throws()) const
    {
        // A datagram can't be read twice: this is more than any address has.
        char address[640] = "";
        std::int64_t size = anysock_recv_from(number(), into.data(), into.size(), flags, address, sizeof address);
        return {count(size, "recv_from", error), address};
    }

    std::size_t send_to(bytes from, text address, int flags = 0, std::error_code &error = throws()) const
    {
        return count(anysock_send_to(number(), from.data(), from.size(), flags, address.c_str()), "send_to", error);
    }

    /// Into several pieces of memory in turn.
    std::size_t read(std::initializer_list<room> into, std::error_code &error = throws()) const
    {
        std::vector<anysock_buffer> pieces;
        for (room piece : into)
            pieces.push_back({piece.data(), piece.size()});
        return count(anysock_readv(number(), pieces.data(), pieces.size()), "read", error);
    }

    /// From several pieces of memory in turn.
    std::size_t write(std::initializer_list<bytes> from, std::error_code &error = throws()) const
    {
        std::vector<anysock_buffer> pieces;
        for (bytes piece : from)
            pieces.push_back({const_cast<void *>(piece.data()), piece.size()});
        return count(anysock_writev(number(), pieces.data(), pieces.size()), "write", error);
    }

    /// Bytes of a file, which don't pass through the program where the system can do without. -1 is to its end.
    std::int64_t send_file(std::int64_t descriptor, std::int64_t offset, std::int64_t length = -1,
                           std::error_code &error = throws()) const
    {
        return detail::check(anysock_send_file(number(), descriptor, offset, length), "send_file", error);
    }

    // Times.

    /// For every call that has no time of its own.
    void set_timeout(timeout time, std::error_code &error = throws()) const { set(option::timeout, time, error); }
    void set_read_timeout(timeout time, std::error_code &error = throws()) const { set(option::read_timeout, time, error); }
    void set_write_timeout(timeout time, std::error_code &error = throws()) const { set(option::write_timeout, time, error); }
    void set_connect_timeout(timeout time, std::error_code &error = throws()) const
    {
        set(option::connect_timeout, time, error);
    }
    void set_accept_timeout(timeout time, std::error_code &error = throws()) const
    {
        set(option::accept_timeout, time, error);
    }

    // The system's own descriptor.

    /// Takes over a descriptor that something else has opened.
    static socket adopt(std::int64_t descriptor, std::error_code &error = throws())
    {
        return socket(detail::check(anysock_adopt(descriptor), "adopt", error));
    }

    /// Gives the descriptor away, and is empty if that worked.
    std::int64_t release(std::error_code &error = throws())
    {
        std::int64_t result = anysock_release(number());
        if (result >= 0)
            detach();
        return detail::check(result, "release", error);
    }

private:
    static std::size_t count(std::int64_t result, const char *what, std::error_code &error)
    {
        return static_cast<std::size_t>(detail::check(result, what, error));
    }
};

/// Connects a new socket.
inline socket connect(text address, text kind = "tcp", timeout time = forever, std::error_code &error = throws())
{
    // Where it throws, `error` is never set.
    socket peer(kind, error);
    if (!error)
        peer.set_connect_timeout(time, error);
    if (!error)
        peer.connect(address, error);
    return error ? socket() : std::move(peer);
}

/// Makes a new listener.
inline socket listen(text address, text kind = "tcp", int backlog = 0, std::error_code &error = throws())
{
    socket listener(kind, error);
    if (!error)
        listener.bind(address, error);
    if (!error)
        listener.listen(backlog, error);
    return error ? socket() : std::move(listener);
}

/// Two sockets that are connected to each other.
inline std::pair<socket, socket> pair(text kind = "unix", std::error_code &error = throws())
{
    anysock_t first = 0, second = 0;
    detail::check(anysock_pair(kind.c_str(), &first, &second), "pair", error);
    return {socket(first), socket(second)};
}

// Names.

/// The addresses that a text stands for, best first.
inline std::vector<std::string> resolve(text address, text kind = "tcp", timeout time = forever,
                                        std::error_code &error = throws())
{
    auto read = [&](char *room, std::size_t size) {
        return anysock_resolve(kind.c_str(), address.c_str(), time.microseconds(), room, size);
    };
    return detail::lines(detail::filled(read, "resolve", error));
}

/// The machine's interfaces: a line for each address, "eth0 2 up,multicast 192.0.2.7/24".
inline std::vector<std::string> interfaces(std::error_code &error = throws())
{
    return detail::lines(detail::filled(anysock_interfaces, "interfaces", error));
}

/// Whether this library on this system has a feature: a kind, an option, "unix.abstract" and the like.
inline bool has(text feature) { return anysock_has(feature.c_str()) == 1; }

// Readiness.

/// A set for `select`. After it, those that are ready.
class handle_set {
public:
    handle_set() = default;
    handle_set(std::initializer_list<std::reference_wrapper<const handle>> handles)
    {
        for (const handle &each : handles)
            add(each);
    }

    void add(const handle &handle) { numbers_.push_back(handle.number()); }
    void clear() noexcept { numbers_.clear(); }
    std::size_t size() const noexcept { return numbers_.size(); }
    bool empty() const noexcept { return numbers_.empty(); }

    bool contains(const handle &handle) const noexcept
    {
        for (anysock_t number : numbers_)
            if (number == handle.number())
                return true;
        return false;
    }

private:
    friend std::size_t select(handle_set *, handle_set *, handle_set *, timeout, std::error_code &);

    anysock_handles view() noexcept { return {static_cast<std::int64_t>(numbers_.size()), numbers_.data()}; }

    std::vector<anysock_t> numbers_;
};

/// Waits until a socket of the sets is ready, and leaves those that are; how many, 0 at the timeout. Any set may be null.
inline std::size_t select(handle_set *readable, handle_set *writable, handle_set *exceptional, timeout time = forever,
                          std::error_code &error = throws())
{
    handle_set *sets[] = {readable, writable, exceptional};
    anysock_handles views[3] = {};
    for (int i = 0; i < 3; i++)
        if (sets[i])
            views[i] = sets[i]->view();
    std::int64_t result = anysock_select(&views[0], &views[1], &views[2], time.microseconds());
    // On an error the sets are as they were.
    for (int i = 0; i < 3 && result >= 0; i++)
        if (sets[i])
            sets[i]->numbers_.resize(static_cast<std::size_t>(views[i].count));
    return static_cast<std::size_t>(detail::check(result, "select", error));
}

/// What a poller reports: `handle`, `events` (`event::read` and the like), `token`.
using ready = anysock_event;

/// Sockets are registered once, and a wait costs what is ready.
class poller : public handle {
public:
    poller() : poller(throws()) {}
    explicit poller(std::error_code &error) : handle(detail::check(anysock_poller_open(), "poller", error)) {}

    /// Registers a socket or changes what it is watched for: `event::read`, `event::write`, `event::except`, with `event::edge` or
    /// `event::oneshot`. The token comes back with what is reported.
    void set(const handle &socket, int events, std::int64_t token = 0, std::error_code &error = throws()) const
    {
        detail::check(anysock_poller_set(number(), socket.number(), events, token), "poller set", error);
    }

    /// Takes a socket out. Closing does it too.
    void remove(const handle &socket, std::error_code &error = throws()) const { set(socket, 0, 0, error); }

    /// Fills an array; how many, 0 at the timeout or when it was woken.
    std::size_t wait(ready *events, std::size_t capacity, timeout time = forever, std::error_code &error = throws()) const
    {
        std::int64_t result = anysock_poller_wait(number(), events, capacity, time.microseconds());
        return static_cast<std::size_t>(detail::check(result, "poller wait", error));
    }

    /// As many as come, up to `most`.
    std::vector<ready> wait(timeout time = forever, std::size_t most = 64, std::error_code &error = throws()) const
    {
        std::vector<ready> events(most);
        events.resize(wait(events.data(), most, time, error));
        return events;
    }

    /// Ends one wait early: from any thread, and from a signal handler.
    void wake(std::error_code &error = throws()) const { detail::check(anysock_poller_wake(number()), "poller wake", error); }

    using handle::set;
};

// The batch queue: one call hands over what a program wants done, and brings back what has happened.

/// What has happened: `token`, `handle`, `op`, `flags`, `result`, `data`, `value`, `buffer`.
using completion = anysock_done;

/// The error of an operation, or none.
inline std::error_code failure(const completion &done)
{
    return done.result < 0 ? std::error_code(static_cast<int>(done.result), category()) : std::error_code();
}

/// The bytes that an event brought; they are good until their buffer is given back.
inline std::string_view view(const completion &done)
{
    if (done.result <= 0 || done.data == 0)
        return {};
    return {reinterpret_cast<const char *>(static_cast<std::intptr_t>(done.data)), static_cast<std::size_t>(done.result)};
}

/// Operations on their way to a queue, which takes them in their order. Bytes and texts must live until they are handed over, and no
/// longer. What the flags are is at `queue_flag`; `multi` is for operations that go on.
class batch {
public:
    /// Any operation, as C has it.
    void add(const anysock_op &operation) { operations_.push_back(operation); }

    void accept(const handle &listener, std::int64_t token, std::int64_t flags = queue_flag::multi)
    {
        add(make(op::accept, listener, token, flags));
    }

    void connect(const handle &socket, text address, std::int64_t token)
    {
        anysock_op operation = make(op::connect, socket, token);
        operation.data = pointer(address.c_str());
        add(operation);
    }

    void read(const handle &socket, std::int64_t token, std::int64_t flags = queue_flag::multi)
    {
        add(make(op::read, socket, token, flags));
    }

    void write(const handle &socket, bytes from, std::int64_t token, std::int64_t flags = 0)
    {
        anysock_op operation = make(op::write, socket, token, flags);
        operation.data = pointer(from.data());
        operation.length = static_cast<std::int64_t>(from.size());
        add(operation);
    }

    /// Writes what was received, without a copy; its buffer is given back when the write ends.
    void write(const handle &socket, const completion &received, std::int64_t token, std::int64_t flags = 0)
    {
        anysock_op operation = make(op::write, socket, token, flags);
        operation.data = received.data;
        operation.length = received.result;
        operation.buffer = received.buffer;
        add(operation);
    }

    /// Gives a buffer back, if the event has one.
    void give(const completion &received)
    {
        if (received.buffer == 0)
            return;
        anysock_op operation = {};
        operation.op = op::give;
        operation.buffer = received.buffer;
        add(operation);
    }

    void poll(const handle &socket, int events, std::int64_t token, std::int64_t flags = 0)
    {
        anysock_op operation = make(op::poll, socket, token, flags);
        operation.value = events;
        add(operation);
    }

    void timer(timeout time, std::int64_t token, std::int64_t flags = 0)
    {
        anysock_op operation = make(op::timer, {}, token, flags);
        operation.value = time.microseconds();
        add(operation);
    }

    /// Ends the operations that have a token.
    void cancel(std::int64_t which, std::int64_t token, std::int64_t flags = 0)
    {
        anysock_op operation = make(op::cancel, {}, token, flags);
        operation.value = which;
        add(operation);
    }

    /// After the writes before it.
    void shutdown(const handle &socket, int how, std::int64_t token, std::int64_t flags = 0)
    {
        anysock_op operation = make(op::shutdown, socket, token, flags);
        operation.value = how;
        add(operation);
    }

    /// After the writes before it. The object keeps its number, and closes nothing more.
    void close(const handle &socket, std::int64_t token, std::int64_t flags = 0)
    {
        add(make(op::close, socket, token, flags));
    }

    const anysock_op *data() const noexcept { return operations_.data(); }
    std::size_t size() const noexcept { return operations_.size(); }
    void clear() noexcept { operations_.clear(); }

private:
    static anysock_op make(std::int64_t code, const handle &handle, std::int64_t token, std::int64_t flags = 0)
    {
        anysock_op operation = {};
        operation.token = token;
        operation.handle = handle.number();
        operation.op = code;
        operation.flags = flags;
        return operation;
    }

    static std::int64_t pointer(const void *address) { return static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(address)); }

    std::vector<anysock_op> operations_;
};

/// A batch queue. Several threads may run it, each with a batch and events of its own.
class queue : public handle {
public:
    /// So many buffers of that size for received bytes; 0 is 256 of 4,096.
    explicit queue(std::int64_t buffers = 0, std::int64_t size = 0, std::error_code &error = throws())
        : handle(detail::check(anysock_queue_open(buffers, size), "queue", error))
    {
    }

    /// Hands the operations over, waits if nothing has happened, and fills an array. The batch is empty afterwards, unless an error
    /// says that nothing was taken: any but `interrupted` and `operation_canceled`.
    std::size_t run(batch &wanted, completion *done, std::size_t capacity, timeout time = forever,
                    std::error_code &error = throws()) const
    {
        std::int64_t result =
            anysock_queue_run(number(), wanted.data(), wanted.size(), done, capacity, time.microseconds());
        if (result >= 0 || result == ANYSOCK_EINTR || result == ANYSOCK_ECANCELED)
            wanted.clear();
        return static_cast<std::size_t>(detail::check(result, "queue run", error));
    }

    /// As many events as come, up to `most`.
    std::vector<completion> run(batch &wanted, timeout time = forever, std::size_t most = 128,
                                std::error_code &error = throws()) const
    {
        std::vector<completion> done(most);
        done.resize(run(wanted, done.data(), most, time, error));
        return done;
    }

    /// Ends one run early: from any thread, and from a signal handler.
    void wake(std::error_code &error = throws()) const { detail::check(anysock_queue_wake(number()), "queue wake", error); }
};

} // namespace anysock

#endif
