/** The sockets of a node whose host has an IP version more than before, or takes sockets away. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { HostPorts } from '../../../core/reach/host-ports';
import type { DatagramPort, DatagramPortOptions, Runtime } from '../../../core/runtime';
import { pass } from '../../support/memory-datagrams';
import { SeededRandom, VirtualTime } from '../../support/virtual-time';

describe('sockets of a node', () => {
  let time: VirtualTime;
  let ports: HostPorts;
  let families: Set<4 | 6>;
  let works: (family: 4 | 6) => boolean;
  let attempts: string[];
  let opened: { options: DatagramPortOptions; closed: boolean }[];
  let told: number;
  let failed: string[];

  beforeEach(() => {
    time = new VirtualTime();
    failed = [];
    families = new Set([4]);
    works = (family) => families.has(family);
    [attempts, opened, told] = [[], [], 0];
    const runtime: Partial<Runtime> = {
      ...{ clock: time, timers: time, random: new SeededRandom(1) },
      hostAddresses: () =>
        [...families].map((family) => ({ interfaceName: 'eth0', family, address: `of ${family}`, loopback: false })),
      openDatagramPort: async (options): Promise<DatagramPort> => {
        const { family, port = 0 } = options;
        attempts.push(`${family}:${port}`);
        if (!works(family)) throw new Error('none');
        const socket = { options, closed: false };
        opened.push(socket);
        const local = { address: '::', port: port || 5_000 + opened.length };
        return { family, local, send() {}, close: () => void (socket.closed = true) };
      },
    };
    ports = new HostPorts({
      ...{ runtime: runtime as Runtime, tlsOnly: false },
      onDatagram() {},
      onSendError: (error) => void failed.push(error.code!),
      others: () => [],
      onChange() {},
      onLost() {},
      onOpened: () => void told++,
    });
  });

  const open = (): string[] => ports.sockets.map(({ family }) => `IPv${family}`);
  const fail = (code: string): void =>
    opened.at(-1)!.options.onSendError(Object.assign(new Error(code), { code }), { address: '192.0.2.1', port: 1 });

  it('IPv4 alone: the host gets IPv6, and a socket can be had a second later -> it is opened, and told', async () => {
    await ports.open();
    assert.deepEqual(open(), ['IPv4']);
    families.add(6);
    works = (family) => family === 4 || time.now() > 1_000;
    ports.hostMoved();
    await pass(time, 500);
    assert.deepEqual(open(), ['IPv4']);
    await pass(time, 2_000);
    assert.deepEqual(open(), ['IPv4', 'IPv6']);
    assert.equal(told, 1);
  });

  it('IPv4 alone: the host moves, and has no IPv6 there either -> nothing is tried', async () => {
    await ports.open();
    attempts.length = 0;
    ports.hostMoved();
    await pass(time, 60_000);
    assert.deepEqual(attempts, []);
  });

  it('open: the socket is taken away -> another one at the same port; if that is not free, at any, until it works', async () => {
    await ports.open();
    fail('EBADF');
    await pass(time, 1);
    assert.deepEqual([attempts.at(-1), opened[0]!.closed, open()], ['4:5001', true, ['IPv4']]);
    works = () => time.now() > 30_000;
    fail('ENOTCONN');
    fail('ENOTCONN');
    await pass(time, 20_000);
    assert.deepEqual(open(), []);
    assert(attempts.length < 15, `${attempts.length} attempts`);
    await pass(time, 20_000);
    assert.deepEqual([attempts.at(-1), open()], ['4:0', ['IPv4']]);
  });

  it('open: there is no network -> the socket stays', async () => {
    await ports.open();
    for (const code of ['ENETUNREACH', 'EADDRNOTAVAIL', 'EHOSTUNREACH', 'ENETDOWN']) fail(code);
    await pass(time, 10_000);
    assert.equal(opened.length, 1);
  });

  it('opening again: the host moves before it is open -> told once', async () => {
    await ports.open();
    fail('EBADF');
    ports.hostMoved();
    assert.deepEqual(open(), []);
    await pass(time, 1_000);
    assert.deepEqual([open(), told], [['IPv4'], 1]);
  });

  it('IPv4 alone: sent to an IPv6 address -> told, but not while it sends', async () => {
    await ports.open();
    ports.send(Uint8Array.of(4), { address: '2001:db8::1', port: 1 });
    assert.deepEqual(failed, []);
    await pass(time, 1);
    assert.deepEqual(failed, ['EAFNOSUPPORT']);
  });

  it('opening again: closed -> no socket and no timer is left', async () => {
    await ports.open();
    works = () => false;
    fail('EBADF');
    await pass(time, 1_000);
    ports.close();
    await pass(time, 60_000);
    assert.equal(time.pendingCount, 0);
    assert(opened.every(({ closed }) => closed));
  });
});
