// Against server.cjs: client.mjs URL. From polling to WebSocket, acknowledgements, a room, binary, a reconnection.
import { once } from 'node:events';
import { io } from 'socket.io-client';

const [url] = process.argv.slice(2);
const socket = io(url, { reconnectionDelay: 10, reconnectionDelayMax: 20 });
const [welcome] = await once(socket, 'welcome');
if (socket.io.engine.transport.name !== 'websocket') await once(socket.io.engine, 'upgrade');
const upgraded = socket.io.engine.transport.name;

const big = Buffer.alloc(3_000_000, 'socket.io ');
const echoed = await Promise.all(Array.from({ length: 3 }, () => socket.emitWithAck('echo', { big })));
const acknowledged = await Promise.all(Array.from({ length: 500 }, (_, i) => socket.emitWithAck('echo', i)));

const guests = Array.from({ length: 5 }, () => io(url, { forceNew: true, transports: ['websocket'] }));
await Promise.all(guests.map((guest) => guest.emitWithAck('join', 'garden')));
const told = Promise.all(guests.map((guest) => once(guest, 'told')));
socket.emit('tell', 'garden', 'tea is ready');
const heard = (await told).flat();
for (const guest of guests) guest.close();

const before = socket.id;
const back = once(socket, 'welcome');
socket.emit('drop me');
await back;
const after = await socket.emitWithAck('echo', 'still here');
const reconnected = socket.id !== before;
socket.close();

console.log(
  JSON.stringify({
    welcome,
    upgraded,
    echoed: echoed.filter((answer) => big.equals(answer.big)).length,
    acknowledged: acknowledged.every((value, i) => value === i) && acknowledged.length,
    heard,
    reconnected,
    after,
  }),
);
