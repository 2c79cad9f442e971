// An ordinary client that asks again and again, one request after the other, until SIGTERM: hello-forever.cjs URL.
// Prints the count of good answers as it goes, and ends with code 1 at the first bad one.
const [url] = process.argv.slice(2);
let answers = 0;
let stopped = false;
process.on('SIGTERM', () => (stopped = true));

(async () => {
  while (!stopped) {
    const response = await fetch(url);
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    await response.arrayBuffer();
    console.log(`answer ${++answers}`);
  }
})().catch((error) => {
  console.error(error, error.cause);
  process.exitCode = 1;
});
