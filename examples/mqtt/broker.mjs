// An MQTT broker in JavaScript: broker.mjs PORT
import { createServer } from 'node:net';
import { Aedes } from 'aedes';

const broker = await Aedes.createBroker();
const server = createServer(broker.handle);
server.listen(Number(process.argv[2]), () => console.log(`listening on ${server.address().port}`));
process.on('SIGTERM', () => {
  broker.close();
  server.close();
});
