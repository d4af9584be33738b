// Waiting for many sockets: they are registered once, and a wait costs what is ready. And what needs no socket.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;

namespace Anysock
{
    /// <summary>Any thread may register, wait and wake.</summary>
    public sealed unsafe class Poller : Handle
    {
        private const int Batch = 256;
        // Fewer sockets than this are not looked through for closed ones.
        private const int Few = 64;
        private readonly ConcurrentDictionary<long, Socket> sockets = new ConcurrentDictionary<long, Socket>();
        private int limit = Few;

        public Poller() : base(Abi.PollerOpen())
        {
        }

        /// <summary>
        /// Registers a socket, or changes what it is asked for: Abi.EventRead and the like, added up. With 0 it is taken out.
        /// </summary>
        public void Watch(Socket socket, int events)
        {
            Check(Abi.PollerSet(Number, socket.Number, events, socket.Number));
            if (events == 0)
                sockets.TryRemove(socket.Number, out _);
            else
                sockets[socket.Number] = socket;
            ForgetClosed();
        }

        // Nothing tells a poller that a socket was closed: it drops those that are whenever its sockets have doubled in number.
        private void ForgetClosed()
        {
            if (sockets.Count < limit)
                return;
            foreach (var each in sockets)
            {
                if (each.Value.IsClosed)
                    sockets.TryRemove(each.Key, out _);
            }
            limit = Math.Max(2 * sockets.Count, Few);
        }

        /// <summary>What is ready: sockets and their events. None at the timeout (null is for ever) and after Wake.</summary>
        public List<KeyValuePair<Socket, int>> Wait(TimeSpan? timeout = null)
        {
            var events = stackalloc Abi.AnysockEvent[Batch];
            long count, allowed = Text.Microseconds(timeout), left = allowed;
            var passed = Stopwatch.StartNew();
            while ((count = Abi.PollerWait(Number, events, (UIntPtr)Batch, left)) == Abi.EINTR)
                left = allowed < 0 ? allowed : Math.Max(allowed - Microseconds(passed), 0);
            Check(count);
            var ready = new List<KeyValuePair<Socket, int>>((int)count);
            for (int at = 0; at < count; at++)
            {
                // Another thread may have taken it out meanwhile.
                if (sockets.TryGetValue(events[at].Token, out Socket socket))
                    ready.Add(new KeyValuePair<Socket, int>(socket, events[at].Events));
            }
            return ready;
        }

        /// <summary>Ends one wait, this or the next.</summary>
        public void Wake() => Check(Abi.PollerWake(Number));
    }

    /// <summary>What the system has.</summary>
    public static unsafe class Library
    {
        public static string Version => Text.FromC(Abi.Version());

        /// <summary>Whether this system has a kind, an option or a feature.</summary>
        public static bool Has(string feature)
        {
            fixed (byte* text = Text.ToC(feature))
                return AnysockException.Check(Abi.Has(text)) == 1;
        }

        /// <summary>The addresses of a name. null takes as long as it takes.</summary>
        public static string[] Resolve(string address, string kind = "tcp", TimeSpan? timeout = null)
        {
            byte[] name = Text.ToC(address), kindText = Text.ToC(kind);
            string lines = Text.Filled((room, size) =>
            {
                fixed (byte* first = kindText, second = name)
                    return Abi.Resolve(first, second, Text.Microseconds(timeout), room, size);
            });
            return lines.Split(new[] { '\n' }, StringSplitOptions.RemoveEmptyEntries);
        }
    }
}
