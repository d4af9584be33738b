// A socket: each call tries at once, and waits in `watch` if it must. Not here: how to come by one (`index`).

import { types } from "node:util";
import { errors, flags, options, shut } from "./abi/constants.js";
import { Deadline, timeOf } from "./deadline.js";
import { AnysockError, check, wouldBlock } from "./errors.js";
import { call, wait } from "./native/index.js";
import { closed, READ, ready, WRITE } from "./watch.js";

const CHUNK = 65536;
const TEXT = 256;
const ADDRESS = 512;
const HALVES = { read: shut.READ, write: shut.WRITE, both: shut.READ | shut.WRITE };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const memoryOf = (data) => {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (types.isAnyArrayBuffer(data)) return new Uint8Array(data);
  throw new TypeError(`no memory: ${typeof data}`);
};

const bytesOf = (data) => (typeof data === "string" ? encoder.encode(data) : memoryOf(data));

// A number that C has, too; true and false are such.
const integer = (value) => {
  if (["number", "bigint", "boolean"].includes(typeof value) && Number.isSafeInteger(Number(value))) return Number(value);
  throw new TypeError(`no integer: ${String(value)}`);
};

const roomOf = (size) => new Uint8Array(integer(size));

// Texts for C end at a NUL: one inside would cut them, and so makes them a text that is no address.
export const plain = (text) => (String(text).includes("\0") ? "\uFFFD" : String(text));

// Calls what fills memory with a text; again if it was too small.
export function textOf(fill, syscall) {
  for (let size = TEXT; ; ) {
    const room = new Uint8Array(size);
    const length = check(fill(room, size), syscall);
    if (length < size) return decoder.decode(room.subarray(0, length));
    size = length + 1;
  }
}

const upToNul = (room) => decoder.decode(room.subarray(0, room.indexOf(0)));

// Forgotten sockets are closed, as a last resort.
const forgotten = new FinalizationRegistry((handle) => call("close", handle));

export class Socket {
  #handle;
  #kind;
  #lines = { [READ]: { length: 0, last: Promise.resolve() }, [WRITE]: { length: 0, last: Promise.resolve() } };
  #open = true;
  #timeout;

  constructor(handle, kind) {
    this.#handle = handle;
    this.#kind = kind;
    // Waiting is done here, in the event loop.
    check(call("set", handle, options.TIMEOUT, 0), "open");
    forgotten.register(this, handle, this);
  }

  static open(kind) {
    return new Socket(check(call("open", plain(kind)), "open", kind), kind);
  }

  /** The library's number for it, which is never another socket's. */
  get handle() {
    return this.#handle;
  }

  get kind() {
    return this.#kind;
  }

  /** Milliseconds that a call may wait; `undefined` waits for ever, 0 never. */
  get timeout() {
    return this.#timeout;
  }

  set timeout(milliseconds) {
    this.#timeout = timeOf(milliseconds);
  }

