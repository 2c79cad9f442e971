/** libsql gives a blob as a Buffer from `get` and as an ArrayBuffer from `all`. */
export function bytes(blob: Uint8Array | ArrayBuffer): Uint8Array {
  return new Uint8Array(blob instanceof ArrayBuffer ? blob : blob.slice());
}
