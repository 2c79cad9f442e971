/**
 * The store in one SQLite file, DIR/ntmobile.db. Several processes may have it open: WAL lets `ntmobile account add`
 * write while the servers run, and each waits for the other's writes. synchronous=FULL: what was answered survives
 * power loss (https://sqlite.org/pragma.html#pragma_synchronous).
 */
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'libsql';
import { NtmError } from '../../core/errors';
import { GroupCommit } from './group-commit';
import { migrate } from './migrations';
import { accountStore } from './sqlite-accounts';
import { bytes } from './sqlite-bytes';
import { cachedItemStore } from './sqlite-cached-items';
import { StoreDatabase } from './sqlite-database';
import { joinKeyStore } from './sqlite-join-keys';
import { nodeKeyStore } from './sqlite-node-keys';
import { nodeStore } from './sqlite-nodes';
import { pushStore } from './sqlite-push-store';
import { revocationStore } from './sqlite-revocations';
import { sessionStore } from './sqlite-sessions';
import type { AssignmentStore, Coordinator, CoordinatorStore, SettingStore, Store } from './store';

type Db = Database.Database;

export const STORE_FILE = 'ntmobile.db';
const BUSY_TIMEOUT_MS = 5000;

/**
 * Makes `directory` when it is not there. Throws NtmError NTM_CONFIG when it cannot be used.
 * `pageLimit`: beyond so many pages of the file it is as if the disk were full.
 */
export function openSqliteStore(directory: string, { pageLimit }: { pageLimit?: number } = {}): Store {
  const path = join(directory, STORE_FILE);
  try {
    const db = openDatabase(directory, path);
    if (pageLimit !== undefined) db.pragma(`max_page_count = ${pageLimit}`);
    return storeOn(db);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new NtmError('NTM_CONFIG', `${path} cannot be used: ${reason}`, { cause: error });
  }
}

function openDatabase(directory: string, path: string): Db {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // Made first with its mode, which -wal and -shm then inherit: at no time can others read it.
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
  const db = new StoreDatabase(path);
  // First of all: turning on WAL needs the file for itself for a moment.
  db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  migrate(db);
  return db;
}

function storeOn(db: Db): Store {
  const assignments = assignmentStore(db);
  const nodeKeys = nodeKeyStore(db);
  return {
    accounts: accountStore(db),
    nodes: nodeStore(db),
    joinKeys: joinKeyStore(db),
    revocations: revocationStore(db),
    coordinators: coordinatorStore(db),
    assignments,
    sessions: sessionStore(db),
    settings: settingStore(db),
    pushes: pushStore(db),
    nodeKeys,
    cachedItems: cachedItemStore(db),
    close() {
      assignments.close();
      nodeKeys.close();
      db.close();
    },
  };
}

interface CoordinatorRow {
  zone: string;
  fqdn: string;
  public_key: Uint8Array | ArrayBuffer;
  ipv4_block: string;
  ipv6_prefix: string;
  address: string | null;
  port: number | null;
}

