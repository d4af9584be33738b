// Both ends of the conversation that every language has with every other (tests/languages/README.md):
//
//     node examples/conversation.js listen 127.0.0.1:0
//     node examples/conversation.js talk ADDRESS NOBODY      where the server is, and where nobody listens

import process from "node:process";
import { connect, listen, pair } from "../src/index.js";

const PATIENCE = 30_000;
const MEBIBYTE = 1 << 20;
const NEWLINE = 10;

// RFC 1950.
function adler32(bytes) {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}

// The name of the error that a promise ends with.
const failure = (promise) => promise.then(() => "nothing", (error) => error.code ?? error.message);

// The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.
async function answer(client) {
  try {
    const all = await client.readToEnd();
    await client.write(`${all.length} ${adler32(all)}\n`);
    await client.write(all);
  } catch (error) {
    console.error(error.message);
  } finally {
    client.close();
  }
}

async function serve(address) {
  const listener = listen(address);
  console.log("listening on", listener.localAddress);
  for await (const client of listener) answer(client);
}

// The client: a line for each step.
async function talk(address, nobody) {
  console.log("refused", await failure(connect(nobody)));
  const server = await connect(`localhost${address.slice(address.lastIndexOf(":"))}`, { timeout: PATIENCE });
  console.log("connected", server.peerAddress);
  server.timeout = 50;
  console.log("silence", await failure(server.read()));
  server.timeout = PATIENCE;
  await server.write(Uint8Array.from({ length: MEBIBYTE }, (_, i) => i % 251));
  server.shutdown("write");
  await hear(server);
  console.log("cancelled", await cancelled());
  server.close();
  console.log("gone", await failure(server.read()));
}

// Listens to two: one to whom nobody speaks, and the server.
async function hear(server) {
  const [idle, other] = pair("tcp");
  const named = (name, socket) => socket.readToEnd().then((all) => [name, all]);
  const nothing = named("idle", idle);
  const [name, all] = await Promise.race([nothing, named("server", server)]);
  idle.close();
  other.close();
  await failure(nothing);
  const end = all.indexOf(NEWLINE);
  const echo = all.subarray(end + 1);
  console.log("ready", name);
  console.log("answer", new TextDecoder().decode(all.subarray(0, end)));
  console.log("echo", echo.length, adler32(echo));
}

// Its one thread waits in the event loop: the close ends a promise.
async function cancelled() {
  const [idle, other] = pair("tcp");
  const read = idle.read();
  // Let it begin to wait.
  await new Promise((resolve) => setTimeout(resolve));
  idle.close();
  other.close();
  return failure(read);
}

const [what, address, nobody] = process.argv.slice(2);
if (what === "listen" && address) await serve(address);
else if (what === "talk" && nobody) await talk(address, nobody);
else console.error("usage: conversation.js listen ADDRESS | conversation.js talk ADDRESS NOBODY");
