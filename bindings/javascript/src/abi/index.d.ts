type Numbers = Readonly<Record<string, number>>;

/** Calls a function of the C interface by its name in JavaScript's manner: "queueRun" is anysock_queue_run. It may block. */
export function call(name: string, ...values: (number | string | Uint8Array | null)[]): number;
/** The same, of a function that gives a text. */
export function text(name: string, ...values: (number | string)[]): string;

export const errors: Numbers;
export const options: Readonly<Record<string, string>>;
export const shut: Numbers;
export const flags: Numbers;
export const controls: Numbers;
export const events: Numbers;
export const operations: Numbers;
export const queue: Numbers;
