/**
 * A store whose errors are counted: a full disk, a file that was damaged. Who asked is told as before; what cannot be
 * kept is refused, and the same is tried again when it is asked for again.
 */
import type { Store } from './store';

type Method = (...args: unknown[]) => unknown;

export interface WatchedStore {
  readonly store: Store;
  /** By SQLite's code, or `other`. */
  readonly errors: ReadonlyMap<string, number>;
  /** Why it cannot do now what it was last asked for. */
  ailment(): string | undefined;
}

export function watchStore(store: Store): WatchedStore {
  const errors = new Map<string, number>();
  /** By what was asked. */
  const failing = new Map<string, string>();
  const failed = (what: string, error: unknown): void => {
    const { code = 'other', message } = error as { code?: string; message?: string };
    errors.set(code, (errors.get(code) ?? 0) + 1);
    failing.set(what, `the store cannot ${what}: ${message ?? String(error)}`);
  };
  const watched = (what: string, method: Method, owner: object): Method => {
    return (...args) => {
      try {
        const result = method.apply(owner, args);
        if (result instanceof Promise) {
          result.then(
            () => failing.delete(what),
            (error: unknown) => failed(what, error),
          );
        } else failing.delete(what);
        return result;
      } catch (error) {
        failed(what, error);
        throw error;
      }
    };
  };
  const parts = Object.entries(store).map(([name, part]) => {
    if (typeof part === 'function') return [name, part] as const;
    const methods = Object.entries(part as Record<string, unknown>).map(([verb, method]) => {
      const isMethod = typeof method === 'function';
      return [verb, isMethod ? watched(`${verb} ${name}`, method as Method, part as object) : method] as const;
    });
    return [name, Object.fromEntries(methods)] as const;
  });
  return {
    store: Object.fromEntries(parts) as unknown as Store,
    errors,
    ailment: () => [...failing.values()][0],
  };
}
