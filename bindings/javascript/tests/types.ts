// Compiled, not run: the types let this pass, and no more.

import { call, operations } from "../src/abi/index.js";
import { AnysockError, connect, errors, listen, Socket } from "../src/index.js";

export async function talk(): Promise<string | undefined> {
  const listener: Socket = listen("127.0.0.1:0");
  const socket = await connect(listener.localAddress, { kind: "tcp", timeout: 1000, signal: new AbortController().signal });
  try {
    const part: Uint8Array | null = await socket.read(10);
    // @ts-expect-error: the end of the stream is no bytes
    part.length;
    await socket.write("text");
    // @ts-expect-error: no number is a text
    await socket.write(7);
  } catch (error) {
    if (error instanceof AnysockError && error.errno === errors.ECONNRESET) return error.code;
  }
  // @ts-expect-error: there are two halves
  socket.shutdown("top");
  return undefined;
}
export const queue: number = call("queueOpen", 0, 0) + (operations.NOP ?? 0);
