// An echo server on the batch queue: node examples/queue_echo_server.js 127.0.0.1:7000
//
// One call hands over what shall be done on all connections, and brings back what has happened. JavaScript never sees the bytes: they go
// out from the buffer they came in. The call waits, so that a program with an event loop runs this in a worker.

import process from "node:process";
import { errors, listen, options } from "../src/index.js";
import { call, operations as ops, queue as queueFlags } from "../src/abi/index.js";

const BATCH = 128;
const RECORD = 8; // numbers
const LOW = 2 ** 32;

const wanted = new Uint8Array(BATCH * RECORD * 8);
const done = new Uint8Array(BATCH * RECORD * 8);
// Numbers of 64 bits as two of 32, as no object is made for these. All of them are less than 2^53.
const asks = new Int32Array(wanted.buffer);
const happened = new Int32Array(done.buffer);
const number = (at) => happened[2 * at + 1] * LOW + (happened[2 * at] >>> 0);

let count = 0;
// token, handle, op, flags, data, length, value, buffer.
function want(...values) {
  let at = count * RECORD * 2;
  for (const value of values) {
    asks[at++] = value | 0;
    asks[at++] = Math.floor(value / LOW);
  }
  count += 1;
}

// What shall be done because of what has happened: at most one thing. An event is token, handle, op, flags, result, data, value, buffer.
function answer(at) {
  const [handle, op, result] = [number(at + 1), number(at + 2), number(at + 4)];
  if (op === ops.READ && result > 0) want(0, handle, ops.WRITE, queueFlags.QUIET, number(at + 5), result, 0, number(at + 7));
  else if (op === ops.READ && result !== errors.ECANCELED) want(0, handle, ops.CLOSE, queueFlags.QUIET, 0, 0, 0, 0);
  else if (op === ops.ACCEPT && result > 0) want(0, result, ops.READ, queueFlags.MULTI, 0, 0, 0, 0);
  // It has failed: it is quiet otherwise.
  else if (op === ops.WRITE) want(0, handle, ops.CLOSE, queueFlags.QUIET | queueFlags.NOW, 0, 0, 0, 0);
}

const listener = listen(process.argv[2] ?? "127.0.0.1:7000");
// The queue waits for it, which the layer would do in the event loop.
listener.setOption(options.TIMEOUT, -1);
const queue = call("queueOpen", 0, 0);
console.log("listening on", listener.localAddress);
// One turn of the event loop, so that the line is written.
setImmediate(() => {
  // Named here, as a listener that nobody names any more is closed.
  want(0, listener.handle, ops.ACCEPT, queueFlags.MULTI, 0, 0, 0, 0);
  for (;;) {
    const events = call("queueRun", queue, wanted, count, done, BATCH, -1);
    if (events < 0) throw new Error(`queue: ${events}`);
    count = 0;
    for (let at = 0; at < events; at += 1) answer(at * RECORD);
  }
});
