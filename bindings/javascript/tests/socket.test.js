// The layer's promises, with the runner that Node, Deno and Bun share.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate, setTimeout as delay } from "node:timers/promises";
import test from "node:test";
import { AnysockError, bind, connect, has, interfaces, listen, options, pair, resolve, Socket, version } from "../src/index.js";

const text = (bytes) => new TextDecoder().decode(bytes);

async function connected(kind = "tcp", address = "127.0.0.1:0") {
  const listener = listen(address, { kind });
  const client = await connect(listener.localAddress, { kind });
  const server = await listener.accept();
  listener.close();
  return [client, server];
}

const fails = (code) => (error) => error instanceof AnysockError && error.code === code && error.errno < 0;

test("a question and its answer, with half-close", async () => {
  for (const [kind, address] of [["tcp", "127.0.0.1:0"], ["tcp", "[::1]:0"], ["unix", join(mkdtempSync(join(tmpdir(), "anysock-")), "s")]]) {
    const [client, server] = await connected(kind, address);
    await client.write("question");
    client.shutdown("write");
    assert.equal(text(await server.readToEnd()), "question");
    await server.write("answer");
    server.close();
    assert.equal(text(await client.readToEnd()), "answer");
    assert.equal(await client.read(), null);
    client.close();
  }
});

test("a mebibyte arrives, whoever is slower", async () => {
  const [client, server] = await connected();
  const sent = randomBytes(1 << 20);
  const [got] = await Promise.all([server.readToEnd(), client.write(sent).then(() => client.close())]);
  assert.equal(createHash("sha256").update(got).digest("hex"), createHash("sha256").update(sent).digest("hex"));
  server.close();
});

test("two writes never mix", async () => {
  const [first, second] = pair("unix");
  const parts = ["a", "b"].map((letter) => letter.repeat(1 << 20));
  const [got] = await Promise.all([
    second.readToEnd(),
    Promise.all(parts.map((part) => first.write(part))).then(() => first.close()),
  ]);
  assert.equal(text(got), parts.join(""));
  second.close();
});

test("a refused connect is an error by name", async () => {
  const listener = listen("127.0.0.1:0");
  const address = listener.localAddress;
  listener.close();
  await assert.rejects(connect(address), fails("ECONNREFUSED"));
  const [port] = address.match(/\d+$/);
  await assert.rejects(connect(`localhost:${port}`, { kind: "tcp4" }), fails("ECONNREFUSED"));
});

test("a connect to a name waits, however long it takes", async () => {
  const listener = Socket.open("tcp4");
  listener.bind("127.0.0.1:0");
  listener.listen(1);
  const [port] = listener.localAddress.match(/\d+$/);
  // More than the backlog holds: the next connect is not answered.
  const first = Array.from({ length: 4 }, () => connect(`127.0.0.1:${port}`, { kind: "tcp4", timeout: 1000 }).catch(() => {}));
  const late = connect(`localhost:${port}`, { kind: "tcp4", timeout: 50 });
  await assert.rejects(late, fails("ETIMEDOUT"));
  const patient = Socket.open("tcp4");
  const connected = patient.connect(`localhost:${port}`);
  const ended = assert.rejects(connected, (error) => ["ECANCELED", "EBADF"].includes(error.code));
  await delay(50);
  patient.close();
  await ended;
  for (const socket of await Promise.all(first)) socket?.close();
  listener.close();
});

test("text that is no address, a name that is none", async () => {
  for (const address of ["nonsense", "127.0.0.1:99999", "127.0.0.1:80\0"])
    await assert.rejects(connect(address), fails("EINVAL"));
  await assert.rejects(connect("no-such-name.invalid:80", { timeout: 20000 }), (error) => /^(EAI_|ETIMEDOUT)/.test(error.code));
  assert.throws(() => Socket.open("teleport"), fails("EINVAL"));
});

test("a timeout ends a read, and an abort, and a close", async () => {
  const [client, server] = await connected();
  client.timeout = 20;
  await assert.rejects(client.read(), fails("ETIMEDOUT"));
  client.timeout = 0;
  await assert.rejects(client.read(), fails("EAGAIN"));
  client.timeout = undefined;
  const abort = new AbortController();
  const aborted = client.read(1, { signal: abort.signal });
  await setImmediate();
  abort.abort(new Error("enough"));
  await assert.rejects(aborted, /enough/);
  const closed = client.read();
  await setImmediate();
  client.close();
  await assert.rejects(closed, fails("ECANCELED"));
  await assert.rejects(client.read(), fails("EBADF"));
  client.close();
  server.close();
});

test("times that are none, and long ones", async () => {
  const [client, server] = pair();
  for (const time of [-1, NaN]) assert.throws(() => (client.timeout = time), RangeError);
  assert.throws(() => (client.timeout = "100"), TypeError);
  await assert.rejects(resolve("127.0.0.1:80", { timeout: -1 }), RangeError);
  await assert.rejects(connect("127.0.0.1:1", { timeout: -1 }), RangeError);
  for (const time of [2 ** 31, 1e30, Infinity, null, undefined]) {
    client.timeout = time;
    const read = client.read();
    await delay(5);
    await server.write("x");
    assert.equal(text(await read), "x");
    assert.deepEqual(await resolve("127.0.0.1:80", { timeout: time }), ["127.0.0.1:80"]);
  }
  client.close();
  server.close();
});

