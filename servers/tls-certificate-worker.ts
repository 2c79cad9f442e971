/** A worker thread of tls-certificate.ts: makes one certificate, and ends. */
import { parentPort } from 'node:worker_threads';
import { generate } from 'selfsigned';
import type { Certificate } from './host-streams';

/** Nobody checks it, and nobody shall have to renew it. */
const LAST_DAY = new Date('2120-01-01');

/** For no name: nodes know the server by its key. */
async function selfSigned(): Promise<Certificate> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'ntmobile' }], {
    ...{ keyType: 'ec', algorithm: 'sha256', notAfterDate: LAST_DAY },
  });
  return { cert, key };
}

void selfSigned().then((made) => parentPort?.postMessage(made));
