/** Reads a server's settings; what is wrong is said with its file, line and cure. */
import { dirname, resolve } from 'node:path';
import { parseJsonc, readText } from '../jsonc-file';
import { settings, type Kind, type Settings } from './settings';

/** Throws NtmError NTM_CONFIG. Files that the settings name are taken from the directory of the file. */
export function readSettings<K extends Kind>(kind: K, path: string): Settings<K> {
  const output = parseJsonc(settings[kind], readText(path), path).value as Settings<K>;
  const here = (name: string): string => resolve(dirname(path), name);
  const files = Object.fromEntries(
    (['trace', 'policy'] as const).flatMap((name) => {
      const file = (output as Readonly<Partial<Record<typeof name, string | undefined>>>)[name];
      return file === undefined ? [] : [[name, here(file)]];
    }),
  );
  return { ...(withFilesFrom(here, output) as Settings<K>), ...files, dir: here(output.dir) };
}

/** The settings called `...File`, at whatever depth. */
function withFilesFrom(here: (name: string) => string, settings: object): object {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]: [string, unknown]) => {
      if (typeof value === 'string' && key.endsWith('File')) return [key, here(value)];
      const isPlain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
      return [key, isPlain ? withFilesFrom(here, value) : value];
    }),
  );
}
