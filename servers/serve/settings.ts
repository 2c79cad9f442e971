/**
 * The settings of a server that runs by itself: one file each, JSON with comments. settings/KIND.ts says what a kind
 * has; examples/deploy shows one file of every kind.
 */
import type * as v from 'valibot';
import { as, liveAs } from './settings/as';
import { cs, liveCs } from './settings/cs';
import { dc, liveDc } from './settings/dc';
import { liveNs, ns } from './settings/ns';
import { liveRs, rs } from './settings/rs';

export const settings = { as, dc, ns, rs, cs };

export type Kind = keyof typeof settings;
export type Settings<K extends Kind> = v.InferOutput<(typeof settings)[K]>;

/** What SIGHUP changes while the server runs (ServedServer.reload). Everything else needs a restart, and says so. */
export const liveSettings: Readonly<Record<Kind, readonly string[]>> = {
  as: liveAs,
  dc: liveDc,
  ns: liveNs,
  rs: liveRs,
  cs: liveCs,
};

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without those that were left out, so that they do not take the place of defaults. */
export function given<T extends object>(optional: T): Given<T> {
  return Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as Given<T>;
}
