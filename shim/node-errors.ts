/**
 * Errors shaped as Node shapes them, with the NTM_* reason as `cause`.
 * libuv's error numbers are the negative errno; getaddrinfo's have their own range.
 */
import type { EventEmitter } from 'node:events';
import { getSystemErrorMap } from 'node:util';
import type { NtmErrorCode } from '../core/errors';

export interface NodeError extends Error {
  errno?: number | undefined;
  code: string;
  syscall: string;
  hostname?: string;
}

let errnoByCode: Map<string, number> | undefined;

/** libuv's number for a code, e.g. -111 for ECONNREFUSED. */
export function errnoOf(code: string): number {
  errnoByCode ??= new Map([...getSystemErrorMap()].map(([errno, [name]]) => [name, errno]));
  const errno = errnoByCode.get(code === 'ENOTFOUND' ? 'EAI_NONAME' : code);
  return errno ?? errnoByCode.get('EIO') ?? -5;
}

/** `read ECONNRESET`. */
export function systemError(code: string, syscall: string): NodeError {
  return Object.assign(new Error(`${syscall} ${code}`), { errno: errnoOf(code), code, syscall });
}

/** `getaddrinfo ENOTFOUND name`, as dns.lookup fails; `getnameinfo`, as dns.lookupService does. */
export function lookupError(hostname: string, cause: unknown, syscall = 'getaddrinfo'): NodeError {
  const code = lookupCode(cause);
  const error = new Error(`${syscall} ${code} ${hostname}`, { cause });
  return Object.assign(error, { errno: errnoOf(code), code, syscall, hostname });
}

/** `queryA ENOTFOUND name`, as dns.resolve4 fails; c-ares errors have no errno. */
export function queryError(syscall: string, hostname: string, cause: unknown): NodeError {
  const code = { ENOTFOUND: 'ENOTFOUND', EAI_AGAIN: 'ETIMEOUT', EAI_FAIL: 'ESERVFAIL' }[lookupCode(cause)];
  const error = new Error(`${syscall} ${code} ${hostname}`, { cause });
  return Object.assign(error, { errno: undefined, code, syscall, hostname });
}

/** `queryMx ENODATA name`: the name exists, and has no record of that type. */
export function noDataError(syscall: string, hostname: string): NodeError {
  const code = 'ENODATA';
  return Object.assign(new Error(`${syscall} ${code} ${hostname}`), { errno: undefined, code, syscall, hostname });
}

/** Which errno a failed `reach` or `connectTcp` looks like. */
export function connectCode(cause: unknown): string {
  const code = codeOf(cause);
  switch (code as NtmErrorCode) {
    case 'NTM_DC_UNREACHABLE':
    case 'NTM_AS_UNREACHABLE':
    case 'NTM_NOT_REGISTERED':
    case 'NTM_LOGIN_LIMITED':
    case 'NTM_LOGIN_REFUSED':
    case 'NTM_JOIN_KEY':
    case 'NTM_REVOKED':
    case 'NTM_REPLACED':
    case 'NTM_AS_KEY':
      return 'ENETUNREACH'; // it is this node that is not there
    case 'NTM_NOT_ALLOWED':
      return 'EACCES'; // as a kernel says it where a rule forbids
    default:
      return code.startsWith('E') ? code : 'EHOSTUNREACH'; // a StackError's code is an errno already
  }
}

/** Adds a cause, as the Error constructor would have; an error that has one keeps it. */
export function addCause(error: Error, cause: unknown): void {
  if (cause === undefined || error.cause !== undefined) return;
  Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true, enumerable: false });
}

/** The error that `emitter` emits in `act`, whether or not somebody listens, gets a cause. */
export function emitWithCause(emitter: EventEmitter, cause: unknown, act: () => void): void {
  if (cause === undefined) return act();
  const own = Object.getOwnPropertyDescriptor(emitter, 'emit');
  const restore = (): void => {
    if (own) Object.defineProperty(emitter, 'emit', own);
    else Reflect.deleteProperty(emitter, 'emit');
  };
  const value = (name: string, error?: unknown, ...rest: unknown[]): boolean => {
    restore(); // before what the listeners emit
    if (error instanceof Error) addCause(error, cause);
    return emitter.emit(name, error, ...rest);
  };
  Object.defineProperty(emitter, 'emit', { value, configurable: true, writable: true });
  try {
    act();
  } finally {
    if (emitter.emit === value) restore();
  }
}

function lookupCode(cause: unknown): 'ENOTFOUND' | 'EAI_AGAIN' | 'EAI_FAIL' {
  switch (codeOf(cause) as NtmErrorCode) {
    case 'NTM_NO_SUCH_NAME':
      return 'ENOTFOUND';
    case 'NTM_LOGIN_REFUSED':
    case 'NTM_JOIN_KEY':
    case 'NTM_REVOKED':
    case 'NTM_AS_KEY':
    case 'NTM_CONFIG':
    case 'NTM_PROTOCOL':
      return 'EAI_FAIL';
    default:
      return 'EAI_AGAIN';
  }
}

function codeOf(cause: unknown): string {
  const code: unknown = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}
