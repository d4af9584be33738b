// Calls for await, which hold no thread while they wait; only connecting holds one. Socket.Timeout bounds them.
//
// Not here: who waits for what (Watch.cs).
//
// SPDX-License-Identifier: MIT OR Apache-2.0

using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;

namespace Anysock
{
    public static class SocketAsync
    {
        /// <summary>What is there; 0 at the end of the stream.</summary>
        public static async Task<int> ReadAsync(this Socket socket, byte[] buffer, int offset, int count,
            CancellationToken token = default(CancellationToken))
        {
            return (int)await Tried(socket, Abi.EventRead, () => socket.TryRead(buffer, offset, count), token).ConfigureAwait(false);
        }

        public static Task<int> ReadAsync(this Socket socket, byte[] buffer) => socket.ReadAsync(buffer, 0, buffer.Length);

        /// <summary>All of it.</summary>
        public static async Task WriteAsync(this Socket socket, byte[] data, int offset, int count,
            CancellationToken token = default(CancellationToken))
        {
            var passed = Stopwatch.StartNew();
            do
            {
                int from = offset, left = count;
                long gone = await Tried(socket, Abi.EventWrite, () => socket.TryWrite(data, from, left), token, passed)
                    .ConfigureAwait(false);
                offset += (int)gone;
                count -= (int)gone;
            } while (count > 0);
        }

        public static Task WriteAsync(this Socket socket, byte[] data) => socket.WriteAsync(data, 0, data.Length);

        /// <summary>The next connection. Accept does not wait on this listener from now on.</summary>
        public static async Task<Socket> AcceptAsync(this Socket listener, CancellationToken token = default(CancellationToken))
        {
            listener.Set(Abi.OptAcceptTimeout, 0);
            return new Socket(await Tried(listener, Abi.EventRead, listener.TryAccept, token).ConfigureAwait(false));
        }

        private static async Task<long> Tried(Socket socket, int events, Func<long> call, CancellationToken token,
            Stopwatch passed = null)
        {
            var timeout = socket.Timeout;
            passed = passed ?? Stopwatch.StartNew();
            while (true)
            {
                token.ThrowIfCancellationRequested();
                long result = call();
                if (result == Abi.EINTR)
                    continue;
                if (result != Abi.EAGAIN || timeout == TimeSpan.Zero)
                    return AnysockException.Check(result);
                await Ready(socket, events, timeout - passed.Elapsed, token).ConfigureAwait(false);
            }
        }

        // The longest that a timer runs: 24 days.
        private static readonly TimeSpan LongestTimer = TimeSpan.FromMilliseconds(int.MaxValue);

        // null is for ever. A wait of weeks may end early.
        private static async Task Ready(Socket socket, int events, TimeSpan? left, CancellationToken token)
        {
            if (left == null)
            {
                await Watch.Ready(socket.Number, events, token).ConfigureAwait(false);
                return;
            }
            if (left <= TimeSpan.Zero)
                throw new AnysockException(Abi.ETIMEDOUT);
            using (var late = CancellationTokenSource.CreateLinkedTokenSource(token))
            {
                late.CancelAfter(left < LongestTimer ? left.Value : LongestTimer);
                try
                {
                    await Watch.Ready(socket.Number, events, late.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (!token.IsCancellationRequested)
                {
                    if (left < LongestTimer)
                        throw new AnysockException(Abi.ETIMEDOUT);
                }
            }
        }
    }
}
