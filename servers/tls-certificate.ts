/** The certificate of a server's TLS listener: the one of its settings, or a self-signed one that it makes and keeps. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { NtmError } from '../core/errors';
import { checkCertificate, type Certificate } from './host-streams';

const FILE = 'tls.json';

export interface CertificateFiles {
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** Throws NtmError NTM_CONFIG when the files cannot be used. */
export function certificateOf(dir: string, { certFile, keyFile }: CertificateFiles): () => Promise<Certificate> {
  if (certFile === undefined || keyFile === undefined) return () => keptIn(dir);
  try {
    const given = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
    checkCertificate(given);
    return () => Promise.resolve(given);
  } catch (error) {
    const why = (error as Error).message;
    throw new NtmError('NTM_CONFIG', `${certFile} and ${keyFile} are no certificate: ${why}`, { cause: error });
  }
}

/** Made where there is none, and no other process has made one meanwhile. */
async function keptIn(dir: string): Promise<Certificate> {
  const path = join(dir, FILE);
  if (!existsSync(path)) {
    const mine = `${path}.${process.pid}`;
    writeFileSync(mine, JSON.stringify(await selfSigned()), { mode: 0o600, flush: true });
    renameSync(mine, path);
  }
  return JSON.parse(readFileSync(path, 'utf8')) as Certificate;
}

/**
 * In a thread of its own. What makes it takes 150 ms of CPU time to load, on a busy host seconds, and it is first needed
 * where a server is late with an answer, so that nodes try TLS, too: the server must go on meanwhile.
 */
export function selfSigned(): Promise<Certificate> {
  const worker = new Worker(join(__dirname, 'tls-certificate-worker.js'), { execArgv: [] });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('no certificate was made'))); // after the message, if there was one
  });
}
