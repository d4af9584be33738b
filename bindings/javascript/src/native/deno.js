// Deno: its own FFI (--allow-ffi). Calls that may block run on Deno's threads.

import { symbols } from "../abi/deno.js";
import { asMemory, inC } from "./names.js";
import { place } from "./place.js";

export async function load() {
  const library = Deno.dlopen(place(), symbols).symbols;
  // A number is what C has for it, of 32 bits or 64; a text becomes memory.
  const values = (list) => list.map(asMemory);
  return {
    call: (name, ...list) => Number(library[inC(name)](...values(list))),
    wait: async (name, ...list) => Number(await library[`${inC(name)}_async`](...values(list))),
    text: (name, ...list) => new Deno.UnsafePointerView(library[inC(name)](...values(list))).getCString(),
  };
}
