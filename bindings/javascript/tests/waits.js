// A read for which nothing comes: Ctrl-C ends the program, and with the argument "end" it ends by itself. Started by bindings/javascript/test.

import process from "node:process";
import { pair } from "../src/index.js";

// Named for good: a collected end is closed, which ends the read.
globalThis.ends = pair("unix");
globalThis.ends[0].read().catch(() => {});
if (process.argv[2] === "end") setTimeout(() => process.exit(7), 20);
else console.log("waiting");
