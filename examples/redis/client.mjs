// ioredis against any Redis: client.mjs HOST PORT. A pipeline, large values, publish and subscribe, a lost connection.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import Redis from 'ioredis';

const [host, port] = process.argv.slice(2);
const options = { host, port: Number(port), retryStrategy: () => 20 };
const redis = new Redis(options);

const pipeline = redis.pipeline();
for (let i = 0; i < 10_000; i++) pipeline.set(`key:${i}`, `value ${i}`);
const stored = (await pipeline.exec()).filter(([error, answer]) => !error && answer === 'OK').length;
const values = await redis.mget(Array.from({ length: 10_000 }, (_, i) => `key:${i}`));

const big = Buffer.alloc(8_000_000, createHash('sha512').update('big').digest());
await redis.set('big', big);
const same = big.equals(await redis.getBuffer('big'));

const counted = await redis.multi().incr('count').incrby('count', 41).exec();

const subscriber = redis.duplicate();
await subscriber.subscribe('news');
const news = once(subscriber, 'message');
await redis.publish('news', 'fit to print');
const [, heard] = await news;

const waiting = redis.duplicate();
const popped = waiting.blpop('queue', 0);
await redis.rpush('queue', 'job');
const [, job] = await popped;

// Another connection ends this one; a command given meanwhile waits for the next.
const broken = once(waiting, 'close');
await redis.client('KILL', 'ID', await waiting.client('ID'));
await broken;
const after = await waiting.get('key:42');

await Promise.all([redis, subscriber, waiting].map((client) => client.quit()));
const right = values.every((value, i) => value === `value ${i}`);
console.log(JSON.stringify({ stored, right, same, counted: counted.map(([, value]) => value), heard, job, after }));
