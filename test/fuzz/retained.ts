/** How much an object holds on to: the entries of all maps, sets and arrays that can be reached from it. */

/**
 * What storms are allowed to leave behind is a bounded number of these, however long they last. `others` is not
 * looked into: the clock, on which cancelled timers stay until their time.
 */
export function retained(root: object, others: object): number {
  const seen = new Set<object>([others]);
  const waiting: unknown[] = [root];
  let entries = 0;
  const visit = (values: Iterable<unknown>): void => {
    for (const value of values) if (typeof value === 'object' && value !== null) waiting.push(value);
  };
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const object = next as object;
    if (seen.has(object) || ArrayBuffer.isView(object) || object instanceof ArrayBuffer) continue;
    seen.add(object);
    if (object instanceof Map || object instanceof Set || Array.isArray(object)) {
      entries += Array.isArray(object) ? object.length : object.size;
    }
    if (object instanceof Map) visit(object.keys());
    if (object instanceof Map || object instanceof Set) visit(object.values());
    visit(Object.values(object));
  }
  return entries;
}
