// MQTT.js against any broker: client.mjs mqtt://HOST:PORT. Every quality of service, many publishers at once, large
// messages, what is retained, a will, lost connections.
import { once } from 'node:events';
import mqtt from 'mqtt';

const [url] = process.argv.slice(2);
const connect = (options) => mqtt.connectAsync(url, { reconnectPeriod: 20, ...options });
const PUBLISHERS = 5;
const EACH = 200; // of each quality of service

/** The payload of the next message on a topic. */
const next = (client, wanted) =>
  new Promise((done) => {
    client.on('message', function listen(topic, payload) {
      if (topic !== wanted) return;
      client.off('message', listen);
      done(payload);
    });
  });

// How often each message came, by its quality of service.
const counts = [new Map(), new Map(), new Map()];
let arrived = 0;
let all;
const everything = new Promise((done) => (all = done));
// In a session of its own: of one that is kept, Aedes 1.2 mixes up the releases of QoS 2 messages that overlap.
const counter = await connect();
counter.on('message', (topic, payload, { qos }) => {
  if (!topic.startsWith('count/')) return;
  const message = payload.toString();
  const before = counts[qos].get(message) ?? 0;
  counts[qos].set(message, before + 1);
  if (before === 0 && ++arrived === 3 * PUBLISHERS * EACH) all();
});
await counter.subscribeAsync('count/+', { qos: 2 });

const publishers = await Promise.all(Array.from({ length: PUBLISHERS }, () => connect()));
await Promise.all(
  publishers.flatMap((publisher, who) =>
    Array.from({ length: EACH }, (_, i) =>
      Promise.all([0, 1, 2].map((qos) => publisher.publishAsync(`count/${qos}`, `${who}: ${i}`, { qos }))),
    ),
  ),
);
await everything;
const received = counts.map(({ size }) => size);
const repeated = counts.map((times) => [...times.values()].filter((count) => count > 1).length);

const [publisher] = publishers;
const subscriber = await connect({ clientId: 'subscriber', clean: false });
await subscriber.subscribeAsync('house/#', { qos: 1 });
const large = next(subscriber, 'house/large');
const sent = Buffer.alloc(4_000_000, 'mqtt');
await publisher.publishAsync('house/large', sent, { qos: 1 });
const same = sent.equals(await large);

await publisher.publishAsync('kept', 'for later', { qos: 1, retain: true });
const late = await connect({ will: { topic: 'house/will', payload: 'gone', qos: 2 } });
const retained = next(late, 'kept');
await late.subscribeAsync('kept');
const kept = (await retained).toString();

// A connection breaks: its will is done. The subscriber's breaks: what was published meanwhile arrives.
const last = next(subscriber, 'house/will');
late.stream.destroy();
const will = (await last).toString();
const news = next(subscriber, 'house/meanwhile');
const again = once(subscriber, 'connect');
subscriber.stream.destroy();
await publisher.publishAsync('house/meanwhile', 'you were away', { qos: 1 });
await again;
const meanwhile = (await news).toString();

await Promise.all([counter, subscriber, late, ...publishers].map((client) => client.endAsync()));
console.log(JSON.stringify({ received, repeated, same, kept, will, meanwhile }));
