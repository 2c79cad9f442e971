// An ordinary client that asks now, and once more at each SIGUSR2, each time over a new connection: URL.
const http = require('node:http');
const [url] = process.argv.slice(2);

function ask() {
  const request = http.get(url, { agent: false }, (response) => {
    response.resume();
    response.on('end', () => console.log(`status ${response.statusCode}`));
  });
  request.on('error', (error) => console.log(`${error.code} ${error.cause?.code ?? ''}`.trim()));
}

const stay = setInterval(() => {}, 1 << 30);
process.on('SIGUSR2', ask);
process.on('SIGTERM', () => clearInterval(stay));
ask();
