// Asks a URL with axios (Node's http underneath) and prints what came back, as one line of JSON.
//   node examples/axios-client.cjs http://localhost:8080/hello
const axios = require('axios');

const [url] = process.argv.slice(2);
axios.get(url, { responseType: 'text', proxy: false }).then(
  ({ status, data }) => console.log(JSON.stringify({ status, body: data })),
  (error) => {
    const chain = [];
    for (let link = error; link; link = link.cause) chain.push({ code: link.code, message: link.message });
    console.log(JSON.stringify({ errors: chain }));
    process.exitCode = 1;
  },
);
