// Node: koffi. Calls that may block run on libuv's threads.

import { declare } from "../abi/koffi.js";
import { place } from "./place.js";

export async function load() {
  const { default: koffi } = await import("koffi");
  const functions = declare(koffi, place());
  return {
    call: (name, ...values) => Number(functions[name](...values)),
    wait: (name, ...values) =>
      new Promise((resolve, reject) => {
        functions[name].async(...values, (error, result) => (error ? reject(error) : resolve(Number(result))));
      }),
    text: (name, ...values) => functions[name](...values),
  };
}
