// The layer's promises; prints a line a case. Built and started by bindings/csharp/test.

using System;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using Anysock;
using Socket = Anysock.Socket;

static class Test
{
    static bool failed;

    static int Main()
    {
        Case("a question and its answer, with half-close", Question);
        Case("a mebibyte arrives while the collector runs", Mebibyte);
        Case("errors by name and by .NET's word", Errors);
        Case("timeouts", Timeouts);
        Case("a timeout ends a write that goes on slowly", SlowWrite);
        Case("what there is room for is written, and counted", Some);
        Case("closing from another thread ends a wait", Closing);
        Case("a thousand wait for await, and hold no threads", Thousand);
        Case("what ends an awaited call", Awaited);
        Case("datagrams, empty ones too", Datagrams);
        Case("a poller over two sockets", Pollers);
        Case("a poller forgets what is closed", ForgetsClosed);
        Case("streams", Streams);
        Case("spans", Spans);
        Case("options, addresses, features", Options);
        Case("what is forgotten is closed", Forgotten);
        return failed ? 1 : 0;
    }

    static void Case(string name, Action test)
    {
        try
        {
            test();
            Console.WriteLine("ok " + name);
        }
        catch (Exception error)
        {
            failed = true;
            Console.WriteLine("FAIL " + name + "\n" + error);
        }
    }

    static void Equal<T>(T value, T expected)
    {
        if (!Equals(value, expected))
            throw new Exception(value + " is not " + expected);
    }

    static AnysockException Fails(string name, Action call)
    {
        var error = Throws<AnysockException>(call);
        Equal(error.Name, name);
        return error;
    }

    static T Throws<T>(Action call) where T : Exception
    {
        try
        {
            call();
        }
        catch (T error)
        {
            return error;
        }
        throw new Exception("no " + typeof(T).Name);
    }

    static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    static string ReadText(Socket socket) => Encoding.UTF8.GetString(socket.ReadToEnd());

    static Socket[] Connected(string kind = "tcp", string address = "127.0.0.1:0")
    {
        using (var listener = Socket.Listen(address, kind))
        {
            var client = Socket.Connect(listener.LocalAddress, kind, TimeSpan.FromSeconds(20));
            return new[] { client, listener.Accept() };
        }
    }

    static void Question()
    {
        var path = Path.Combine(Path.GetTempPath(), "anysock-" + Guid.NewGuid());
        foreach (var way in new[] { new[] { "tcp", "127.0.0.1:0" }, new[] { "tcp", "[::1]:0" }, new[] { "unix", path } })
        {
            var ends = Connected(way[0], way[1]);
            ends[0].Write(Bytes("question"));
            ends[0].Shutdown(Abi.ShutWrite);
            Equal(ReadText(ends[1]), "question");
            var answer = Bytes("the answer is");
            ends[1].Write(answer, 4, 6);
            ends[1].Close();
            Equal(ReadText(ends[0]), "answer");
            Equal(ends[0].Read(new byte[6]), 0);
            ends[0].Dispose();
        }
        File.Delete(path);
    }

    static void Mebibyte()
    {
        var ends = Connected();
        var sent = new byte[1 << 20];
        new Random(7).NextBytes(sent);
        bool done = false;
        var collector = new Thread(() =>
        {
            while (!Volatile.Read(ref done))
            {
                GC.KeepAlive(new byte[10000]);
                GC.Collect();
            }
        });
        collector.Start();
        var writer = new Thread(() =>
        {
            for (int at = 0; at < sent.Length; at += 1000)
            {
                // A young array, which the collector would like to move.
                var part = sent.Skip(at).Take(1000).ToArray();
                ends[0].Write(part);
            }
            ends[0].Close();
        });
        writer.Start();
        var got = ends[1].ReadToEnd();
        Volatile.Write(ref done, true);
        writer.Join();
        collector.Join();
        using (var hash = SHA256.Create())
            Equal(Convert.ToBase64String(hash.ComputeHash(got)), Convert.ToBase64String(hash.ComputeHash(sent)));
    }

