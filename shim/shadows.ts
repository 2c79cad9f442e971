/** Properties of an object have other values during a call. */
export function withShadows(object: object, shadows: readonly [PropertyKey, unknown][], call: () => void): void {
  const before = shadows.map(([key]) => [key, Object.getOwnPropertyDescriptor(object, key)] as const);
  for (const [key, value] of shadows) {
    Object.defineProperty(object, key, { configurable: true, writable: true, enumerable: true, value });
  }
  try {
    call();
  } finally {
    for (const [key, descriptor] of before) {
      if (descriptor) Object.defineProperty(object, key, descriptor);
      else Reflect.deleteProperty(object, key);
    }
  }
}
