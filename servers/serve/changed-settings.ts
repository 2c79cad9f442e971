/** What SIGHUP finds: which settings changed, and which of them a server can take while it runs. */
import { isDeepStrictEqual } from 'node:util';
import { liveSettings, type Kind, type Settings } from './settings';

export interface Changed<K extends Kind> {
  /** The settings of before, with those of now that can be taken. */
  readonly taken: Settings<K>;
  /** Names of settings that changed and were taken. */
  readonly live: readonly string[];
  /** Names of settings that changed and need a restart. */
  readonly restart: readonly string[];
}

export function changedSettings<K extends Kind>(kind: K, before: Settings<K>, now: Settings<K>): Changed<K> {
  const [old, fresh] = [before as Record<string, unknown>, now as Record<string, unknown>];
  const names = [...new Set([...Object.keys(old), ...Object.keys(fresh)])].sort();
  const changed = names.filter((name) => !isDeepStrictEqual(old[name], fresh[name]));
  const canBeTaken = new Set(['log', ...liveSettings[kind]]);
  const live = changed.filter((name) => canBeTaken.has(name));
  const taken = { ...old, ...Object.fromEntries(live.map((name) => [name, fresh[name]])) } as Settings<K>;
  return { taken, live, restart: changed.filter((name) => !canBeTaken.has(name)) };
}
