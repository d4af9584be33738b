// The library's functions, alike on Node, Deno and Bun: `call` takes texts, numbers and memory and gives a number;
// `wait` is the same for a call that may block, on a thread of the runtime's, and gives a promise.

const runtime = globalThis.Deno ? "deno" : globalThis.Bun ? "bun" : "node";
const { load } = await import(`./${runtime}.js`);

export const { call, wait, text } = await load();