test("a timeout ends a write that goes on slowly", async () => {
  const [client, server] = pair();
  client.timeout = 500;
  const written = client.write(new Uint8Array(16 << 20)).finally(() => client.close());
  const read = (async () => {
    while (await server.read()) await delay(20);
  })();
  await assert.rejects(written, fails("ETIMEDOUT"));
  await read;
  server.close();
});

test("a timeout and an abort end the wait for a turn, and leave the others theirs", async () => {
  const [client, server] = pair();
  const first = client.read(1);
  client.timeout = 20;
  await assert.rejects(client.read(1), fails("ETIMEDOUT"));
  client.timeout = 0;
  await assert.rejects(client.read(1), fails("EAGAIN"));
  client.timeout = undefined;
  const abort = new AbortController();
  const aborted = client.read(1, { signal: abort.signal });
  const last = client.read(1);
  abort.abort(new Error("enough"));
  await assert.rejects(aborted, /enough/);
  await server.write("12");
  assert.deepEqual([text(await first), text(await last)], ["1", "2"]);
  const ended = [client.read(1), client.read(1)].map((read) => assert.rejects(read, AnysockError));
  client.close();
  await Promise.all(ended);
  server.close();
});

test("what is no memory is not sent, nor read into", async () => {
  const [client, server] = pair("unixgram");
  for (const data of [5, null, undefined, {}, [1, 2], true]) {
    await assert.rejects(client.write(data), TypeError);
    await assert.rejects(client.sendTo(data, "x"), TypeError);
    await assert.rejects(server.readInto(data), TypeError);
  }
  await assert.rejects(server.readInto("text"), TypeError);
  for (const size of ["5", null, {}, 1.5, NaN]) {
    await assert.rejects(server.read(size), TypeError);
    await assert.rejects(server.receiveFrom(size), TypeError);
  }
  await assert.rejects(server.read(-1), RangeError);
  for (const value of [NaN, {}, undefined, 1.5, Infinity]) assert.throws(() => client.setOption(options.SEND_BUFFER, value), TypeError);
  await client.write(new Uint16Array([0x6161]).buffer);
  const room = new DataView(new ArrayBuffer(4), 1);
  assert.equal(await server.readInto(room), 2);
  assert.equal(room.getUint8(1), 0x61);
  client.close();
  server.close();
});

test("the event loop is never blocked", async () => {
  const [client, server] = await connected();
  let turns = 0;
  const timer = setInterval(() => ++turns === 5 && server.write("now"), 1);
  assert.equal(text(await client.read()), "now");
  clearInterval(timer);
  assert.equal(turns >= 5, true);
  client.close();
  server.close();
});

test("a thousand sockets wait at a time", async () => {
  const pairs = Array.from({ length: 1000 }, () => pair("unix"));
  const reads = pairs.map(([first]) => first.read());
  await setImmediate();
  await Promise.all(pairs.map(([, second], at) => second.write(`${at}`)));
  assert.deepEqual((await Promise.all(reads)).map(text), pairs.map((_, at) => `${at}`));
  pairs.flat().forEach((socket) => socket.close());
});

test("reading and writing one socket at a time", async () => {
  const [client, server] = await connected();
  const big = new Uint8Array(4 << 20).fill(7);
  const written = client.write(big); // waits: nobody reads
  const read = client.read();
  await setImmediate();
  await server.write("x");
  assert.equal(text(await read), "x");
  let left = big.length;
  while (left > 0) left -= (await server.read()).length;
  await written;
  client.close();
  server.close();
});

test("datagrams, empty ones too", async () => {
  const server = bind("127.0.0.1:0");
  const client = await connect(server.localAddress, { kind: "udp" });
  for (const content of ["ping", ""]) {
    await client.write(content);
    const { data, address } = await server.receiveFrom();
    assert.equal(text(data), content);
    assert.equal(address, client.localAddress);
    await server.sendTo(data, address);
    assert.equal(text(await client.read()), content);
  }
  client.close();
  server.close();
});

test("of a raw socket, too, no bytes are a datagram and not the end", async (context) => {
  let socket;
  try {
    socket = bind("::1", { kind: "ip6:253" });
  } catch (error) {
    if (!["EPERM", "EACCES"].includes(error.code)) throw error;
    context.skip?.(error.message);
    return;
  }
  await socket.sendTo("", socket.localAddress);
  assert.equal((await socket.read(8))?.length, 0);
  socket.close();
});

test("a server by iteration", async () => {
  const listener = listen("127.0.0.1:0");
  const served = (async () => {
    for await (const client of listener) {
      for await (const part of client) await client.write(part);
      client.close();
    }
  })();
  const client = await connect(listener.localAddress);
  await client.write("echo");
  assert.equal(text(await client.read()), "echo");
  client.close();
  listener.close();
  // In accept, or about to call it.
  await assert.rejects(served, (error) => ["ECANCELED", "EBADF"].includes(error.code));
});

test("options, addresses, features", async () => {
  const [client, server] = await connected();
  client.setOption(options.TCP_NODELAY, true);
  assert.equal(client.getOption(options.TCP_NODELAY), 1);
  assert.equal(client.getTextOption(options.KIND), "tcp");
  assert.equal(client.localAddress, server.peerAddress);
  assert.throws(() => client.setOption("no.such", 1), fails("ENOPROTOOPT"));
  assert.equal(has("tcp"), true);
  assert.equal(has("teleport"), false);
  assert.match(version(), /^\d+\.\d+\.\d+/);
  assert.match(interfaces(), /127\.0\.0\.1|::1/);
  assert.deepEqual(await resolve("127.0.0.1:80"), ["127.0.0.1:80"]);
  client.close();
  server.close();
});
