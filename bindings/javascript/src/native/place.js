// Where the library is: ANYSOCK_LIBRARY, or the name by which the system's loader finds it.

import process from "node:process";
import { library } from "../abi/constants.js";

export function place() {
  const system = { win32: library.windows, darwin: library.macos }[process.platform];
  return process.env.ANYSOCK_LIBRARY || system || library.unix;
}
