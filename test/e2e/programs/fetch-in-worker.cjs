// Fetches a URL in a worker thread, and says what came.
const { Worker } = require('node:worker_threads');

const source = `const { parentPort, workerData } = require('node:worker_threads');
  fetch(workerData).then(async (response) => parentPort.postMessage(await response.json()));`;
new Worker(source, { eval: true, workerData: process.argv[2] }).on('message', (found) => {
  console.log(JSON.stringify(found));
});