    static void Errors()
    {
        var listener = Socket.Listen("127.0.0.1:0");
        var address = listener.LocalAddress;
        listener.Close();
        listener.Close();
        Fails("EBADF", () => listener.Accept());
        var error = Fails("ECONNREFUSED", () => Socket.Connect(address));
        Equal(error.SocketErrorCode, SocketError.ConnectionRefused);
        Equal(error.Code, -111L);
        Equal(error.Message, "connection refused (ECONNREFUSED)");
        Fails("ECONNREFUSED", () => Socket.Connect("localhost:" + address.Split(':').Last(), "tcp4"));
        Fails("EINVAL", () => Socket.Connect("nonsense"));
        Fails("EINVAL", () => Socket.Open("teleport"));
        Throws<ArgumentException>(() => Socket.Connect("127.0.0.1:80\0"));
        Throws<ArgumentNullException>(() => Socket.Open(null));
        var ends = Connected();
        Throws<ArgumentNullException>(() => ends[0].Read(null));
        Throws<ArgumentOutOfRangeException>(() => ends[0].Read(new byte[4], 2, 3));
        Throws<ArgumentOutOfRangeException>(() => ends[0].Write(new byte[4], int.MaxValue, 1));
    }

    static void Timeouts()
    {
        var ends = Connected();
        ends[0].Timeout = TimeSpan.FromMilliseconds(20);
        Equal(ends[0].Timeout, TimeSpan.FromMilliseconds(20));
        Equal(Fails("ETIMEDOUT", () => ends[0].Read(new byte[1])).SocketErrorCode, SocketError.TimedOut);
        ends[0].Timeout = TimeSpan.Zero;
        Fails("EAGAIN", () => ends[0].Read(new byte[1]));
        ends[0].Timeout = null;
        Equal(ends[0].Timeout, null);
        ends[0].Timeout = TimeSpan.FromMilliseconds(20);
        Fails("ETIMEDOUT", () => ends[0].ReadToEnd());
        Throws<ArgumentOutOfRangeException>(() => ends[0].Timeout = TimeSpan.FromSeconds(-2));
        // Longer than a timer runs, and the longest there is.
        foreach (var time in new[] { TimeSpan.FromDays(30), TimeSpan.MaxValue, Timeout.InfiniteTimeSpan })
        {
            ends[0].Timeout = time;
            Equal(ends[0].Timeout, time.TotalDays == 30 ? time : (TimeSpan?)null);
            var read = ends[0].ReadAsync(new byte[1]);
            ends[1].Write(new byte[1]);
            Equal(read.Result, 1);
        }
        GC.KeepAlive(ends);
    }

    // The timeout is for the whole write: a peer that reads slowly can't stretch it.
    static void SlowWrite()
    {
        foreach (bool awaited in new[] { false, true })
        {
            var ends = Socket.Pair();
            var reader = new Thread(() =>
            {
                var room = new byte[1 << 16];
                while (ends[1].Read(room) > 0)
                    Thread.Sleep(20);
            });
            reader.Start();
            ends[0].Timeout = TimeSpan.FromMilliseconds(500);
            var data = new byte[1 << 24];
            if (awaited)
                Fails("ETIMEDOUT", () => ends[0].WriteAsync(data).GetAwaiter().GetResult());
            else
                Fails("ETIMEDOUT", () => ends[0].Write(data));
            ends[0].Close();
            reader.Join();
        }
    }

    static void Some()
    {
        var pair = Socket.Pair();
        pair[0].Timeout = TimeSpan.Zero;
        var data = new byte[1 << 20];
        int gone = 0;
        Fails("EAGAIN", () =>
        {
            while (true)
                gone += pair[0].WriteSome(data, 0, data.Length);
        });
        pair[0].Close();
        Equal(pair[1].ReadToEnd().Length, gone);
    }

    static void Closing()
    {
        var ends = Connected();
        ends[0].Timeout = null;
        string name = null;
        var reader = new Thread(() =>
        {
            try
            {
                ends[0].Read(new byte[1]);
            }
            catch (AnysockException error)
            {
                name = error.Name;
            }
        });
        reader.Start();
        while ((reader.ThreadState & ThreadState.Unstarted) != 0)
            Thread.Yield();
        // The collector stops a thread that waits in the library, and lets it go on.
        GC.Collect();
        ends[0].Close();
        reader.Join();
        Equal(name == "ECANCELED" || name == "EBADF", true);
        GC.KeepAlive(ends);
    }

