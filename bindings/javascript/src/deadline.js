// Until when a call may wait: a time in milliseconds and a signal. Not here: what it waits for.

import { errors } from "./abi/constants.js";
import { AnysockError } from "./errors.js";

// The longest time of a timer, 24 days: who has more looks again then.
const LONGEST = 2 ** 31 - 1;
const FOR_EVER = -1;

// A time of the user's as it is kept: undefined is for ever.
export function timeOf(milliseconds) {
  if (milliseconds === undefined || milliseconds === null || milliseconds === Infinity) return undefined;
  if (typeof milliseconds !== "number") throw new TypeError(`no time: ${String(milliseconds)}`);
  if (!(milliseconds >= 0)) throw new RangeError(`no time: ${milliseconds}`);
  return milliseconds;
}

// The same for the library. Three hundred years are for ever, and more would not fit.
export function microseconds(time) {
  return time === undefined || time > 9e12 ? FOR_EVER : Math.ceil(time * 1000);
}

export class Deadline {
  #time;
  #signal;
  #end;

  constructor(time, signal) {
    signal?.throwIfAborted();
    this.#time = time;
    this.#signal = signal;
    if (time !== undefined) this.#end = performance.now() + time;
  }

  // Whether what would wait fails instead.
  get isNever() {
    return this.#time === 0;
  }

  // Waits for what `enter` does with a resolve and a reject of its own; it returns what takes that back. Fails when the time is over or
  // the signal aborted. A wait of weeks may end early.
  wait(enter) {
    const signal = this.#signal;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      let timer;
      const end = (settle) => (value) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
        settle(value);
      };
      const leave = enter(end(resolve), end(reject));
      const aborted = () => {
        leave?.();
        end(reject)(signal.reason);
      };
      const late = () => {
        leave?.();
        if (performance.now() < this.#end) end(resolve)();
        else end(reject)(new AnysockError(errors.ETIMEDOUT, "wait"));
      };
      signal?.addEventListener("abort", aborted, { once: true });
      if (this.#end === undefined) return;
      timer = setTimeout(late, Math.min(Math.max(Math.ceil(this.#end - performance.now()), 0), LONGEST));
    });
  }
}
