// anysock for Node, Deno and Bun: sockets with promises. No call blocks the event loop.

import { Socket, plain, textOf } from "./socket.js";
import { microseconds, timeOf } from "./deadline.js";
import { check } from "./errors.js";
import { call, text, wait } from "./native/index.js";

export { AnysockError } from "./errors.js";
export { Socket };
export { controls, errors, events, flags, options } from "./abi/constants.js";

/** A connection to an address; a name's addresses are tried as RFC 8305 says. */
export async function connect(address, { kind = "tcp", timeout, signal } = {}) {
  const socket = Socket.open(kind);
  try {
    socket.timeout = timeout;
    await socket.connect(address, { signal, numeric: isNumeric(kind, address) });
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** A listener: ":80" is every interface, port 0 a free one. */
export function listen(address, { kind = "tcp", backlog = 0 } = {}) {
  return made(kind, address, (socket) => socket.listen(backlog));
}

/** A datagram socket with an address of its own. */
export function bind(address, { kind = "udp" } = {}) {
  return made(kind, address, () => {});
}

/** Two sockets that are connected to each other. */
export function pair(kind = "unix") {
  const first = new BigInt64Array(1);
  const second = new BigInt64Array(1);
  check(call("pair", plain(kind), new Uint8Array(first.buffer), new Uint8Array(second.buffer)), "pair", kind);
  return [new Socket(Number(first[0]), kind), new Socket(Number(second[0]), kind)];
}

/** The addresses of a name, best first. */
export async function resolve(address, { kind = "tcp", timeout } = {}) {
  const micros = microseconds(timeOf(timeout));
  for (let size = 4096; ; ) {
    const room = new Uint8Array(size);
    const length = check(await wait("resolve", plain(kind), plain(address), micros, room, size), "resolve", address);
    if (length < size) return new TextDecoder().decode(room.subarray(0, length)).split("\n");
    size = length + 1;
  }
}

/** The machine's interfaces and their addresses, one a line. */
export const interfaces = () => textOf((room, size) => call("interfaces", room, size), "interfaces");

/** Whether this system has a feature: "tcp6", "unix" ... */
export const has = (feature) => call("has", plain(feature)) === 1;

/** The version of the loaded library. */
export const version = () => text("version");

function made(kind, address, finish) {
  const socket = Socket.open(kind);
  try {
    socket.bind(address);
    finish(socket);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

// What needs no resolver can be connected from here.
function isNumeric(kind, address) {
  return call("addressParse", plain(kind), plain(address), new Uint8Array(128)) === 0;
}
