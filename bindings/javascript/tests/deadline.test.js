// How long a call may wait, without a socket. Not here: calls that wait (`socket.test.js`).

import assert from "node:assert/strict";
import test from "node:test";
import { Deadline } from "../src/deadline.js";

test("what settles at once takes timer and signal back", async () => {
  const { signal } = new AbortController();
  const deadline = new Deadline(3600_000, signal);
  assert.equal(await deadline.wait((resolve) => resolve(1)), 1);
  // The reason is the call's own; a timer that is left would keep the program for an hour.
  await assert.rejects(deadline.wait((resolve, reject) => reject(new Error("enough"))), /enough/);
});

test("an early timer ends nothing", async () => {
  const clock = performance.now;
  const begun = performance.now();
  // The first look after the timer is as early as it can be.
  const times = [begun, begun, begun + 0.5];
  performance.now = () => times.shift() ?? clock.call(performance);
  try {
    await assert.rejects(new Deadline(1).wait(() => undefined), (error) => error.code === "ETIMEDOUT");
  } finally {
    performance.now = clock;
  }
});

test("a wait that is over is taken back", async () => {
  let left = 0;
  await assert.rejects(new Deadline(1).wait(() => () => (left += 1)), (error) => error.code === "ETIMEDOUT");
  const abort = new AbortController();
  const wait = new Deadline(undefined, abort.signal).wait(() => () => (left += 1));
  abort.abort(new Error("enough"));
  await assert.rejects(wait, /enough/);
  assert.equal(left, 2);
});
