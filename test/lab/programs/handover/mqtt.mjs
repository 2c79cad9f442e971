// mqtt.mjs serve PORT: a broker. mqtt.mjs dial HOST PORT: publishes to it, by turns with QoS 1 and 2, and subscribes
// on a second connection: every message must come, once, in order.
import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import mqtt from 'mqtt';
import told from './told.cjs';

const { message, tell, Watch, whenOver } = told;
const [role, ...rest] = process.argv.slice(2);
const INTERVAL_MS = 25;
/** Longer than any outage in the lab: what ends a session here is nothing but its connection. */
const KEEPALIVE_SECONDS = 300;

async function serve(port) {
  const broker = await Aedes.createBroker();
  const server = createServer(broker.handle);
  server.listen(Number(port), () => console.log(`listening ${server.address().port}`));
  void whenOver.then(() => process.exit());
}

async function dial(host, port) {
  const watch = new Watch();
  const options = { reconnectPeriod: 0, keepalive: KEEPALIVE_SECONDS, connectTimeout: 60_000 };
  const [publisher, subscriber] = await Promise.all(
    [1, 2].map(() => mqtt.connectAsync(`mqtt://${host}:${port}`, options)),
  );
  let [sent, confirmed, doubled, broken, over] = [0, 0, 0, null, false];
  const nextOf = { 1: 1, 2: 0 };
  const arrived = () => (nextOf[1] - 1) / 2 + nextOf[2] / 2;
  subscriber.on('message', (topic, payload, { qos }) => {
    watch.heard();
    const text = payload.toString();
    if (text === message(nextOf[qos])) nextOf[qos] += 2;
    else if (parseInt(text) < nextOf[qos]) doubled++;
    else broken ??= `${text.slice(0, 20)} instead of ${nextOf[qos]}`;
    finishIfDone();
  });
  await subscriber.subscribeAsync('numbers/+', { qos: 2 });
  const publish = () => {
    const number = sent++;
    const qos = number % 2 === 0 ? 2 : 1;
    publisher.publish(`numbers/${qos}`, message(number), { qos }, (error) => {
      if (error) broken ??= error.message;
      confirmed++;
      finishIfDone();
    });
  };
  const timer = setInterval(publish, INTERVAL_MS);
  const finish = () => {
    clearInterval(timer);
    tell({ longestGapMs: watch.longestGapMs, lost: sent - arrived(), doubled, broken, sent });
    process.exit();
  };
  const finishIfDone = () => over && confirmed === sent && arrived() === sent && finish();
  for (const client of [publisher, subscriber]) {
    client.on('error', (error) => (broken ??= error.code ?? error.message));
    client.on('close', () => {
      broken ??= 'closed';
      finish();
    });
  }
  await whenOver;
  clearInterval(timer);
  over = true;
  finishIfDone();
}

await (role === 'serve' ? serve(...rest) : dial(...rest));
