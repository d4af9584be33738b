// Waiting without a thread: one background thread waits in a poller for every socket of the program that is awaited.
//
// Not here: the calls that are awaited (SocketAsync.cs).
//
// SPDX-License-Identifier: MIT OR Apache-2.0

using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Anysock
{
    internal static unsafe class Watch
    {
        private const int Batch = 256;
        private static readonly Dictionary<long, List<Waiter>> waiting = new Dictionary<long, List<Waiter>>();
        private static long poller;

        private sealed class Waiter
        {
            internal int Events;
            // What goes on after it runs elsewhere: the one thread has others to tell.
            internal readonly TaskCompletionSource<bool> Told =
                new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        /// <summary>Is done when the socket may be ready, and fails when it is closed or the token is cancelled.</summary>
        internal static Task Ready(long handle, int events, CancellationToken token)
        {
            var waiter = new Waiter { Events = events };
            lock (waiting)
            {
                Start();
                if (!waiting.TryGetValue(handle, out List<Waiter> list))
                    waiting[handle] = list = new List<Waiter>();
                list.Add(waiter);
                Arm(handle, list);
            }
            if (token.CanBeCanceled)
            {
                var registration = token.Register(() => Leave(handle, waiter, token));
                waiter.Told.Task.ContinueWith(_ => registration.Dispose(), TaskContinuationOptions.ExecuteSynchronously);
            }
            return waiter.Told.Task;
        }

        /// <summary>Ends who awaits a socket that is closed.</summary>
        internal static void Closed(long handle)
        {
            List<Waiter> list;
            lock (waiting)
            {
                if (!waiting.TryGetValue(handle, out list))
                    return;
                waiting.Remove(handle);
            }
            foreach (var each in list)
                each.Told.TrySetException(new AnysockException(Abi.ECANCELED));
        }

        private static void Leave(long handle, Waiter waiter, CancellationToken token)
        {
            lock (waiting)
            {
                if (waiting.TryGetValue(handle, out List<Waiter> list) && list.Remove(waiter) && list.Count == 0)
                    waiting.Remove(handle);
            }
            waiter.Told.TrySetCanceled(token);
        }

        private static void Start()
        {
            if (poller != 0)
                return;
            poller = AnysockException.Check(Abi.PollerOpen());
            // Mono ends its threads by a signal, which has to end the wait.
            fixed (byte* option = Text.ToC(Abi.OptInterruptible))
                Abi.Set(poller, option, 1);
            new Thread(Run) { IsBackground = true, Name = "anysock" }.Start();
        }

        // Has the poller report once what anyone awaits. A socket that is closed is not registered: the call will say so.
        private static void Arm(long handle, List<Waiter> list)
        {
            int wanted = Abi.EventOneshot;
            foreach (var each in list)
                wanted |= each.Events;
            if (Abi.PollerSet(poller, handle, wanted, handle) >= 0)
                return;
            waiting.Remove(handle);
            foreach (var each in list)
                each.Told.TrySetResult(true);
        }

        private static void Run()
        {
            var events = stackalloc Abi.AnysockEvent[Batch];
            while (true)
            {
                long count = Abi.PollerWait(poller, events, (System.UIntPtr)Batch, -1);
                lock (waiting)
                {
                    for (int at = 0; at < count; at++)
                        Report(events[at].Token, events[at].Events);
                }
            }
        }

        private static void Report(long handle, int ready)
        {
            if (!waiting.TryGetValue(handle, out List<Waiter> list))
                return;
            bool over = (ready & (Abi.EventHangup | Abi.EventError)) != 0;
            foreach (var each in list.FindAll(each => over || (each.Events & ready) != 0))
            {
                list.Remove(each);
                each.Told.TrySetResult(true);
            }
            if (list.Count == 0)
                waiting.Remove(handle);
            else
                Arm(handle, list);
        }
    }
}
