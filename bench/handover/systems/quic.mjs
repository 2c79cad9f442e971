/**
 * QUIC of quinn, which Deno has; Node 20 has none. Its client is told of each change of networks, as programs are that
 * use QUIC on phones, and sends a datagram then (RFC 9221), which moves the connection.
 */
import { createRequire } from 'node:module';
import { startEnds } from './programs.mjs';
import { denoProgram } from '../peers.mjs';

const require = createRequire(import.meta.url);

export const about = 'quinn, by Deno; its client is told of each move, and the server follows it';
export const impossible = {
  'IPv6-only': 'a client can not move to another IP version: its server has one address',
  'both ends': 'RFC 9000 has no migration of a server',
};
export const missing = () => (denoProgram() ? undefined : 'Deno (npm package @deno/linux-x64-glibc)');

let certificate;

export async function start(world, workload, port) {
  certificate ??= await newCertificate();
  const settings = { transport: 'quic', host: world.addressesOfCorrespondent[0], port, certificate };
  const flags = ['run', '--quiet', '-A', '--unstable-net', '--unsafely-ignore-certificate-errors'];
  const ends = await startEnds(world, workload, settings, { runner: [denoProgram(), ...flags] });
  world.onMoved(() => ends[1].tell({ moved: true }));
  return ends;
}

async function newCertificate() {
  const { generate } = require('selfsigned');
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'bench' }], { keyType: 'ec' });
  return { cert, key };
}
