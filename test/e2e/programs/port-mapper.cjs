/**
 * A UDP socket on `port` with a mapping by `protocol`: says what is mapped, what of it changes, and what arrives.
 * SIGTERM takes the mapping away and ends it.
 *
 *   node port-mapper.cjs PORT FAMILY PROTOCOL,...
 */
const { createSocket } = require('node:dgram');
const { PortMapper } = require('../../../dist/core/reach/port-mapping/port-mapper.js');
const { nodeRuntime } = require('../../../dist/core/runtime-node.js');

const [port, family, protocols] = process.argv.slice(2);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const socket = createSocket({ type: family === '4' ? 'udp4' : 'udp6' }).bind(Number(port));
socket.on('message', (datagram) => say({ arrived: datagram.toString() }));
const mapper = new PortMapper({
  ...nodeRuntime,
  ...nodeRuntime.gateway(),
  onMapped: () => {},
  protocols: protocols.split(','),
  trace: say,
});
mapper.start({ internalPort: Number(port), family: Number(family) });
process.on('SIGTERM', () => void mapper.close().then(() => process.exit()));
