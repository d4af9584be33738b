// An echo server on the batch queue: mono QueueEchoServer.exe 127.0.0.1:7000
//
// One call hands over what shall be done on all connections, and brings back what has happened. C# never sees the bytes, which go out
// from the buffer they came in.

using System;
using Anysock;

static unsafe class QueueEchoServer
{
    const int Batch = 128;

    static void Main(string[] arguments)
    {
        using (var listener = Socket.Listen(arguments.Length > 0 ? arguments[0] : "127.0.0.1:7000"))
        {
            Console.WriteLine("listening on " + listener.LocalAddress);
            long queue = Checked(Abi.QueueOpen(0, 0));
            var wanted = stackalloc Abi.AnysockOp[Batch];
            var done = stackalloc Abi.AnysockDone[Batch];
            wanted[0] = new Abi.AnysockOp { Handle = listener.Number, Op = Abi.OpAccept, Flags = Abi.QueueMulti };
            int count = 1;
            while (true)
            {
                long happened = Checked(Abi.QueueRun(queue, wanted, (UIntPtr)count, done, (UIntPtr)Batch, -1));
                count = 0;
                for (int at = 0; at < happened; at++)
                {
                    if (Answer(done[at], out wanted[count]))
                        count++;
                }
            }
        }
    }

    // What shall be done because of what has happened: at most one thing.
    static bool Answer(Abi.AnysockDone done, out Abi.AnysockOp wanted)
    {
        wanted = new Abi.AnysockOp { Handle = done.Handle, Flags = Abi.QueueQuiet };
        if (done.Op == Abi.OpRead && done.Result > 0)
        {
            wanted.Op = Abi.OpWrite;
            wanted.Data = done.Data;
            wanted.Length = done.Result;
            wanted.Buffer = done.Buffer;
            return true;
        }
        if (done.Op == Abi.OpAccept)
        {
            wanted.Op = Abi.OpRead;
            wanted.Handle = done.Result;
            wanted.Flags = Abi.QueueMulti;
            return done.Result > 0;
        }
        wanted.Op = Abi.OpClose;
        // It has failed: it is quiet otherwise.
        if (done.Op == Abi.OpWrite)
            wanted.Flags |= Abi.QueueNow;
        return done.Op == Abi.OpWrite || done.Op == Abi.OpRead && done.Result != Abi.ECANCELED;
    }

    static long Checked(long result)
    {
        if (result < 0)
            throw new AnysockException(result);
        return result;
    }
}
