// calls read N: reads that would block. calls queue N: runs of 64 operations that do nothing. See ../calls.py.
import process from "node:process";
import { pair } from "../../../bindings/javascript/src/index.js";
import { call, flags, operations } from "../../../bindings/javascript/src/abi/index.js";

const [what, times] = process.argv.slice(2);
const [first] = pair();
const byte = new Uint8Array(1);
const wanted = new Int32Array(64 * 16);
const [asked, done] = [new Uint8Array(wanted.buffer), new Uint8Array(4096)];
const events = new Int32Array(done.buffer);
const queue = call("queueOpen", 0, 0);
let sum = 0;
for (let i = 0; i < Number(times); i += 1) {
  if (what === "read") call("recv", first.handle, byte, 1, flags.DONT_WAIT);
  else {
    for (let at = 0; at < 64; at += 1) wanted[at * 16 + 4] = operations.NOP;
    call("queueRun", queue, asked, 64, done, 64, 0);
    for (let at = 0; at < 64; at += 1) sum += events[at * 16 + 8];
  }
}
process.exit(sum);