    static void Thousand()
    {
        var pairs = Enumerable.Range(0, 1000).Select(_ => Socket.Pair()).ToArray();
        var rooms = pairs.Select(_ => new byte[8]).ToArray();
        var reads = pairs.Select((pair, at) => pair[0].ReadAsync(rooms[at])).ToArray();
        int threads = System.Diagnostics.Process.GetCurrentProcess().Threads.Count;
        Equal(threads < 100, true);
        Equal(reads.Any(read => read.IsCompleted), false);
        // An array may move while it is awaited.
        GC.Collect();
        foreach (var pair in pairs)
            pair[1].WriteAsync(Bytes("ping")).Wait();
        foreach (var read in reads)
            Equal(read.Result, 4);
        Equal(rooms.All(room => Encoding.ASCII.GetString(room, 0, 4) == "ping"), true);
        foreach (var end in pairs.SelectMany(pair => pair))
            end.Close();
    }

    static void Awaited()
    {
        var pair = Socket.Pair();
        pair[0].Timeout = TimeSpan.FromMilliseconds(50);
        Fails("ETIMEDOUT", () => pair[0].ReadAsync(new byte[1]).GetAwaiter().GetResult());
        pair[0].Timeout = null;
        var cancel = new CancellationTokenSource();
        var read = pair[0].ReadAsync(new byte[1], 0, 1, cancel.Token);
        cancel.Cancel();
        Throws<OperationCanceledException>(() => read.GetAwaiter().GetResult());
        read = pair[0].ReadAsync(new byte[1]);
        pair[0].Close();
        Fails("ECANCELED", () => read.GetAwaiter().GetResult());
        Fails("EBADF", () => pair[0].ReadAsync(new byte[1]).GetAwaiter().GetResult());
        using (var listener = Socket.Listen("127.0.0.1:0"))
        {
            var accept = listener.AcceptAsync();
            using (var client = Socket.Connect(listener.LocalAddress))
            using (var server = accept.Result)
            {
                // More than the system keeps: the write waits for the reader.
                var sent = client.WriteAsync(new byte[1 << 23]);
                var room = new byte[1 << 16];
                int had = 0;
                while (had < 1 << 23)
                    had += server.GetStream().ReadAsync(room, 0, room.Length).Result;
                sent.Wait();
            }
        }
        GC.KeepAlive(pair);
    }

    static void Datagrams()
    {
        using (var server = Socket.Bind("127.0.0.1:0"))
        using (var client = Socket.Connect(server.LocalAddress, "udp", TimeSpan.FromSeconds(20)))
        {
            foreach (var content in new[] { "ping", "" })
            {
                client.Write(Bytes(content));
                var room = new byte[100];
                int count = server.ReceiveFrom(room, out string address);
                Equal(Encoding.UTF8.GetString(room, 0, count), content);
                Equal(address, client.LocalAddress);
                Equal(server.SendTo(room.Take(count).ToArray(), address), content.Length);
                Equal(client.Read(room), content.Length);
            }
        }
    }

    static void Pollers()
    {
        using (var poller = new Poller())
        {
            Socket[] first = Socket.Pair(), second = Socket.Pair();
            poller.Watch(first[0], Abi.EventRead);
            poller.Watch(second[0], Abi.EventRead);
            Equal(poller.Wait(TimeSpan.Zero).Count, 0);
            second[1].Write(Bytes("x"));
            var ready = poller.Wait();
            Equal(ready.Count, 1);
            Equal(ready[0].Key, second[0]);
            Equal(ready[0].Value, Abi.EventRead);
            poller.Watch(second[0], 0);
            poller.Wake();
            Equal(poller.Wait().Count, 0);
            first[1].Close();
            Equal(poller.Wait()[0].Key, first[0]);
            GC.KeepAlive(second);
        }
    }

    static void ForgetsClosed()
    {
        using (var poller = new Poller())
        {
            var watched = new WeakReference[1000];
            for (int at = 0; at < watched.Length; at++)
                watched[at] = WatchedAndClosed(poller);
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            if (watched.Count(each => each.IsAlive) > watched.Length / 2)
                throw new Exception("they are still there");
        }
    }

