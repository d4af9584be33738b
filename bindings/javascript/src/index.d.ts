// Types of anysock for Node, Deno and Bun.

export type Bytes = string | ArrayBuffer | ArrayBufferView;

export interface Wait {
  /** Ends the call with the signal's reason. */
  signal?: AbortSignal;
}

/** An error of the library: `code` is "ECONNREFUSED" and the like, on every system. */
export class AnysockError extends Error {
  readonly code: string;
  /** Linux's number, negated. */
  readonly errno: number;
  readonly syscall: string;
  readonly address?: string;
}

export class Socket implements AsyncIterable<any> {
  private constructor(handle: number, kind: string);
  static open(kind: string): Socket;
  readonly handle: number;
  readonly kind: string;
  /** Milliseconds that a call may wait; `undefined` waits for ever, 0 never. */
  timeout: number | undefined;
  readonly localAddress: string;
  readonly peerAddress: string;

  bind(address: string): void;
  listen(backlog?: number): void;
  connect(address: string, options?: Wait & { numeric?: boolean }): Promise<void>;
  accept(options?: Wait): Promise<Socket>;
  /** What is there, at least a byte; `null` at the end of the stream. */
  read(size?: number, options?: Wait): Promise<Uint8Array | null>;
  readInto(room: ArrayBufferView, options?: Wait): Promise<number>;
  readToEnd(options?: Wait): Promise<Uint8Array>;
  /** Writes all of it. */
  write(data: Bytes, options?: Wait): Promise<number>;
  receiveFrom(size?: number, options?: Wait): Promise<{ data: Uint8Array; address: string }>;
  sendTo(data: Bytes, address: string, options?: Wait): Promise<number>;
  shutdown(half?: "read" | "write" | "both"): void;
  close(): void;
  setOption(option: string, value: number | boolean | string): void;
  getOption(option: string): number;
  getTextOption(option: string): string;
  /** A listener gives its connections, a stream what it reads. */
  [Symbol.asyncIterator](): AsyncIterator<any>;
}

export function connect(
  address: string,
  options?: Wait & { kind?: string; timeout?: number },
): Promise<Socket>;
export function listen(address: string, options?: { kind?: string; backlog?: number }): Socket;
export function bind(address: string, options?: { kind?: string }): Socket;
export function pair(kind?: string): [Socket, Socket];
export function resolve(address: string, options?: { kind?: string; timeout?: number }): Promise<string[]>;
export function interfaces(): string;
export function has(feature: string): boolean;
export function version(): string;

export const errors: Readonly<Record<string, number>>;
export const events: Readonly<Record<string, number>>;
export const flags: Readonly<Record<string, number>>;
export const controls: Readonly<Record<string, number>>;
export const options: Readonly<Record<string, string>>;
