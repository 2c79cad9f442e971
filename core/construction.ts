/** The construction of a tunnel, for those who wait for it. */
export interface Construction {
  readonly done: Promise<void>;
  succeed(): void;
  fail(error: Error): void;
}

export function newConstruction(): Construction {
  let succeed!: () => void;
  let fail!: (error: Error) => void;
  const done = new Promise<void>((resolve, reject) => {
    succeed = resolve;
    fail = reject;
  });
  done.catch(() => {}); // whoever waits for it is told; nobody has to
  return { done, succeed, fail };
}
