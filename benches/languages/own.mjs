// An echo server on Node's own sockets: what bindings/javascript/examples/queue_echo_server.js is compared with.

import { createServer } from "node:net";

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("data", (part) => socket.write(part));
  socket.on("error", () => socket.destroy());
});
server.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
