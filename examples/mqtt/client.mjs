// MQTT.js against any broker: client.mjs mqtt://HOST:PORT. Every quality of service, a will, what is retained, a reconnection.
import { once } from 'node:events';
import mqtt from 'mqtt';

const [url] = process.argv.slice(2);
const connect = (options) => mqtt.connectAsync(url, { reconnectPeriod: 20, ...options });
const PER_QOS = 100;

const subscriber = await connect({ clientId: 'subscriber', clean: false });
const received = [new Set(), new Set(), new Set()]; // a session that is resumed may repeat what it had not settled
const topics = {};
let all;
const everything = new Promise((done) => (all = done));
subscriber.on('message', (topic, payload, { qos }) => {
  topics[topic] = payload.length < 100 ? payload.toString() : payload.length;
  if (!topic.startsWith('count/')) return;
  received[qos].add(payload.toString());
  if (received.every(({ size }) => size === PER_QOS)) all();
});
await subscriber.subscribeAsync({ 'count/+': { qos: 2 }, 'house/#': { qos: 1 } });

const publisher = await connect({ will: { topic: 'house/will', payload: 'gone', qos: 1 } });
for (let i = 0; i < PER_QOS; i++) {
  for (const qos of [0, 1, 2]) await publisher.publishAsync(`count/${qos}`, `${i}`, { qos });
}
await everything;

const next = (client, wanted) =>
  new Promise((done) => client.on('message', (topic, payload) => topic === wanted && done(payload)));
const large = next(subscriber, 'house/large');
await publisher.publishAsync('house/large', Buffer.alloc(4_000_000, 'mqtt'), { qos: 1 });
const { length } = await large;

await publisher.publishAsync('kept', 'for later', { qos: 1, retain: true });
const late = await connect();
const retained = next(late, 'kept');
await late.subscribeAsync('kept');
const kept = (await retained).toString();

// The connection breaks under both; what was published meanwhile arrives.
const will = next(subscriber, 'house/will');
publisher.stream.destroy();
await will;
const meanwhile = next(subscriber, 'house/meanwhile');
const again = once(subscriber, 'connect');
subscriber.stream.destroy();
await late.publishAsync('house/meanwhile', 'you were away', { qos: 1 });
await again;
await meanwhile;

await Promise.all([subscriber, publisher, late].map((client) => client.endAsync()));
const { 'house/will': last, 'house/meanwhile': news } = topics;
console.log(JSON.stringify({ received: received.map(({ size }) => size), length, kept, will: last, meanwhile: news }));
