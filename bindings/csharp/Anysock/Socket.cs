// A socket of any kind.
//
//     using (var socket = Socket.Connect("example.com:80", timeout: TimeSpan.FromSeconds(10)))
//     {
//         socket.Write(Encoding.ASCII.GetBytes("GET / HTTP/1.0\r\n\r\n"));
//         Console.Write(Encoding.UTF8.GetString(socket.ReadToEnd()));
//     }
//
// Calls wait for as long as Timeout says. What fails throws AnysockException; addresses are texts.
//
// Not here: what the library promises (its manual), and declarations (Abi.cs).
//
// SPDX-License-Identifier: MIT OR Apache-2.0

using System;
using System.Diagnostics;
using System.IO;

namespace Anysock
{
    /// <summary>May be used by several threads, and closed by any.</summary>
    public sealed unsafe class Socket : Handle
    {
        // How much is read at a time where nobody says.
        private const int Part = 1 << 16;

        /// <summary>Takes over a handle of the C interface.</summary>
        public Socket(long number) : base(number)
        {
        }

        /// <summary>Opens "tcp", "udp4", "unix", "ip4:icmp" and the like.</summary>
        public static Socket Open(string kind)
        {
            fixed (byte* text = Text.ToC(kind))
                return new Socket(Abi.Open(text));
        }

        /// <summary>A connection.</summary>
        public static Socket Connect(string address, string kind = "tcp", TimeSpan? timeout = null) => Prepared(kind, socket =>
        {
            socket.Timeout = timeout;
            socket.ConnectTo(address);
        });

        /// <summary>A listener. A backlog of 0 is the longest queue that the system has.</summary>
        public static Socket Listen(string address, string kind = "tcp", int backlog = 0) => Prepared(kind, socket =>
        {
            socket.BindTo(address);
            socket.Check(Abi.Listen(socket.Number, backlog));
        });

        /// <summary>A datagram socket with an address of its own.</summary>
        public static Socket Bind(string address, string kind = "udp") => Prepared(kind, socket => socket.BindTo(address));

        /// <summary>Two sockets that are connected to each other.</summary>
        public static Socket[] Pair(string kind = "unix")
        {
            long first, second;
            fixed (byte* text = Text.ToC(kind))
                AnysockException.Check(Abi.Pair(text, &first, &second));
            return new[] { new Socket(first), new Socket(second) };
        }

        private static Socket Prepared(string kind, Action<Socket> prepare)
        {
            var socket = Open(kind);
            try
            {
                prepare(socket);
                return socket;
            }
            catch
            {
                socket.Close();
                throw;
            }
        }

        /// <summary>null waits for ever; with zero what would wait is EAGAIN, at the end of another time it is ETIMEDOUT.</summary>
        public TimeSpan? Timeout
        {
            get => Text.Time(Get(Abi.OptTimeout));
            set => Set(Abi.OptTimeout, value);
        }

        public void BindTo(string address)
        {
            fixed (byte* text = Text.ToC(address))
                Check(Abi.Bind(Number, text));
        }

        public void ConnectTo(string address)
        {
            long result;
            var passed = Stopwatch.StartNew();
            fixed (byte* text = Text.ToC(address))
            {
                do
                    result = Abi.Connect(Number, text);
                while (Interrupted(result, passed, Abi.OptConnectTimeout));
            }
            Check(result);
        }

        /// <summary>The next connection.</summary>
        public Socket Accept()
        {
            long result;
            var passed = Stopwatch.StartNew();
            do
                result = Abi.Accept(Number);
            while (Interrupted(result, passed, Abi.OptAcceptTimeout));
            return new Socket(Check(result));
        }

        public string LocalAddress => Text.Filled((room, size) => Kept(Abi.LocalAddress(Number, room, size)));

        public string PeerAddress => Text.Filled((room, size) => Kept(Abi.PeerAddress(Number, room, size)));

        /// <summary>Abi.ShutWrite: that was all, the peer reads the end of the stream.</summary>
        public void Shutdown(int how) => Check(Abi.Shutdown(Number, how));

        // Bytes. An array is pinned during the call, so that the collector does not move it.

        /// <summary>What is there; 0 at the end of the stream.</summary>
        public int Read(byte[] buffer, int offset, int count)
        {
            Demand(buffer, offset, count);
            fixed (byte* place = buffer)
                return Read(place + offset, count);
        }

        public int Read(byte[] buffer) => Read(buffer, 0, buffer?.Length ?? 0);

