// What Deno's and Bun's calls have in common: a function's name in C, and texts as memory that a NUL ends.

const encoder = new TextEncoder();

const known = new Map();

// pollerWait -> anysock_poller_wait; made once, as it costs as much as a call.
export function inC(name) {
  let made = known.get(name);
  if (made === undefined) {
    made = `anysock_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
    known.set(name, made);
  }
  return made;
}

export const asMemory = (value) => (typeof value === "string" ? encoder.encode(`${value}\0`) : value);
