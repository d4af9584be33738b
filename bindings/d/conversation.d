// Both ends of the conversation that every language has with every other (tests/languages/README.md).
import anysock;
import core.thread;
import core.time : msecs;
import std.array : appender;
import std.conv : to;
import std.stdio;
import std.string : fromStringz, indexOf, lastIndexOf, toStringz;
import std.zlib : adler32;

enum patience = 30 * ANYSOCK_SECOND;
enum mebibyte = 1 << 20;

string name(long code) { return anysock_error_name(code).fromStringz.idup; }

long check(long result)
{
    if (result < 0)
        throw new Exception(name(result));
    return result;
}

ubyte[] readToEnd(anysock_t from)
{
    auto all = appender!(ubyte[]);
    ubyte[65536] part;
    for (long count; (count = check(anysock_read(from, part.ptr, part.length))) > 0;)
        all ~= part[0 .. count];
    return all[];
}

void writeAll(anysock_t to, const(void)[] data)
{
    check(anysock_write_all(to, data.ptr, data.length));
}

uint checksum(const(void)[] data) { return adler32(1, data); }

// The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.
void answer(anysock_t client)
{
    auto all = readToEnd(client);
    writeAll(client, all.length.to!string ~ " " ~ checksum(all).to!string ~ "\n");
    writeAll(client, all);
}

void serve(string address)
{
    char[64] text;
    auto listener = check(anysock_open("tcp"));
    check(anysock_bind(listener, address.toStringz));
    check(anysock_listen(listener, 0));
    check(anysock_local_address(listener, text.ptr, text.length));
    writeln("listening on ", text.ptr.fromStringz);
    stdout.flush();
    for (;;)
    {
        auto client = check(anysock_accept(listener));
        scope (exit) anysock_close(client);
        try
            answer(client);
        catch (Exception error)
            stderr.writeln(error.msg);
    }
}

// The client: a line for each step.
void talk(string address, string nobody)
{
    char[64] text;
    auto other = check(anysock_open("tcp"));
    writeln("refused ", name(anysock_connect(other, nobody.toStringz)));
    anysock_close(other);
    auto server = check(anysock_open("tcp"));
    check(anysock_set(server, ANYSOCK_OPT_TIMEOUT, patience));
    check(anysock_connect(server, ("localhost" ~ address[address.lastIndexOf(':') .. $]).toStringz));
    check(anysock_peer_address(server, text.ptr, text.length));
    writeln("connected ", text.ptr.fromStringz);
    check(anysock_set(server, ANYSOCK_OPT_TIMEOUT, 50 * ANYSOCK_MILLISECOND));
    writeln("silence ", name(anysock_read(server, text.ptr, 1)));
    check(anysock_set(server, ANYSOCK_OPT_TIMEOUT, patience));
    auto data = new ubyte[mebibyte];
    foreach (i, ref each; data)
        each = i % 251;
    writeAll(server, data);
    check(anysock_shutdown(server, ANYSOCK_SHUT_WRITE));
    writeln("ready", ready(server));
    hear(server);
    writeln("cancelled ", cancelled());
    anysock_close(server);
    writeln("gone ", name(anysock_read(server, text.ptr, 1)));
}

// Which of two has something to read: one to whom nobody speaks, or the server.
string ready(anysock_t server)
{
    anysock_t idle, other;
    check(anysock_pair("tcp", &idle, &other));
    scope (exit) anysock_close(idle), anysock_close(other);
    anysock_t[2] both = [idle, server];
    auto set = anysock_handles(both.length, both.ptr);
    check(anysock_select(&set, null, null, patience));
    return (anysock_handles_has(&set, idle) ? " idle" : "") ~ (anysock_handles_has(&set, server) ? " server" : "");
}

void hear(anysock_t server)
{
    auto all = readToEnd(server);
    auto end = (cast(char[]) all).indexOf('\n');
    auto echo = all[end + 1 .. $];
    writeln("answer ", cast(char[]) all[0 .. end]);
    writeln("echo ", echo.length, " ", checksum(echo));
}

string cancelled()
{
    for (;;)
    {
        anysock_t idle, other;
        long result;
        check(anysock_pair("tcp", &idle, &other));
        auto reader = new Thread({ ubyte one; result = anysock_read(idle, &one, 1); }).start();
        Thread.sleep(20.msecs);
        anysock_close(idle);
        reader.join();
        anysock_close(other);
        // Else the thread came too late to be blocked.
        if (result != ANYSOCK_EBADF)
            return name(result);
    }
}

void main(string[] arguments)
{
    if (arguments.length == 3 && arguments[1] == "listen")
        serve(arguments[2]);
    else if (arguments.length == 4 && arguments[1] == "talk")
        talk(arguments[2], arguments[3]);
    else
        stderr.writeln("usage: conversation listen ADDRESS | conversation talk ADDRESS NOBODY");
}
