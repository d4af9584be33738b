// A socket as a System.IO.Stream, whose errors are IOExceptions around the library's; of one that is closed an ObjectDisposedException.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Anysock
{
    internal sealed class SocketStream : Stream
    {
        private readonly Socket socket;

        internal SocketStream(Socket socket)
        {
            this.socket = socket;
        }

        public override bool CanRead => !socket.IsClosed;
        public override bool CanWrite => !socket.IsClosed;
        public override bool CanSeek => false;
        public override bool CanTimeout => true;

        /// <summary>Milliseconds; -1 is for ever.</summary>
        public override int ReadTimeout
        {
            get => Milliseconds(socket.Get(Abi.OptReadTimeout));
            set => socket.Set(Abi.OptReadTimeout, TimeSpan.FromMilliseconds(value));
        }

        public override int WriteTimeout
        {
            get => Milliseconds(socket.Get(Abi.OptWriteTimeout));
            set => socket.Set(Abi.OptWriteTimeout, TimeSpan.FromMilliseconds(value));
        }

        private static int Milliseconds(long microseconds) =>
            microseconds < 0 ? -1 : (int)Math.Min((microseconds + 999) / 1000, int.MaxValue);

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken token) =>
            Wrapped(socket.ReadAsync(buffer, offset, count, token));

        public override async Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken token)
        {
            try
            {
                await socket.WriteAsync(buffer, offset, count, token).ConfigureAwait(false);
            }
            catch (AnysockException error)
            {
                throw Failed(error);
            }
        }

        private static async Task<int> Wrapped(Task<int> call)
        {
            try
            {
                return await call.ConfigureAwait(false);
            }
            catch (AnysockException error)
            {
                throw Failed(error);
            }
        }

        // The base class allows one of these at a time: a write would wait for a read to end.

        public override IAsyncResult BeginRead(byte[] buffer, int offset, int count, AsyncCallback callback, object state) =>
            Begun(ReadAsync(buffer, offset, count, CancellationToken.None), callback, state);

        public override int EndRead(IAsyncResult result) => ((Task<int>)result).GetAwaiter().GetResult();

        public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback callback, object state) =>
            Begun(Counted(WriteAsync(buffer, offset, count, CancellationToken.None), count), callback, state);

        public override void EndWrite(IAsyncResult result) => ((Task<int>)result).GetAwaiter().GetResult();

        private static async Task<int> Counted(Task task, int count)
        {
            await task.ConfigureAwait(false);
            return count;
        }

        private static Task<int> Begun(Task<int> task, AsyncCallback callback, object state)
        {
            var begun = new TaskCompletionSource<int>(state);
            task.ContinueWith(ended =>
            {
                if (ended.IsFaulted)
                    begun.SetException(ended.Exception.InnerExceptions);
                else
                    begun.SetResult(ended.Result);
                callback?.Invoke(begun.Task);
            }, TaskScheduler.Default);
            return begun.Task;
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            try
            {
                return socket.Read(buffer, offset, count);
            }
            catch (AnysockException error)
            {
                throw Failed(error);
            }
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            try
            {
                socket.Write(buffer, offset, count);
            }
            catch (AnysockException error)
            {
                throw Failed(error);
            }
        }

        private static Exception Failed(AnysockException error)
        {
            if (error.Code == Abi.EBADF)
                return new ObjectDisposedException(error.Message, error);
            return new IOException(error.Message, error);
        }

        public override void Flush()
        {
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                socket.Close();
            base.Dispose(disposing);
        }

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
