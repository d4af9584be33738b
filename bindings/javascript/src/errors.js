// Errors as Node's system errors: `code` is the name, `errno` the number, `syscall` what was tried.

import { errors, errorTexts } from "./abi/constants.js";
import { text } from "./native/index.js";

export class AnysockError extends Error {
  constructor(errno, syscall, address) {
    const [code, meaning] = errorTexts.get(errno) ?? [text("errorName", errno), text("errorMessage", errno)];
    super(`${syscall} ${code}: ${meaning}${address === undefined ? "" : ` ${address}`}`);
    this.name = "AnysockError";
    Object.assign(this, { code, errno, syscall });
    if (address !== undefined) this.address = address;
  }
}

// The result, or its error.
export function check(result, syscall, address) {
  if (result < 0) throw new AnysockError(result, syscall, address);
  return result;
}

// Whether it says that the call would have to wait.
export const wouldBlock = (result) => result === errors.EAGAIN || result === errors.EINPROGRESS || result === errors.EALREADY;
