// An echo server: node examples/echo_server.js 127.0.0.1:7000

import process from "node:process";
import { listen } from "../src/index.js";

async function echo(client) {
  try {
    for await (const part of client) await client.write(part);
  } catch (error) {
    console.error(error.message);
  } finally {
    client.close();
  }
}

const server = listen(process.argv[2] ?? "127.0.0.1:7000");
console.log("listening on", server.localAddress);
for await (const client of server) echo(client);
