// CommonJS, with a destructured import: get-cjs.cjs URL [FAMILY].
const { get } = require('http');

const [url, family = '0'] = process.argv.slice(2);
get(url, { family: Number(family) }, (response) => {
  let body = '';
  response.on('data', (chunk) => (body += chunk)).on('end', () => console.log(body));
});
