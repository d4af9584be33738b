// Bun: its own FFI, which has no threads; a call that may block gets a worker.

import { Worker } from "node:worker_threads";
import { dlopen } from "bun:ffi";
import { symbols } from "../abi/bun.js";
import { asMemory, inC } from "./names.js";
import { place } from "./place.js";

export async function load() {
  const library = dlopen(place(), symbols).symbols;
  // No memory, no address: Bun has none for an array without bytes.
  const values = (list) => list.map(asMemory).map((value) => (value?.byteLength === 0 ? null : value));
  return {
    call: (name, ...list) => Number(library[inC(name)](...values(list))),
    wait: (name, ...list) =>
      new Promise((resolve, reject) => {
        const worker = new Worker(new URL("./bun_call.js", import.meta.url), { workerData: { name, list } });
        worker.once("error", reject);
        worker.once("message", ({ result, memory }) => {
          memory.forEach((bytes, at) => bytes && list[at].set(bytes));
          resolve(result);
        });
      }),
    text: (name, ...list) => String(library[inC(name)](...values(list))),
  };
}
