// The library's errors, as .NET's own SocketException with the name.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

using System;
using System.Net.Sockets;

namespace Anysock
{
    /// <summary>What a call that fails throws. SocketErrorCode is .NET's word for it, where there is one.</summary>
    public sealed class AnysockException : SocketException
    {
        public AnysockException(long code) : base((int)Abi.SocketErrorOf(code))
        {
            Code = code;
        }

        /// <summary>The library's number: Linux's, negated, on every system.</summary>
        public long Code { get; }

        /// <summary>As "ECONNREFUSED".</summary>
        public unsafe string Name => Text.FromC(Abi.ErrorName(Code));

        public override unsafe string Message => Text.FromC(Abi.ErrorMessage(Code)) + " (" + Name + ")";

        /// <summary>The answer of a call; an error is thrown.</summary>
        internal static long Check(long result)
        {
            if (result < 0)
                throw new AnysockException(result);
            return result;
        }
    }
}