        private int Read(byte* place, int count)
        {
            long result;
            var passed = Stopwatch.StartNew();
            do
                result = Abi.Read(Number, place, (UIntPtr)count);
            while (Interrupted(result, passed, Abi.OptReadTimeout));
            return (int)Check(result);
        }

        /// <summary>Everything up to the end of the stream.</summary>
        public byte[] ReadToEnd()
        {
            var all = new MemoryStream();
            var part = new byte[Part];
            for (int count; (count = Read(part)) > 0;)
                all.Write(part, 0, count);
            return all.ToArray();
        }

        /// <summary>All of it.</summary>
        public void Write(byte[] data, int offset, int count)
        {
            Demand(data, offset, count);
            fixed (byte* place = data)
                Write(place + offset, count);
        }

        public void Write(byte[] data) => Write(data, 0, data?.Length ?? 0);

        /// <summary>
        /// What there is room for, at least a byte. How many bytes. For a program that waits in a poller, with timeout zero.
        /// </summary>
        public int WriteSome(byte[] data, int offset, int count)
        {
            Demand(data, offset, count);
            fixed (byte* place = data)
            {
                long result;
                var passed = Stopwatch.StartNew();
                do
                    result = Abi.Write(Number, place + offset, (UIntPtr)count);
                while (Interrupted(result, passed, Abi.OptWriteTimeout));
                return (int)Check(result);
            }
        }

        private void Write(byte* place, int count)
        {
            // Fewer than all have gone if the time is over, or an error came, which the next call tells.
            var passed = Stopwatch.StartNew();
            long result = Abi.WriteAll(Number, place, (UIntPtr)count);
            while (true)
            {
                if (result != Abi.EINTR)
                {
                    int gone = (int)Check(result);
                    place += gone;
                    count -= gone;
                    if (count == 0)
                        return;
                }
                AwaitRest(passed, Abi.OptWriteTimeout);
                result = Abi.Write(Number, place, (UIntPtr)count);
            }
        }

#if NETCOREAPP || NETSTANDARD2_1_OR_GREATER || ANYSOCK_SPAN
        public int Read(Span<byte> buffer)
        {
            fixed (byte* place = buffer)
                return Read(place, buffer.Length);
        }

        public void Write(ReadOnlySpan<byte> data)
        {
            fixed (byte* place = data)
                Write(place, data.Length);
        }
#endif

        /// <summary>A datagram, and who sent it.</summary>
        public int ReceiveFrom(byte[] buffer, out string address, int flags = 0)
        {
            Demand(buffer, 0, 0);
            var name = new byte[256];
            fixed (byte* place = buffer, text = name)
            {
                long result;
                var passed = Stopwatch.StartNew();
                do
                    result = Abi.RecvFrom(Number, place, (UIntPtr)buffer.Length, flags, text, (UIntPtr)name.Length);
                while (Interrupted(result, passed, Abi.OptReadTimeout));
                Check(result);
                address = Text.FromC(text);
                return (int)result;
            }
        }

        /// <summary>How many bytes.</summary>
        public int SendTo(byte[] data, string address, int flags = 0)
        {
            Demand(data, 0, 0);
            fixed (byte* place = data, text = Text.ToC(address))
            {
                long result;
                var passed = Stopwatch.StartNew();
                do
                    result = Abi.SendTo(Number, place, (UIntPtr)data.Length, flags, text);
                while (Interrupted(result, passed, Abi.OptWriteTimeout));
                return (int)Check(result);
            }
        }

        // For calls that are awaited: they do not wait, and say EAGAIN.

        internal long TryRead(byte[] buffer, int offset, int count)
        {
            Demand(buffer, offset, count);
            fixed (byte* place = buffer)
                return Kept(Abi.Recv(Number, place + offset, (UIntPtr)count, (int)Abi.FlagDontWait));
        }

        internal long TryWrite(byte[] data, int offset, int count)
        {
            Demand(data, offset, count);
            fixed (byte* place = data)
                return Kept(Abi.Send(Number, place + offset, (UIntPtr)count, (int)Abi.FlagDontWait));
        }

        internal long TryAccept() => Kept(Abi.Accept(Number));

        /// <summary>For StreamReader, SslStream and whatever else takes a stream, which closes the socket.</summary>
        public Stream GetStream() => new SocketStream(this);

        private static void Demand(byte[] buffer, int offset, int count)
        {
            if (buffer == null)
                throw new ArgumentNullException(nameof(buffer));
            if (offset < 0 || count < 0 || count > buffer.Length - offset)
                throw new ArgumentOutOfRangeException(nameof(count));
        }
    }
}
