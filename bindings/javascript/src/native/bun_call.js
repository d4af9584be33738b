// One call that may block, in a worker of its own: what it wrote into memory goes back with the result.

import { parentPort, workerData } from "node:worker_threads";
import { load } from "./bun.js";

const { name, list } = workerData;
const { call } = await load();
const result = call(name, ...list);
parentPort.postMessage({ result, memory: list.map((value) => (value instanceof Uint8Array ? value : null)) });
