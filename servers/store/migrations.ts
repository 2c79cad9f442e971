/**
 * The schema, as the steps that led to it. Each runs once, in order, in one transaction with its entry in
 * `migrations`. A step that was published is never changed: add another.
 */
import type Libsql from 'libsql';

export const migrations: readonly string[] = [
  `CREATE TABLE accounts (
     name TEXT PRIMARY KEY,
     password_hash TEXT NOT NULL,
     created_ms INTEGER NOT NULL,
     disabled INTEGER NOT NULL DEFAULT 0
   );
   CREATE TABLE coordinators (
     zone TEXT PRIMARY KEY,
     fqdn TEXT NOT NULL,
     public_key BLOB NOT NULL,
     ipv4_block TEXT NOT NULL UNIQUE,
     ipv6_prefix TEXT NOT NULL UNIQUE,
     address TEXT NOT NULL,
     port INTEGER NOT NULL
   );
   CREATE TABLE assignments (
     zone TEXT NOT NULL,
     fqdn TEXT NOT NULL,
     number INTEGER NOT NULL,
     PRIMARY KEY (zone, fqdn),
     UNIQUE (zone, number)
   );
   CREATE TABLE settings (
     name TEXT PRIMARY KEY,
     value BLOB NOT NULL
   );`,
  // Accounts of several zones; DCs that are known before they have reported where they are.
  `ALTER TABLE accounts ADD COLUMN zone TEXT;
   CREATE TABLE coordinators_2 (
     zone TEXT PRIMARY KEY,
     fqdn TEXT NOT NULL UNIQUE,
     public_key BLOB NOT NULL,
     ipv4_block TEXT NOT NULL UNIQUE,
     ipv6_prefix TEXT NOT NULL UNIQUE,
     address TEXT,
     port INTEGER
   );
   INSERT INTO coordinators_2 SELECT * FROM coordinators;
   DROP TABLE coordinators;
   ALTER TABLE coordinators_2 RENAME TO coordinators;`,
  // Sessions of a DC's nodes; what is below a name, without a walk through all names.
  `CREATE TABLE sessions (
     zone TEXT NOT NULL,
     fqdn TEXT NOT NULL,
     public_key BLOB NOT NULL,
     key BLOB NOT NULL,
     notification_key BLOB NOT NULL,
     used_ms INTEGER NOT NULL,
     location TEXT,
     PRIMARY KEY (zone, fqdn)
   ) WITHOUT ROWID;
   CREATE INDEX sessions_used ON sessions (zone, used_ms);
   CREATE INDEX assignments_parent ON assignments (zone, substr(fqdn, instr(fqdn, '.') + 1));`,
  // Nodes that an NS can push to.
  `CREATE TABLE pushes (
     fqdn TEXT PRIMARY KEY,
     key BLOB NOT NULL,
     kind TEXT NOT NULL,
     token TEXT NOT NULL,
     dead INTEGER NOT NULL,
     updated_ms INTEGER NOT NULL
   );`,
  // Keys of nodes that are away, and what is cached for them.
  `CREATE TABLE node_keys (
     zone TEXT NOT NULL,
     fqdn TEXT NOT NULL,
     public_key BLOB NOT NULL,
     PRIMARY KEY (zone, fqdn)
   );
   CREATE TABLE cached_items (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     receiver TEXT NOT NULL,
     sender TEXT NOT NULL,
     owner TEXT NOT NULL,
     box TEXT NOT NULL,
     id BLOB NOT NULL,
     length INTEGER NOT NULL,
     digest BLOB NOT NULL,
     expires_ms INTEGER NOT NULL,
     is_whole INTEGER NOT NULL
   );
   CREATE INDEX cached_items_of_receiver ON cached_items (receiver, length);
   CREATE INDEX cached_items_of_owner ON cached_items (owner, length);
   CREATE INDEX cached_items_in_box ON cached_items (receiver, box, number);
   CREATE INDEX cached_items_by_end ON cached_items (expires_ms);
   CREATE UNIQUE INDEX cached_items_by_id ON cached_items (receiver, sender, id) WHERE is_whole = 1;
   CREATE TABLE cached_parts (
     number INTEGER NOT NULL REFERENCES cached_items,
     "offset" INTEGER NOT NULL,
     bytes BLOB NOT NULL,
     PRIMARY KEY (number, "offset")
   );`,
  // Nodes that have logged in, join keys, ends of sessions that DCs have not acknowledged.
  `CREATE TABLE nodes (
     fqdn TEXT PRIMARY KEY,
     account TEXT NOT NULL,
     public_key BLOB NOT NULL,
     join_key TEXT,
     source TEXT NOT NULL,
     login_ms INTEGER NOT NULL,
     ended INTEGER NOT NULL DEFAULT 0,
     removed INTEGER NOT NULL DEFAULT 0
   );
   CREATE INDEX nodes_account ON nodes (account, source);
   CREATE INDEX nodes_join_key ON nodes (join_key) WHERE join_key IS NOT NULL;
   CREATE TABLE join_keys (
     id TEXT PRIMARY KEY,
     account TEXT NOT NULL,
     secret_hash BLOB NOT NULL,
     created_ms INTEGER NOT NULL,
     expires_ms INTEGER,
     once INTEGER NOT NULL,
     node TEXT,
     node_prefix TEXT,
     bound_to BLOB,
     used_ms INTEGER
   );
   CREATE INDEX join_keys_account ON join_keys (account);
   CREATE TABLE revocations (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     zone TEXT NOT NULL,
     fqdn TEXT NOT NULL,
     below INTEGER NOT NULL,
     reason TEXT NOT NULL,
     UNIQUE (zone, fqdn, below)
   );
   CREATE TABLE address_blocks (
     zone TEXT PRIMARY KEY,
     ipv4_block TEXT NOT NULL,
     ipv6_prefix TEXT NOT NULL
   );
   INSERT INTO address_blocks SELECT zone, ipv4_block, ipv6_prefix FROM coordinators;`,
];

/** Throws when the file was made by a newer version. */
export function migrate(db: Libsql.Database, steps: readonly string[] = migrations): void {
  db.exec('CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY)');
  // Immediate: of two processes that open a new file at once, one waits and then finds the work done.
  db.transaction(() => {
    const { version } = db.prepare('SELECT coalesce(max(version), 0) AS version FROM migrations').get() as {
      version: number;
    };
    if (version > steps.length) {
      throw new Error(
        `the database is of version ${version}, which a newer ntmobile made; this one knows ${steps.length}. Use the newer one`,
      );
    }
    for (const [index, step] of steps.entries()) {
      if (index < version) continue;
      db.exec(step);
      db.prepare('INSERT INTO migrations VALUES (?)').run(index + 1);
    }
  }).immediate();
}
