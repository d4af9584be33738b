// Calls read N: reads that would block. Calls queue N: runs of 64 operations that do nothing. See ../calls.py.

using Anysock;

static unsafe class Calls
{
    static int Main(string[] arguments)
    {
        long times = long.Parse(arguments[1]), number = Socket.Pair()[0].Number, queue = Abi.QueueOpen(0, 0), sum = 0;
        var wanted = stackalloc Abi.AnysockOp[64];
        var done = stackalloc Abi.AnysockDone[64];
        byte one;
        for (long i = 0; i < times; i++)
        {
            if (arguments[0] == "read")
            {
                Abi.Recv(number, &one, (System.UIntPtr)1, (int)Abi.FlagDontWait);
                continue;
            }
            for (int at = 0; at < 64; at++)
                wanted[at] = new Abi.AnysockOp { Op = Abi.OpNop };
            Abi.QueueRun(queue, wanted, (System.UIntPtr)64, done, (System.UIntPtr)64, 0);
            for (int at = 0; at < 64; at++)
                sum += done[at].Result;
        }
        return (int)sum;
    }
}
