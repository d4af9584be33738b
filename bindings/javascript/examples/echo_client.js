// An echo client: node examples/echo_client.js 127.0.0.1:7000 hello

import process from "node:process";
import { connect } from "../src/index.js";

const [address = "127.0.0.1:7000", text = "hello"] = process.argv.slice(2);
const server = await connect(address, { timeout: 5000 });
const answer = server.readToEnd();
await server.write(text);
server.shutdown("write");
console.log(new TextDecoder().decode(await answer));
server.close();
