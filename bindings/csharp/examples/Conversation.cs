// Both ends of the conversation that every language has with every other (tests/languages/README.md):
//
//     mono Conversation.exe listen 127.0.0.1:0
//     mono Conversation.exe talk ADDRESS NOBODY      where the server is, and where nobody listens

using System;
using System.Linq;
using System.Text;
using System.Threading;
using Anysock;

static class Conversation
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    const int Mebibyte = 1 << 20;

    static void Main(string[] arguments)
    {
        if (arguments.Length == 2 && arguments[0] == "listen")
            Serve(arguments[1]);
        else if (arguments.Length == 3 && arguments[0] == "talk")
            Talk(arguments[1], arguments[2]);
        else
            Console.Error.WriteLine("usage: Conversation listen ADDRESS | Conversation talk ADDRESS NOBODY");
    }

    // RFC 1950.
    static uint Adler32(byte[] bytes, int start)
    {
        uint a = 1, b = 0;
        for (int at = start; at < bytes.Length; at++)
        {
            a = (a + bytes[at]) % 65521;
            b = (b + a) % 65521;
        }
        return b << 16 | a;
    }

    // The name of the error that a call throws.
    static string Failure(Action call)
    {
        try
        {
            call();
            return "nothing";
        }
        catch (AnysockException error)
        {
            return error.Name;
        }
    }

    // The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.
    static void Answer(Socket client)
    {
        var all = client.ReadToEnd();
        client.Write(Encoding.ASCII.GetBytes(all.Length + " " + Adler32(all, 0) + "\n"));
        client.Write(all);
    }

    static void Serve(string address)
    {
        using (var listener = Socket.Listen(address))
        {
            Console.WriteLine("listening on " + listener.LocalAddress);
            while (true)
            {
                using (var client = listener.Accept())
                {
                    try
                    {
                        Answer(client);
                    }
                    catch (Exception error)
                    {
                        Console.Error.WriteLine(error.Message);
                    }
                }
            }
        }
    }

    // The client: a line for each step.
    static void Talk(string address, string nobody)
    {
        Console.WriteLine("refused " + Failure(() => Socket.Connect(nobody)));
        var server = Socket.Connect("localhost" + address.Substring(address.LastIndexOf(':')), timeout: Patience);
        Console.WriteLine("connected " + server.PeerAddress);
        server.Timeout = TimeSpan.FromMilliseconds(50);
        Console.WriteLine("silence " + Failure(() => server.Read(new byte[1])));
        server.Timeout = Patience;
        server.Write(Enumerable.Range(0, Mebibyte).Select(i => (byte)(i % 251)).ToArray());
        server.Shutdown(Abi.ShutWrite);
        Console.WriteLine("ready " + Ready(server));
        Hear(server);
        Console.WriteLine("cancelled " + Cancelled());
        server.Close();
        Console.WriteLine("gone " + Failure(() => server.Read(new byte[1])));
    }

    // Which of two has something to read: one to whom nobody speaks, or the server.
    static string Ready(Socket server)
    {
        var pair = Socket.Pair("tcp");
        using (var poller = new Poller())
        using (pair[0])
        using (pair[1])
        {
            poller.Watch(pair[0], Abi.EventRead);
            poller.Watch(server, Abi.EventRead);
            return string.Join(" ", poller.Wait(Patience).Select(each => each.Key == server ? "server" : "idle"));
        }
    }

    static void Hear(Socket server)
    {
        var all = server.ReadToEnd();
        int end = Array.IndexOf(all, (byte)'\n');
        Console.WriteLine("answer " + Encoding.ASCII.GetString(all, 0, end));
        Console.WriteLine("echo " + (all.Length - end - 1) + " " + Adler32(all, end + 1));
    }

    static string Cancelled()
    {
        while (true)
        {
            var pair = Socket.Pair("tcp");
            string name = null;
            var reader = new Thread(() => name = Failure(() => pair[0].Read(new byte[1])));
            reader.Start();
            Thread.Sleep(20);
            pair[0].Close();
            reader.Join();
            pair[1].Close();
            // Else the thread came too late to be blocked.
            if (name != "EBADF")
                return name;
        }
    }
}
