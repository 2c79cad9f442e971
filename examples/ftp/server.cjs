// An FTP server with TLS: server.cjs PORT DIR KEY-FILE CERT-FILE. Data connections are made by the client, by EPSV.
const { readFileSync } = require('node:fs');
const FtpServer = require('ftp-srv');

const [port, root, keyFile, certFile] = process.argv.slice(2);
const quiet = new Proxy({}, { get: (log, name) => (name === 'child' ? () => quiet : () => {}) });
const server = new FtpServer({
  url: `ftp://0.0.0.0:${port}`,
  tls: { key: readFileSync(keyFile), cert: readFileSync(certFile) },
  greeting: ['Welcome'],
  log: quiet,
});
server.on('login', ({ username, password }, accept, refuse) => {
  if (username === 'guest' && password === 'welcome') accept({ root });
  else refuse(new Error('no'));
});
server.listen().then(() => console.log(`listening on ${server.server.address().port}`));
