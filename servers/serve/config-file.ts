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
      const file = (output as { readonly [N in typeof name]?: string | undefined })[name];
      return file === undefined ? [] : [[name, here(file)]];
    }),
  );
  return { ...output, ...files, dir: here(output.dir) };
}
