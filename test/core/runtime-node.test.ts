import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { nodeClock, nodeRuntime } from '../../core/runtime-node';
import { openTraceFile } from '../../core/trace-file';
import type { Endpoint } from '../../core/wire/addresses';
import { temporaryDirectory } from '../support/command';

describe('runtime on Node', () => {
  for (const [family, address] of [
    [4, '127.0.0.1'],
    [6, '::1'],
  ] as const) {
    it(`UDP port of IPv${family}: sent to itself, buffer reused -> what was sent arrives`, async () => {
      let arrived: (message: { datagram: Uint8Array; from: Endpoint }) => void;
      const message = new Promise<{ datagram: Uint8Array; from: Endpoint }>((resolve) => (arrived = resolve));
      const port = await nodeRuntime.openDatagramPort({
        family,
        address,
        onDatagram: (datagram, from) => arrived({ datagram, from }),
        onSendError: (error) => assert.fail(error),
      });
      const alive = setTimeout(() => {}, 1000); // the port itself keeps nothing alive
      const buffer = Uint8Array.of(1, 2, 3);
      port.send(buffer, port.local);
      buffer.fill(9);
      const { datagram, from } = await message;
      assert.deepEqual([[...datagram], from], [[1, 2, 3], { address, port: port.local.port }]);
      port.close();
      port.close();
      port.send(buffer, port.local);
      clearTimeout(alive);
    });
  }

  it('UDP port: sent too much, or to port 0 -> onSendError, not thrown', async () => {
    const errors: (string | undefined)[] = [];
    let both: () => void;
    const seen = new Promise<void>((resolve) => (both = resolve));
    const port = await nodeRuntime.openDatagramPort({
      family: 4,
      address: '127.0.0.1',
      onDatagram: () => {},
      onSendError: (error) => errors.push(error.code) === 2 && both(),
    });
    port.send(new Uint8Array(70_000), port.local);
    port.send(new Uint8Array(1), { address: '127.0.0.1', port: 0 });
    const alive = setTimeout(() => {}, 1000);
    await seen;
    clearTimeout(alive);
    port.close();
    assert.deepEqual(errors.sort(), ['EMSGSIZE', 'ERR_SOCKET_BAD_PORT']);
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
