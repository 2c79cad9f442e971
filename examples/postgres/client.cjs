// pg against any PostgreSQL: client.cjs HOST PORT CA-FILE. TLS, a pool, many rows, notifications, a lost connection.
const { readFileSync } = require('node:fs');
const { once } = require('node:events');
const { Client, Pool } = require('pg');

const [host, port, caFile] = process.argv.slice(2);
const settings = { host, port: Number(port), user: 'nobody', database: 'postgres', ssl: { ca: readFileSync(caFile) } };

async function main() {
  const pool = new Pool({ ...settings, max: 4 });
  pool.on('error', () => {}); // an idle connection that was ended, below
  const { rows: secured } = await pool.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');

  await pool.query('CREATE TABLE trees (id int PRIMARY KEY, name text NOT NULL)');
  const ids = Array.from({ length: 50_000 }, (_, i) => i);
  await pool.query('INSERT INTO trees SELECT id, $2 || id FROM unnest($1::int[]) AS id', [ids, 'tree '.repeat(20)]);
  const { rows } = await pool.query('SELECT id, name FROM trees ORDER BY id');

  const pids = await Promise.all(Array.from({ length: 40 }, () => pool.query('SELECT pg_backend_pid() AS pid')));
  const statement = { name: 'one', text: 'SELECT name FROM trees WHERE id = $1' };
  const named = await Promise.all(ids.slice(0, 200).map((id) => pool.query({ ...statement, values: [id] })));

  const client = await pool.connect();
  await client.query('BEGIN');
  await client.query('DELETE FROM trees');
  const refused = await client.query('INSERT INTO trees VALUES (1, NULL)').catch(({ code }) => code);
  await client.query('ROLLBACK');
  client.release();
  const { rows: left } = await pool.query('SELECT count(*)::int AS count FROM trees');

  const listener = new Client(settings);
  listener.on('error', () => {}); // there may be two: what the server says, and the end
  await listener.connect();
  await listener.query('LISTEN leaves');
  const heard = once(listener, 'notification');
  await pool.query("NOTIFY leaves, 'falling'");
  const [{ payload }] = await heard;

  const ended = once(listener, 'error');
  const pid = listener.processID;
  await pool.query('SELECT pg_terminate_backend($1)', [pid]);
  const [{ code: lost }] = await ended;
  const again = new Client(settings);
  await again.connect();
  const { rows: alive } = await again.query('SELECT 1 AS one');
  await again.end();
  await pool.end();

  console.log(
    JSON.stringify({
      secured: secured[0].ssl,
      rows: rows.length,
      right: rows.every(({ id, name }, i) => id === i && name.endsWith(`tree ${i}`)),
      connections: new Set(pids.map(({ rows }) => rows[0].pid)).size,
      named: named.every(({ rows }, i) => rows[0].name.endsWith(` ${i}`)) && named.length,
      refused,
      left: left[0].count,
      payload,
      lost,
      alive: alive[0].one,
    }),
  );
}

main();
