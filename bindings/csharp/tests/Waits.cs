// A read for which nothing comes: Ctrl-C ends the program, and with the argument "end" it ends by itself, while a thread waits. Started by
// bindings/csharp/test.

using System;
using System.Threading;
using Anysock;

static class Waits
{
    static int Main(string[] arguments)
    {
        var pair = Socket.Pair();
        Console.WriteLine("waiting");
        if (arguments.Length == 0)
        {
            pair[0].Read(new byte[1]);
            return 0;
        }
        new Thread(() => pair[0].Read(new byte[1])) { IsBackground = true }.Start();
        Thread.Sleep(20);
        return 7;
    }
}