function coordinatorStore(db: Db): CoordinatorStore {
  const find = db.prepare('SELECT * FROM coordinators WHERE zone = ?');
  const list = db.prepare('SELECT * FROM coordinators ORDER BY zone');
  const put = db.prepare('INSERT OR REPLACE INTO coordinators VALUES (?, ?, ?, ?, ?, ?, ?)');
  const putBlocks = db.prepare('INSERT OR REPLACE INTO address_blocks VALUES (?, ?, ?)');
  const blocks = db.prepare('SELECT * FROM address_blocks ORDER BY zone');
  const remove = db.prepare('DELETE FROM coordinators WHERE zone = ?');
  const forget = db.prepare('DELETE FROM revocations WHERE zone = ?');
  const removeZone = db.transaction((zone: string) => {
    remove.run(zone);
    forget.run(zone);
  });
  const putAll = db.transaction(({ zone, fqdn, publicKey, ipv4Block, ipv6Prefix, endpoint }: Coordinator) => {
    const { address, port } = endpoint ?? { address: null, port: null };
    put.run(zone, fqdn, Buffer.from(publicKey), ipv4Block, ipv6Prefix, address, port);
    putBlocks.run(zone, ipv4Block, ipv6Prefix);
  });
  const coordinator = (row: CoordinatorRow): Coordinator => ({
    zone: row.zone,
    fqdn: row.fqdn,
    publicKey: bytes(row.public_key),
    ipv4Block: row.ipv4_block,
    ipv6Prefix: row.ipv6_prefix,
    endpoint: row.address === null || row.port === null ? null : { address: row.address, port: row.port },
  });
  return {
    async find(zone) {
      const row = find.get(zone) as CoordinatorRow | undefined;
      return row && coordinator(row);
    },
    list: async () => (list.all() as CoordinatorRow[]).map(coordinator),
    remove: async (zone) => removeZone.immediate(zone),
    put: async (coordinator) => putAll.immediate(coordinator),
    blocks: async () =>
      (blocks.all() as Omit<CoordinatorRow, 'fqdn'>[]).map((row) => ({
        ...{ zone: row.zone, ipv4Block: row.ipv4_block, ipv6Prefix: row.ipv6_prefix },
      })),
  };
}

interface Assignment {
  readonly zone: string;
  readonly fqdn: string;
  readonly last: number;
}

/** As in the index `assignments_parent`, which SQLite takes for the very same expression only. */
const PARENT = "substr(fqdn, instr(fqdn, '.') + 1)";

function assignmentStore(db: Db): AssignmentStore & { close(): void } {
  const find = db.prepare('SELECT number FROM assignments WHERE zone = ? AND fqdn = ?');
  const nameOf = db.prepare('SELECT fqdn FROM assignments WHERE zone = ? AND number = ?');
  const below = db.prepare(`SELECT 1 FROM assignments WHERE zone = ? AND ${PARENT} = ? LIMIT 1`);
  const next = db.prepare('SELECT coalesce(max(number), 0) + 1 AS number FROM assignments WHERE zone = ?');
  const insert = db.prepare('INSERT INTO assignments VALUES (?, ?, ?)');
  const number = (row: unknown): number | undefined => (row as { number: number } | undefined)?.number;
  const assign = ({ zone, fqdn, last }: Assignment): number | undefined => {
    const known = number(find.get(zone, fqdn));
    if (known !== undefined) return known;
    const free = number(next.get(zone))!;
    if (free > last) return undefined;
    insert.run(zone, fqdn, free);
    return free;
  };
  const assignAll = db.transaction((all: readonly Assignment[]) => all.map(assign));
  const commits = new GroupCommit<Assignment, number | undefined>((all) => assignAll.immediate(all));
  return {
    find: async (zone, fqdn) => number(find.get(zone, fqdn)),
    nameOf: async (zone, n) => (nameOf.get(zone, n) as { fqdn: string } | undefined)?.fqdn,
    hasBelow: async (zone, fqdn) => below.get(zone, fqdn) !== undefined,
    assign: async (zone, fqdn, last) => number(find.get(zone, fqdn)) ?? commits.add({ zone, fqdn, last }),
    close: () => commits.flush(),
  };
}

function settingStore(db: Db): SettingStore {
  const find = db.prepare('SELECT value FROM settings WHERE name = ?');
  const put = db.prepare('INSERT OR REPLACE INTO settings VALUES (?, ?)');
  const get = (name: string): Uint8Array | undefined => {
    const row = find.get(name) as { value: Uint8Array | ArrayBuffer } | undefined;
    return row && bytes(row.value);
  };
  const getOrPut = db.transaction((name: string, value: () => Uint8Array) => {
    if (!get(name)) put.run(name, Buffer.from(value()));
    return get(name)!;
  });
  return {
    get: async (name) => get(name),
    put: async (name, value) => void put.run(name, Buffer.from(value)),
    getOrPut: async (name, value) => getOrPut.immediate(name, value),
  };
}
