// An echo client: mono EchoClient.exe 127.0.0.1:7000 hello

using System;
using System.Text;
using System.Threading;
using Anysock;

static class EchoClient
{
    static void Main(string[] arguments)
    {
        var address = arguments.Length > 0 ? arguments[0] : "127.0.0.1:7000";
        var text = Encoding.UTF8.GetBytes(arguments.Length > 1 ? arguments[1] : "hello");
        using (var server = Socket.Connect(address, timeout: TimeSpan.FromSeconds(5)))
        {
            var writer = new Thread(() =>
            {
                server.Write(text);
                server.Shutdown(Abi.ShutWrite);
            });
            writer.Start();
            Console.WriteLine(Encoding.UTF8.GetString(server.ReadToEnd()));
            writer.Join();
        }
    }
}
