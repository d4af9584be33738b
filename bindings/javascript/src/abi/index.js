// The C interface, for what the package has no class for: `import { call, operations } from "anysock/abi"`.
//
// `call("queueRun", ...)` is anysock_queue_run: texts are strings, memory is an array of bytes, the result a number. It may block.

export * from "./constants.js";
export { call, text } from "../native/index.js";
