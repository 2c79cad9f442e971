import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import type { DatagramPort } from '../../core/runtime';
import { nodeClock, nodeRuntime, openDatagramPort } from '../../core/runtime-node';
import { openTraceFile } from '../../core/trace-file';
import { udpHandle } from '../../core/udp-handle';
import type { Endpoint } from '../../core/wire/addresses';
import { temporaryDirectory } from '../support/command';

describe('runtime on Node', () => {
  for (const [way, findHandle] of [
    ['by the handle', udpHandle],
    ['by the public API', () => undefined],
  ] as const) {
    describe(`UDP port, sending ${way}`, () => {
      for (const [family, address] of [
        [4, '127.0.0.1'],
        [6, '::1'],
      ] as const) {
        it(`IPv${family}: sent to itself, buffer reused -> what was sent arrives, from one and the same endpoint`, async () => {
          const arrived: { bytes: number[]; from: Endpoint }[] = [];
          let all: () => void;
          const seen = new Promise<void>((resolve) => (all = resolve));
          const onDatagram = (datagram: Uint8Array, from: Endpoint): void =>
            void (arrived.push({ bytes: [...datagram], from }) === 3 && all());
          const options = { family, address, onDatagram, onSendError: (error: Error) => assert.fail(error) };
          const port = await openDatagramPort(options, 'ref', findHandle);
          const buffer = Uint8Array.of(1, 2, 3);
          for (const length of [3, 1, 0]) {
            port.send(buffer.subarray(0, length), port.local);
            buffer.fill(9);
          }
          await seen;
          port.close();
          port.close();
          port.send(buffer, port.local);
          assert.deepEqual(
            arrived.map(({ bytes }) => bytes),
            [[1, 2, 3], [9], []],
          );
          assert.deepEqual(arrived[0]!.from, port.local);
          for (const { from } of arrived) assert.equal(from, arrived[0]!.from);
        });
      }

      it('sent too much, to no address, or to no port -> onSendError, not thrown', async () => {
        const errors: (string | undefined)[] = [];
        let all: () => void;
        const seen = new Promise<void>((resolve) => (all = resolve));
        const onSendError = ({ code }: { code?: string }): void => void (errors.push(code) === 4 && all());
        const options = { family: 4 as const, address: '127.0.0.1', onDatagram: () => {}, onSendError };
        const port = await openDatagramPort(options, 'ref', findHandle);
        port.send(new Uint8Array(70_000), port.local);
        port.send(new Uint8Array(1), { address: 'nowhere', port: 9 });
        port.send(new Uint8Array(1), { address: '127.0.0.1', port: 0 });
        port.send(new Uint8Array(1), { address: '127.0.0.1', port: 1.5 });
        assert.deepEqual(errors, [], 'not while it sends');
        await seen;
        port.close();
        assert.deepEqual(errors.sort(), ['EINVAL', 'EMSGSIZE', 'ERR_SOCKET_BAD_PORT', 'ERR_SOCKET_BAD_PORT']);
      });
    });
  }

  it('UDP port: more senders than it remembers, in turns -> each datagram is from its own', async () => {
    const { promise, port: receiver } = await collect(40);
    const options = { family: 4 as const, address: '127.0.0.1', onDatagram: () => {}, onSendError: () => {} };
    const senders = await Promise.all(Array.from({ length: 20 }, () => nodeRuntime.openDatagramPort(options)));
    for (const sender of [...senders, ...senders]) {
      const { port } = sender.local;
      sender.send(Uint8Array.of(port >> 8, port & 255), receiver.local);
    }
    for (const { datagram, from } of await promise) assert.equal(from.port, (datagram[0]! << 8) | datagram[1]!);
    for (const port of [receiver, ...senders]) port.close();
  });

  it('port in use: opened -> rejects with EADDRINUSE', async () => {
    const options = { family: 4 as const, address: '127.0.0.1', onDatagram: () => {}, onSendError: () => {} };
    const port = await nodeRuntime.openDatagramPort(options);
    await assert.rejects(nodeRuntime.openDatagramPort({ ...options, port: port.local.port }), { code: 'EADDRINUSE' });
    port.close();
  });

  it('TCP stream: connected, echoed, ended by the other side -> each told once; refused -> closed with the error', async () => {
    const server = createServer((socket) => socket.on('data', (bytes) => socket.end(bytes)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const events: string[] = [];
    const open = (): Promise<string | undefined> =>
      new Promise((resolve) => {
        const stream = nodeRuntime.openStreamPort(
          { address: '127.0.0.1', port },
          {
            onConnect: () => (events.push('connect'), stream.write(Uint8Array.of(7))),
            onBytes: (bytes) => events.push(`bytes ${[...bytes].join()}`),
            onClose: (error) => resolve(error?.code),
          },
        );
      });
    assert.equal(await open(), undefined);
    await new Promise((resolve) => server.close(resolve));
    const alive = setTimeout(() => {}, 1000);
    assert.equal(await open(), 'ECONNREFUSED');
    clearTimeout(alive);
    assert.deepEqual(events, ['connect', 'bytes 7']);
  });

  it('host addresses: listed -> the loopback, no link-local IPv6', () => {
    const addresses = nodeRuntime.hostAddresses();
    assert(addresses.some(({ address, loopback, family }) => address === '127.0.0.1' && loopback && family === 4));
    assert(!addresses.some(({ address }) => address.startsWith('fe80')));
  });
});

describe('source address', () => {
  it('toward the loopback, and toward where this host cannot send -> the loopback, and none', async () => {
    assert.equal(await nodeRuntime.sourceAddress!({ address: '127.0.0.1', port: 9 }), '127.0.0.1');
    const withoutZone = { address: 'fe80::1', port: 9 };
    assert.equal(await nodeRuntime.sourceAddress!(withoutZone), '');
  });
});

describe('trace file', () => {
  it('written by two -> appended line by line with times', () => {
    const directory = temporaryDirectory();
    const path = join(directory.path, 't');
    writeFileSync(path, '');
    const files = [openTraceFile(path, nodeClock), openTraceFile(path, nodeClock)];
    files.forEach(({ trace }, i) => trace({ part: `p${i}`, event: 'e' }));
    files.forEach((file) => file.close());
    files[0]!.trace({ part: 'late', event: 'e' });
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    const events = lines.map((line) => JSON.parse(line) as { t: number; part: string });
    assert.deepEqual(
      events.map(({ part }) => part),
      ['p0', 'p1'],
    );
    assert(events[0]!.t <= events[1]!.t && Math.abs(events[0]!.t - Date.now()) < 10_000);
    directory.remove();
  });

  for (const path of ['/dev/full', '/nowhere/at/all']) {
    it(`${path}: traced -> told once, not thrown`, () => {
      const failures: Error[] = [];
      const { trace, close } = openTraceFile(path, nodeClock, (error) => failures.push(error));
      trace({ part: 'p', event: 'e' });
      trace({ part: 'p', event: 'e' });
      close();
      assert.equal(failures.length, 1);
    });
  }
});

/** A port, and the first `count` datagrams that arrive there. */
async function collect(count: number): Promise<{
  port: DatagramPort;
  promise: Promise<{ datagram: Uint8Array; from: Endpoint }[]>;
}> {
  const arrived: { datagram: Uint8Array; from: Endpoint }[] = [];
  let done: (all: typeof arrived) => void;
  const promise = new Promise<typeof arrived>((resolve) => (done = resolve));
  const onDatagram = (datagram: Uint8Array, from: Endpoint): void => {
    if (arrived.push({ datagram, from }) === count) done(arrived);
  };
  const options = { family: 4 as const, address: '127.0.0.1', onDatagram, onSendError: () => {} };
  return { port: await openDatagramPort(options, 'ref'), promise };
}
