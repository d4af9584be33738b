// An echo server, a thread for each client: mono EchoServer.exe 127.0.0.1:7000

using System;
using System.IO;
using System.Threading;
using Anysock;

static class EchoServer
{
    static void Main(string[] arguments)
    {
        using (var server = Socket.Listen(arguments.Length > 0 ? arguments[0] : "127.0.0.1:7000"))
        {
            Console.WriteLine("listening on " + server.LocalAddress);
            while (true)
            {
                var client = server.Accept();
                new Thread(() => Echo(client)) { IsBackground = true }.Start();
            }
        }
    }

    static void Echo(Socket client)
    {
        using (var stream = client.GetStream())
        {
            try
            {
                stream.CopyTo(stream);
            }
            catch (IOException error)
            {
                Console.Error.WriteLine(error.Message);
            }
        }
    }
}
