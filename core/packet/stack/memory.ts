/** The wasm module of lwIP and its memory. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Set where this code is bundled into a file elsewhere (scripts/setup/bundle.mjs): where the module is from there. */
declare const LWIP_DIRECTORY: string | undefined;

let compiled: WebAssembly.Module | undefined;

/** The module that `scripts/build-lwip.mjs` put beside this file, compiled once for all stacks of the process. */
export function lwipModule(): WebAssembly.Module {
  const directory = typeof LWIP_DIRECTORY === 'string' ? LWIP_DIRECTORY : '.';
  compiled ??= new WebAssembly.Module(readFileSync(join(__dirname, directory, 'lwip.wasm')));
  return compiled;
}

/** A view on the module's memory. `memory.grow` detaches views, so take `bytes` anew after every call into wasm. */
export class Memory {
  private view: Uint8Array;

  constructor(
    private readonly memory: WebAssembly.Memory,
    /** Where the 64 KiB lie through which bytes are passed to C and back (`scratch` in netif.c). */
    readonly scratch: number,
  ) {
    this.view = new Uint8Array(memory.buffer);
  }

  get bytes(): Uint8Array {
    // A detached view has no length; asking memory.buffer instead costs more than a small packet's copy.
    if (this.view.length === 0) this.view = new Uint8Array(this.memory.buffer);
    return this.view;
  }

  /** Numbers of 32 bits, copied. */
  words(address: number, count: number): Uint32Array {
    return new Uint32Array(this.bytes.buffer, address >>> 0, count).slice();
  }

  /** A C string, for messages of assertions. */
  text(address: number): string {
    const end = this.bytes.indexOf(0, address);
    return Buffer.from(this.bytes.subarray(address, end)).toString('latin1');
  }
}
