// Until when a call may wait: a time in milliseconds and a signal. Not here: what it waits for.

import { errors } from "./abi/constants.js";
import { AnysockError } from "./errors.js";

// The longest time of a timer, 24 days: what is longer takes several.
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
  // the signal aborted.
  wait(enter) {
    const signal = this.#signal;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      let timer;
      let leave;
      const end = (settle) => (value) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
        settle(value);
      };
      const fail = (reason) => {
        leave?.();
        end(reject)(reason);
      };
      const aborted = () => fail(signal.reason);
      const late = () => fail(new AnysockError(errors.ETIMEDOUT, "wait"));
      const startTimer = () => {
        const left = Math.max(Math.ceil(this.#end - performance.now()), 0);
        // One that is early, as runtimes' timers may be by a millisecond, starts again.
        timer = setTimeout(() => (performance.now() < this.#end ? startTimer() : late()), Math.min(left, LONGEST));
      };
      signal?.addEventListener("abort", aborted, { once: true });
      if (this.#end !== undefined) startTimer();
      // Last, as it may settle at once, which takes the others back.
      leave = enter(end(resolve), end(reject));
    });
  }
}