  bind(address) {
    check(call("bind", this.#handle, plain(address)), "bind", address);
  }

  listen(backlog = 0) {
    check(call("listen", this.#handle, backlog), "listen");
  }

  async connect(address, { signal, numeric = false } = {}) {
    const connect = () => call("connect", this.#handle, plain(address));
    await this.#inTurn("connect", WRITE, signal, address, async (deadline) => {
      const begun = numeric ? connect() : await named("connect", address, this.#resolved(address, deadline));
      if (!wouldBlock(begun)) return check(begun, "connect", address);
      return this.#attempt("connect", WRITE, deadline, connect, address);
    });
  }

  // Resolving a name may wait: on a thread of the runtime's, until it has begun to connect. Closing ends it.
  #resolved(address, deadline) {
    return deadline.wait((resolve, reject) => {
      wait("connect", this.#handle, plain(address)).then(resolve, reject);
      return () => this.close();
    });
  }

  async accept({ signal } = {}) {
    const handle = await this.#try("accept", READ, signal, () => call("accept", this.#handle));
    return new Socket(handle, this.#kind);
  }

  /** What is there, at least a byte; `null` at the end of the stream. An empty datagram is an empty array. */
  async read(size = CHUNK, { signal } = {}) {
    const room = roomOf(size);
    const count = await this.readInto(room, { signal });
    return count === 0 && size > 0 && !this.#keepsBorders ? null : room.subarray(0, count);
  }

  async readInto(room, { signal } = {}) {
    const bytes = memoryOf(room);
    return this.#try("read", READ, signal, () => call("recv", this.#handle, bytes, bytes.length, flags.DONT_WAIT));
  }

  /** Everything until the end of the stream. */
  async readToEnd({ signal } = {}) {
    const parts = [];
    for (let part; (part = await this.read(CHUNK, { signal })); ) parts.push(part);
    const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
    return all;
  }

  /** Writes all of it: bytes, or text as UTF-8. Two writes never mix. */
  async write(data, { signal } = {}) {
    const bytes = bytesOf(data);
    return this.#inTurn("write", WRITE, signal, undefined, async (deadline) => {
      let done = 0;
      do {
        const rest = bytes.subarray(done);
        const send = () => call("send", this.#handle, rest, rest.length, flags.DONT_WAIT);
        done += await this.#attempt("write", WRITE, deadline, send);
      } while (done < bytes.length);
      return done;
    });
  }

  /** One datagram and the address of who has sent it. */
  async receiveFrom(size = CHUNK, { signal } = {}) {
    const room = roomOf(size);
    const address = new Uint8Array(ADDRESS);
    const receive = () => call("recvFrom", this.#handle, room, room.length, flags.DONT_WAIT, address, ADDRESS);
    const count = await this.#try("receiveFrom", READ, signal, receive);
    return { data: room.subarray(0, count), address: upToNul(address) };
  }

  async sendTo(data, address, { signal } = {}) {
    const bytes = bytesOf(data);
    const send = () => call("sendTo", this.#handle, bytes, bytes.length, flags.DONT_WAIT, plain(address));
    return this.#try("sendTo", WRITE, signal, send, address);
  }

  /** Shuts "read", "write" (half-close: the peer reads the end of the stream) or "both". */
  shutdown(half = "both") {
    check(call("shutdown", this.#handle, HALVES[half] ?? 0), "shutdown");
  }

  /** Closes it, and ends who waits for it with ECANCELED. Closing twice is no error. */
  close() {
    if (!this.#open) return;
    this.#open = false;
    forgotten.unregister(this);
    call("close", this.#handle);
    closed(this.#handle);
  }

  get localAddress() {
    return textOf((room, size) => call("localAddress", this.#handle, room, size), "localAddress");
  }

  get peerAddress() {
    return textOf((room, size) => call("peerAddress", this.#handle, room, size), "peerAddress");
  }

  setOption(option, value) {
    const set = typeof value === "string" ? ["setText", plain(value)] : ["set", integer(value)];
    check(call(set[0], this.#handle, plain(option), set[1]), "setOption", option);
  }

  getOption(option) {
    const room = new BigInt64Array(1);
    check(call("get", this.#handle, plain(option), new Uint8Array(room.buffer)), "getOption", option);
    return Number(room[0]);
  }

  getTextOption(option) {
    return textOf((room, size) => call("getText", this.#handle, plain(option), room, size), "getOption");
  }

  /** A listener gives its connections, a stream what it reads. */
  async *[Symbol.asyncIterator]() {
    const listens = this.getOption(options.LISTENING) === 1;
    for (let next; (next = await (listens ? this.accept() : this.read())); ) yield next;
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() {
    this.close();
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    this.close();
  }

  get #keepsBorders() {
    return /^(udp|ip|unixgram)/.test(this.#kind);
  }

  #try(syscall, direction, signal, attempt, address) {
    const body = (deadline) => this.#attempt(syscall, direction, deadline, attempt, address);
    return this.#inTurn(syscall, direction, signal, address, body);
  }

  // One call a direction at a time, in their order. Who waits for its turn has a deadline as well.
  async #inTurn(syscall, direction, signal, address, body) {
    const deadline = new Deadline(this.#timeout, signal);
    const line = this.#lines[direction];
    const before = line.last;
    let leave;
    const mine = new Promise((resolve) => (leave = resolve));
    line.last = before.then(() => mine);
    line.length += 1;
    try {
      if (line.length > 1) await named(syscall, address, turn(before, deadline));
      return await body(deadline);
    } finally {
      line.length -= 1;
      leave();
    }
  }

  async #attempt(syscall, direction, deadline, attempt, address) {
    for (;;) {
      const result = attempt();
      if (!wouldBlock(result)) return check(result, syscall, address);
      await named(syscall, address, ready(this.#handle, direction, deadline));
    }
  }
}

async function turn(before, deadline) {
  if (deadline.isNever) throw new AnysockError(errors.EAGAIN, "wait");
  await deadline.wait((resolve) => void before.then(resolve));
}

// An error of a wait, in the name of the call that waits.
async function named(syscall, address, waiting) {
  try {
    return await waiting;
  } catch (error) {
    throw error?.errno === undefined ? error : new AnysockError(error.errno, syscall, address);
  }
}
