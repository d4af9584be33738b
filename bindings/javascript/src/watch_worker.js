// The worker that waits in the poller, and says what is ready as pairs of handle and events.

import { parentPort, workerData as poller } from "node:worker_threads";
import { errors, layouts } from "./abi/constants.js";
import { call } from "./native/index.js";

const CAPACITY = 128;
const FOR_EVER = -1;
const layout = layouts.anysock_event;
const memory = new Uint8Array(layout.size * CAPACITY);
const view = new DataView(memory.buffer);
// The byte order of the machine, in which the library writes.
const little = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function report(at) {
  const start = at * layout.size;
  const handle = Number(view.getBigInt64(start + layout.token.offset, little));
  return [handle, view.getInt32(start + layout.events.offset, little)];
}

// A watched socket that is closed ends one wait; the poller that is closed ends all.
function watch() {
  for (;;) {
    const count = call("pollerWait", poller, memory, CAPACITY, FOR_EVER);
    if (count === errors.EBADF) return;
    if (count > 0) parentPort.postMessage(Array.from({ length: count }, (_, at) => report(at)));
  }
}

// Once the module is there: the end of the program cuts the worker off, and Node 24 crashes if that is in a module which has awaited another.
setTimeout(watch);
