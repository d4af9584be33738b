// What sockets and pollers share: a number of the library, options, closing.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

using System;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Anysock
{
    /// <summary>The owner of a handle. What is forgotten is closed by a critical finalizer.</summary>
    public abstract unsafe class Handle : SafeHandle
    {
        /// <summary>Takes over a handle of the C interface.</summary>
        protected Handle(long number) : base(IntPtr.Zero, true)
        {
            Number = AnysockException.Check(number);
            // The number has 64 bits everywhere, an IntPtr has not: it only says that there is one.
            SetHandle((IntPtr)1);
            // Mono ends its threads by a signal, which has to end a wait: else the program would not end.
            Set(Abi.OptInterruptible, true);
        }

        /// <summary>The number for the C interface.</summary>
        public long Number { get; }

        public override bool IsInvalid => handle == IntPtr.Zero;

        /// <summary>
        /// Closes it at once, from any thread, unlike other SafeHandles: calls that wait throw ECANCELED, later ones EBADF. No
        /// number comes again, so that none of them meets a stranger. A second time does nothing.
        /// </summary>
        protected override bool ReleaseHandle()
        {
            bool closed = Abi.Close(Number) == 0;
            Watch.Closed(Number);
            return closed;
        }

        /// <summary>Reads an option by its name in the manual. A time is in microseconds.</summary>
        public long Get(string option)
        {
            long value;
            fixed (byte* name = Text.ToC(option))
                Check(Abi.Get(Number, name, &value));
            return value;
        }

        public void Set(string option, long value)
        {
            fixed (byte* name = Text.ToC(option))
                Check(Abi.Set(Number, name, value));
        }

        public void Set(string option, bool value) => Set(option, value ? 1 : 0);

        public void Set(string option, TimeSpan? value) => Set(option, Text.Microseconds(value));

        public void Set(string option, string value)
        {
            fixed (byte* name = Text.ToC(option), text = Text.ToC(value))
                Check(Abi.SetText(Number, name, text));
        }

        public string GetText(string option)
        {
            var bytes = Text.ToC(option);
            return Text.Filled((room, size) =>
            {
                fixed (byte* name = bytes)
                    return Kept(Abi.GetText(Number, name, room, size));
            });
        }

        /// <summary>The system's own descriptor, lent.</summary>
        public long Descriptor => Check(Abi.Fd(Number));

        /// <summary>The answer of a call, until whose end the collector must not close this.</summary>
        protected long Kept(long result)
        {
            GC.KeepAlive(this);
            return result;
        }

        /// <summary>
        /// Whether a call is to be made once more, as a signal has ended it that ended nothing else. The time that has passed counts: the
        /// rest of it is waited for here.
        /// </summary>
        protected bool Interrupted(long result, Stopwatch passed, string option)
        {
            if (result != Abi.EINTR)
                return false;
            AwaitRest(passed, option);
            return true;
        }

        /// <summary>Waits until a call need not, for the rest of its time.</summary>
        protected void AwaitRest(Stopwatch passed, string option)
        {
            long allowed = Get(option);
            if (allowed < 0)
                allowed = Get(Abi.OptTimeout);
            if (allowed > 0)
                Await(option == Abi.OptWriteTimeout || option == Abi.OptConnectTimeout, passed, allowed);
        }

        private void Await(bool writes, Stopwatch passed, long allowed)
        {
            long result;
            do
            {
                long number = Number;
                var set = new Abi.AnysockHandles { Count = 1, Handles = &number };
                long left = Math.Max(allowed - Microseconds(passed), 0);
                result = Abi.Select(writes ? null : &set, writes ? &set : null, null, left);
            } while (result == Abi.EINTR);
            Check(result == 0 ? Abi.ETIMEDOUT : result);
        }

        protected static long Microseconds(Stopwatch passed) => passed.Elapsed.Ticks / 10;

        protected long Check(long result) => AnysockException.Check(Kept(result));
    }
}
