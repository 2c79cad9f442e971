// Asks a URL with fetch and prints what came back, as one line of JSON.
//   node examples/fetch-client.mjs http://localhost:8080/hello
const [url] = process.argv.slice(2);
try {
  const response = await fetch(url);
  console.log(JSON.stringify({ status: response.status, body: await response.text() }));
} catch (error) {
  // fetch says "fetch failed"; the reason is the cause, and the reason of that is its cause.
  const chain = [];
  for (let link = error; link; link = link.cause) chain.push({ code: link.code, message: link.message });
  console.log(JSON.stringify({ errors: chain }));
  process.exitCode = 1;
}
