/** The certificate of a server's TLS listener: the one of its settings, or a self-signed one that it makes and keeps. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NtmError } from '../core/errors';
import { checkCertificate, type Certificate } from './host-streams';

const FILE = 'tls.json';
/** Nobody checks it, and nobody shall have to renew it. */
const LAST_DAY = new Date('2120-01-01');

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

/** For no name: nodes know the server by its key. What makes it takes 300 ms to load, and is loaded once. */
export async function selfSigned(): Promise<Certificate> {
  const { generate } = await import('selfsigned');
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'ntmobile' }], {
    ...{ keyType: 'ec', algorithm: 'sha256', notAfterDate: LAST_DAY },
  });
  return { cert, key };
}