    static WeakReference WatchedAndClosed(Poller poller)
    {
        var pair = Socket.Pair();
        poller.Watch(pair[0], Abi.EventRead);
        pair[0].Close();
        pair[1].Close();
        return new WeakReference(pair[0]);
    }

    static void Streams()
    {
        var ends = Connected();
        using (var writer = new StreamWriter(ends[0].GetStream()))
        {
            writer.WriteLine("grüße");
            writer.WriteLine("two");
        }
        var stream = ends[1].GetStream();
        using (var reader = new StreamReader(stream))
        {
            Equal(reader.ReadLine(), "grüße");
            Equal(reader.ReadLine(), "two");
            Equal(reader.ReadLine(), null);
        }
        var pair = Socket.Pair();
        stream = pair[0].GetStream();
        stream.ReadTimeout = 20;
        Equal(stream.ReadTimeout, 20);
        var error = Throws<IOException>(() => stream.ReadByte());
        Equal(((AnysockException)error.InnerException).Name, "ETIMEDOUT");
        // In both directions at a time, whichever way a program waits.
        var read = stream.BeginRead(new byte[1], 0, 1, null, "mine");
        stream.EndWrite(stream.BeginWrite(new byte[1], 0, 1, null, null));
        Equal(read.AsyncState, "mine");
        Equal(read.IsCompleted, false);
        pair[1].Write(new byte[1]);
        Equal(stream.EndRead(read), 1);
        Equal(stream.CanRead && stream.CanWrite, true);
        stream.Dispose();
        Equal(stream.CanRead || stream.CanWrite, false);
        Throws<ObjectDisposedException>(() => stream.ReadByte());
        Throws<ObjectDisposedException>(() => stream.WriteByte(0));
        Throws<ObjectDisposedException>(() => stream.EndRead(stream.BeginRead(new byte[1], 0, 1, null, null)));
        Throws<ObjectDisposedException>(() => stream.ReadAsync(new byte[1], 0, 1).GetAwaiter().GetResult());
        Throws<ObjectDisposedException>(() => stream.WriteAsync(new byte[1], 0, 1).GetAwaiter().GetResult());
        GC.KeepAlive(pair);
    }

    static void Spans()
    {
        var pair = Socket.Pair();
        ReadOnlySpan<byte> sent = Bytes("a span, cut");
        pair[0].Write(sent.Slice(2, 4));
        Span<byte> room = new byte[10];
        Equal(pair[1].Read(room.Slice(3)), 4);
        Equal(Encoding.UTF8.GetString(room.Slice(3, 4).ToArray()), "span");
        Throws<AnysockException>(() =>
        {
            pair[1].Close();
            pair[1].Write(ReadOnlySpan<byte>.Empty);
        });
    }

    static void Options()
    {
        var ends = Connected();
        ends[0].Set(Abi.OptTcpNodelay, true);
        Equal(ends[0].Get(Abi.OptTcpNodelay), 1L);
        Equal(ends[0].GetText(Abi.OptKind), "tcp");
        Equal(ends[0].LocalAddress, ends[1].PeerAddress);
        Fails("ENOPROTOOPT", () => ends[0].Set("no.such", 1));
        Equal(Library.Has("tcp"), true);
        Equal(Library.Has("teleport"), false);
        Equal(Library.Version, Abi.HeaderVersion);
        Equal(Library.Resolve("127.0.0.1:80").Single(), "127.0.0.1:80");
    }

    static void Forgotten()
    {
        // The collector may see an old place on the stack as a reference, but not fifty.
        var peers = Enumerable.Range(0, 50).Select(_ => Socket.Pair()[1]).ToArray();
        using (var poller = new Poller())
        {
            foreach (var peer in peers)
                poller.Watch(peer, Abi.EventRead);
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var ready = poller.Wait(TimeSpan.FromSeconds(20));
            Equal(ready.Count > 0, true);
            Equal(ready[0].Key.Read(new byte[1]), 0);
        }
        GC.KeepAlive(peers);
    }
}
