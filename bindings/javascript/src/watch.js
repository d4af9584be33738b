// Waiting without blocking the event loop: a worker waits in one poller for every socket of the program, and tells here which are ready.

import process from "node:process";
import { Worker } from "node:worker_threads";
import { errors, events } from "./abi/constants.js";
import { AnysockError, check } from "./errors.js";
import { call } from "./native/index.js";

const { READ, WRITE, EXCEPT, HANGUP, ERROR, ONESHOT } = events;

// handle -> who waits for it
const waiting = new Map();
let poller = 0;
let worker;

function start() {
  if (poller) return;
  poller = check(call("pollerOpen"), "poller");
  worker = new Worker(new URL("./watch_worker.js", import.meta.url), { workerData: poller });
  worker.on("message", (reports) => reports.forEach(report));
  worker.unref();
  // The worker is in a call of the library's: only this ends it.
  process.once("exit", () => call("close", poller));
}

// Has the poller report once what anyone waits for; its result.
function arm(handle) {
  const wanted = waiting.get(handle).reduce((all, each) => all | each.events, ONESHOT);
  return call("pollerSet", poller, handle, wanted, handle);
}

function report([handle, ready]) {
  const list = waiting.get(handle);
  if (!list) return;
  const over = (ready & (HANGUP | ERROR)) !== 0;
  const [told, rest] = [[], []];
  for (const each of list) (over || each.events & ready ? told : rest).push(each);
  keep(handle, rest);
  for (const each of told) each.resolve();
}

function keep(handle, list) {
  if (list.length) {
    waiting.set(handle, list);
    // A socket that was closed meanwhile needs no watching: its close has ended who waited.
    if (arm(handle) === 0) return;
  }
  waiting.delete(handle);
  // Who waits for nothing may end.
  if (!waiting.size) worker.unref();
}

// Resolves when the socket may be ready. Rejects when the deadline says so or the socket is closed.
export function ready(handle, wanted, deadline) {
  if (deadline.isNever) return Promise.reject(new AnysockError(errors.EAGAIN, "wait"));
  start();
  return deadline.wait((resolve, reject) => {
    const entry = { events: wanted, resolve, reject };
    const leave = () => keep(handle, (waiting.get(handle) ?? []).filter((each) => each !== entry));
    waiting.set(handle, [...(waiting.get(handle) ?? []), entry]);
    worker.ref();
    try {
      check(arm(handle), "wait");
    } catch (error) {
      leave();
      reject(error);
    }
    return leave;
  });
}

// The socket is closed: who waits for it need not any more.
export function closed(handle) {
  const list = waiting.get(handle) ?? [];
  waiting.delete(handle);
  if (worker && !waiting.size) worker.unref();
  for (const each of list) each.reject(new AnysockError(errors.ECANCELED, "wait"));
}

export { READ, WRITE, EXCEPT };
