import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { describe, it } from 'mocha';
import { ENOBUFS, HandleSender, QUEUE_LIMIT_BYTES, udpHandle, type SendRequest } from '../../core/udp-handle';

const TO = { address: '192.0.2.1', port: 7 };

/** A handle whose kernel takes or queues what it is given. */
class FakeHandle {
  status: number | undefined;
  readonly sent: { request: SendRequest; datagram: Uint8Array; text: string }[] = [];

  send(request: SendRequest, [datagram]: readonly Uint8Array[]): number {
    const text = Buffer.from(datagram!).toString();
    this.sent.push({ request, datagram: datagram!, text });
    return this.status ?? datagram!.length + 1;
  }
}

function sender(): { handle: FakeHandle; errors: number[]; send(text: string): void } {
  const handle = new FakeHandle();
  const errors: number[] = [];
  const sender = new HandleSender({ handle, SendRequest: class {} }, (errno) => errors.push(errno));
  const memory = Buffer.alloc(100_000); // used again for each datagram
  return { handle, errors, send: (text) => sender.send(memory.subarray(0, memory.write(text)), TO) };
}

describe('UDP handle', () => {
  for (const type of ['udp4', 'udp6'] as const) {
    it(`${type}: bound -> found in this version of Node, and as it was`, async () => {
      const socket = createSocket({ type, lookup: (address, _, done) => done(null, address, 4) });
      await new Promise<void>((resolve) => socket.bind(0, resolve));
      const found = udpHandle(socket);
      assert(found);
      assert.equal(new found.SendRequest().constructor.name, 'SendWrap');
      assert.equal(socket.getSendQueueCount(), 0);
      const arrived = new Promise((resolve) => socket.once('message', resolve));
      socket.send('by the public API', socket.address().port, type === 'udp4' ? '127.0.0.1' : '::1');
      assert.equal(String(await arrived), 'by the public API');
      socket.close();
    });
  }

  it('socket without a handle -> none is found', () => {
    assert.equal(udpHandle({} as Socket), undefined);
    const closed = createSocket('udp4').close();
    assert.equal(udpHandle(closed), undefined);
  });

  it('taken by the kernel: sent on -> one request and one memory for all', () => {
    const { handle, send } = sender();
    for (const text of ['first', 'other', 'a longer one', '']) send(text);
    assert.deepEqual(
      handle.sent.map(({ text }) => text),
      ['first', 'other', 'a longer one', ''],
    );
    assert.equal(new Set(handle.sent.map(({ request }) => request)).size, 1);
    assert.equal(new Set(handle.sent.map(({ datagram }) => datagram.buffer)).size, 1);
  });

  it('queued: sent on -> what waits is left alone until it is complete', () => {
    const { handle, errors, send } = sender();
    send('before');
    handle.status = 0;
    for (const text of ['one', 'two', 'x'.repeat(3_000), 'four']) send(text);
    handle.status = undefined;
    send('after');
    for (const { text, datagram } of handle.sent.slice(1)) assert.equal(Buffer.from(datagram).toString(), text);
    assert.equal(new Set(handle.sent.slice(1).map(({ request }) => request)).size, 5);
    assert.equal(new Set(handle.sent.slice(1).map(({ datagram }) => datagram.buffer)).size, 5);
    handle.sent[1]!.request.oncomplete!(0);
    handle.sent[2]!.request.oncomplete!(-111);
    assert.deepEqual(errors, [-111]);
  });

  it('refused -> the errno is told', () => {
    const { handle, errors, send } = sender();
    handle.status = -101;
    send('x');
    assert.deepEqual(errors, [-101]);
  });

  it('queue full: sent on -> ENOBUFS until there is room', () => {
    const { handle, errors, send } = sender();
    handle.status = 0;
    const text = 'x'.repeat(65_536);
    for (let i = 0; i < QUEUE_LIMIT_BYTES / text.length; i++) send(text);
    assert.deepEqual(errors, []);
    send('too much');
    assert.deepEqual(errors, [ENOBUFS]);
    const waiting = handle.sent.length;
    handle.sent[0]!.request.oncomplete!(0);
    send('fits');
    assert.deepEqual([errors.length, handle.sent.length], [1, waiting + 1]);
  });
});
