/** A self-signed certificate for a name, which the client trusts through NODE_EXTRA_CA_CERTS. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';

export async function writeCertificate(dir, fqdn) {
  const { private: key, cert } = await generate([{ name: 'commonName', value: fqdn }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: fqdn }] }],
  });
  const keyFile = join(dir, 'key.pem');
  const certFile = join(dir, 'cert.pem');
  writeFileSync(keyFile, key, { mode: 0o600 });
  writeFileSync(certFile, cert);
  return { keyFile, certFile };
}
