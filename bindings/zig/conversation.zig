//! Both ends of the conversation that every language has with every other (tests/languages/README.md). It prints and starts threads by
//! the C library, which changes less than Zig's own.
const a = @import("anysock.zig");

extern fn printf(format: [*:0]const u8, ...) c_int;
extern fn snprintf(room: [*]u8, size: usize, format: [*:0]const u8, ...) c_int;
extern fn fflush(file: ?*anyopaque) c_int;
extern fn exit(status: c_int) noreturn;
extern fn usleep(microseconds: c_uint) c_int;
extern fn strrchr(text: [*:0]const u8, byte: c_int) ?[*:0]const u8;
extern fn strcmp(first: [*:0]const u8, second: [*:0]const u8) c_int;
extern fn pthread_create(thread: *usize, attributes: ?*anyopaque, start: *const fn (?*anyopaque) callconv(.c) ?*anyopaque, argument: ?*anyopaque) c_int;
extern fn pthread_join(thread: usize, result: ?*?*anyopaque) c_int;

const patience = 30 * a.ANYSOCK_SECOND;
var data: [1 << 20]u8 = undefined;
var back: [2 << 20]u8 = undefined;

fn check(result: i64) i64 {
    if (result < 0) {
        _ = printf("%s\n", a.anysock_error_name(result));
        exit(1);
    }
    return result;
}

fn done(result: i64) void {
    _ = check(result);
}

// RFC 1950.
fn checksum(bytes: []const u8) c_uint {
    var low: u32 = 1;
    var high: u32 = 0;
    for (bytes) |byte| {
        low = (low + byte) % 65521;
        high = (high + low) % 65521;
    }
    return high << 16 | low;
}

fn readToEnd(from: a.anysock_t) []u8 {
    var have: usize = 0;
    while (have < back.len) {
        const count = a.anysock_read(from, back[have..].ptr, back.len - have);
        if (count <= 0) break;
        have += @intCast(count);
    }
    return back[0..have];
}

// The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.
fn answer(client: a.anysock_t) void {
    var line: [64]u8 = undefined;
    const all = readToEnd(client);
    const length = snprintf(&line, line.len, "%zu %u\n", all.len, checksum(all));
    _ = a.anysock_write_all(client, &line, @intCast(length));
    _ = a.anysock_write_all(client, all.ptr, all.len);
    _ = a.anysock_close(client);
}

fn serve(address: [*:0]const u8) void {
    var text: [64]u8 = undefined;
    const listener = check(a.anysock_open("tcp"));
    done(a.anysock_bind(listener, address));
    done(a.anysock_listen(listener, 0));
    done(a.anysock_local_address(listener, &text, text.len));
    _ = printf("listening on %s\n", &text);
    _ = fflush(null);
    while (true) answer(check(a.anysock_accept(listener)));
}

// The client: a line for each step.

fn say(what: [*:0]const u8, result: i64) void {
    _ = printf("%s %s\n", what, a.anysock_error_name(result));
}

fn connected(address: [*:0]const u8) a.anysock_t {
    var text: [64]u8 = undefined;
    const server = check(a.anysock_open("tcp"));
    _ = snprintf(&text, text.len, "localhost%s", strrchr(address, ':'));
    done(a.anysock_set(server, a.ANYSOCK_OPT_TIMEOUT, patience));
    done(a.anysock_connect(server, @ptrCast(&text)));
    done(a.anysock_peer_address(server, &text, text.len));
    _ = printf("connected %s\n", &text);
    return server;
}

fn silence(server: a.anysock_t) void {
    done(a.anysock_set(server, a.ANYSOCK_OPT_TIMEOUT, 50 * a.ANYSOCK_MILLISECOND));
    say("silence", a.anysock_read(server, &back, 1));
    done(a.anysock_set(server, a.ANYSOCK_OPT_TIMEOUT, patience));
}

/// Which of two has something to read: one to whom nobody speaks, or the server.
fn ready(server: a.anysock_t) void {
    var pair: [2]a.anysock_t = undefined;
    done(a.anysock_pair("tcp", pair[0..1], pair[1..2]));
    var both = [_]a.anysock_t{ pair[0], server };
    var set = [_]a.anysock_handles{.{ .count = both.len, .handles = &both }};
    done(a.anysock_select(&set, null, null, patience));
    const idle = a.anysock_handles_has(&set, pair[0]) == 1;
    const other = a.anysock_handles_has(&set, server) == 1;
    _ = printf("ready%s%s\n", @as([*:0]const u8, if (idle) " idle" else ""), @as([*:0]const u8, if (other) " server" else ""));
    for (pair) |each| done(a.anysock_close(each));
}

fn hear(server: a.anysock_t) void {
    const all = readToEnd(server);
    var end: usize = 0;
    while (all[end] != '\n') end += 1;
    const echo = all[end + 1 ..];
    _ = printf("answer %.*s\necho %zu %u\n", @as(c_int, @intCast(end)), all.ptr, echo.len, checksum(echo));
}

fn blocked(socket: ?*anyopaque) callconv(.c) ?*anyopaque {
    const handle: *i64 = @ptrCast(@alignCast(socket));
    var one: u8 = undefined;
    handle.* = a.anysock_read(handle.*, &one, 1);
    return null;
}

fn cancelled() void {
    while (true) {
        var pair: [2]a.anysock_t = undefined;
        var thread: usize = undefined;
        done(a.anysock_pair("tcp", pair[0..1], pair[1..2]));
        var result = pair[0];
        _ = pthread_create(&thread, null, blocked, &result);
        _ = usleep(20000);
        done(a.anysock_close(pair[0]));
        _ = pthread_join(thread, null);
        done(a.anysock_close(pair[1]));
        // Else the thread came too late to be blocked.
        if (result != a.ANYSOCK_EBADF) return say("cancelled", result);
    }
}

fn talk(address: [*:0]const u8, nobody: [*:0]const u8) void {
    const other = check(a.anysock_open("tcp"));
    say("refused", a.anysock_connect(other, nobody));
    done(a.anysock_close(other));
    const server = connected(address);
    silence(server);
    for (&data, 0..) |*each, i| each.* = @intCast(i % 251);
    done(a.anysock_write_all(server, &data, data.len));
    done(a.anysock_shutdown(server, a.ANYSOCK_SHUT_WRITE));
    ready(server);
    hear(server);
    cancelled();
    done(a.anysock_close(server));
    say("gone", a.anysock_read(server, &back, 1));
}

pub export fn main(count: c_int, arguments: [*][*:0]const u8) c_int {
    if (count == 3 and strcmp(arguments[1], "listen") == 0) {
        serve(arguments[2]);
    } else if (count == 4 and strcmp(arguments[1], "talk") == 0) {
        talk(arguments[2], arguments[3]);
    } else {
        _ = printf("usage: conversation listen ADDRESS | conversation talk ADDRESS NOBODY\n");
        return 2;
    }
    return 0;
}
