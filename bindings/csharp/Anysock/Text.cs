// Texts and times on their way to C and back. Not for users.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

using System;
using System.Text;

namespace Anysock
{
    internal static unsafe class Text
    {
        private static readonly TimeSpan Longest = TimeSpan.FromTicks(long.MaxValue - 9);

        /// <summary>A function that fills memory with a text, and says how long all of it is.</summary>
        internal delegate long Fill(byte* room, UIntPtr size);

        /// <summary>UTF-8 with its NUL. One with a NUL inside is no text.</summary>
        internal static byte[] ToC(string text)
        {
            if (text == null)
                throw new ArgumentNullException(nameof(text));
            if (text.IndexOf('\0') >= 0)
                throw new ArgumentException("a text with a NUL inside", nameof(text));
            return Encoding.UTF8.GetBytes(text + "\0");
        }

        internal static string FromC(byte* text)
        {
            int length = 0;
            while (text[length] != 0)
                length++;
            return Encoding.UTF8.GetString(text, length);
        }

        internal static string Filled(Fill fill)
        {
            for (int size = 128; ;)
            {
                var room = new byte[size];
                fixed (byte* place = room)
                {
                    long length = AnysockException.Check(fill(place, (UIntPtr)size));
                    if (length < size)
                        return Encoding.UTF8.GetString(room, 0, (int)length);
                    size = (int)length + 1;
                }
            }
        }

        /// <summary>null, Timeout.InfiniteTimeSpan and TimeSpan.MaxValue are for ever.</summary>
        internal static long Microseconds(TimeSpan? time)
        {
            if (time == null || time == System.Threading.Timeout.InfiniteTimeSpan)
                return -1;
            if (time < TimeSpan.Zero)
                throw new ArgumentOutOfRangeException(nameof(time), "a negative time");
            // The longest time can't be rounded up, and is for ever as well.
            return time > Longest ? -1 : (time.Value.Ticks + 9) / 10;
        }

        /// <summary>The same back: null is for ever.</summary>
        internal static TimeSpan? Time(long microseconds) =>
            microseconds < 0 || microseconds > Longest.Ticks / 10 ? (TimeSpan?)null : TimeSpan.FromTicks(microseconds * 10);
    }
}
