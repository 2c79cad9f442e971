/**
 * The only code that mutates Node: every hook replaces a method through here, so that `restore()` can put all back.
 *
 * Somebody else (an APM, a test double) may have wrapped our replacement meanwhile. Theirs is then left in place,
 * and ours, which theirs calls, becomes a plain call of the original.
 */
import type { AnyFunction } from './node-internals';

export class Patches {
  readonly #undo: (() => void)[] = [];
  #active = true;

  /** False once all is put back. */
  get isActive(): boolean {
    return this.#active;
  }

  /** `make` gets the method as it is now, own or inherited, and returns what takes its place. */
  replace(target: object, key: PropertyKey, make: (original: AnyFunction) => AnyFunction): void {
    const own = Object.getOwnPropertyDescriptor(target, key);
    const original = Reflect.get(target, key) as AnyFunction | undefined;
    if (typeof original !== 'function') return; // this version of Node does not have it

    const hook = make(original);
    const isActive = (): boolean => this.#active;
    const replacement: AnyFunction = function (this: unknown, ...args: unknown[]): unknown {
      return Reflect.apply(isActive() ? hook : original, this, args);
    };
    // Name, length, and symbols such as util.promisify's customPromisifyArgs.
    for (const property of Reflect.ownKeys(original)) {
      if (property === 'prototype') continue;
      Object.defineProperty(replacement, property, Object.getOwnPropertyDescriptor(original, property)!);
    }
    this.define(target, key, {
      value: replacement,
      writable: true,
      configurable: true,
      enumerable: own?.enumerable ?? false,
    });
  }

  define(target: object, key: PropertyKey, descriptor: PropertyDescriptor): void {
    const before = Object.getOwnPropertyDescriptor(target, key);
    Object.defineProperty(target, key, descriptor);
    this.#undo.push(() => {
      const current = Object.getOwnPropertyDescriptor(target, key);
      if (current?.value !== descriptor.value) return; // wrapped by somebody else since
      if (before) Object.defineProperty(target, key, before);
      else Reflect.deleteProperty(target, key);
    });
  }

  /** A listener that Node's own event emitters have before those that are there. */
  listenFirst(emitter: NodeJS.EventEmitter, event: string, listener: AnyFunction): void {
    emitter.prependListener(event, listener);
    this.#undo.push(() => emitter.off(event, listener));
  }

  restore(): void {
    this.#active = false;
    for (const undo of this.#undo.reverse()) undo();
    this.#undo.length = 0;
  }
}
