import assert from 'node:assert/strict';
import { DeferredNode } from '../../core/deferred-node';
import { Namespace } from '../../core/namespace';
import type { Node } from '../../core/node';
import { MemoryNetwork } from '../support/memory-network';

/** Stands for a node: the network in memory, which can be started. */
class FakeNode extends MemoryNetwork {
  started = 0;
  start(): void {
    this.started++;
  }
}

function deferred(): { node: DeferredNode; made: FakeNode[]; runLater(): void } {
  const namespace = new Namespace(() => new Set());
  namespace.learn(['test.ntm'], ['198.18.0.0/15'], true);
  const made: FakeNode[] = [];
  const later: (() => void)[] = [];
  const make = (): Node => {
    made.push(new FakeNode());
    return made[0] as unknown as Node;
  };
  const node = new DeferredNode(namespace, make, (start) => later.push(start));
  return { node, made, runLater: () => later.splice(0).forEach((start) => start()) };
}

const listening = (port: number, address = '::'): { address: string; port: number; backlog: number } => ({
  address,
  port,
  backlog: 1,
});

describe('a deferred node', () => {
  it('names and addresses are classified -> no node is made', () => {
    const { node, made } = deferred();
    assert.equal(node.classifyName('b.test.ntm'), 'virtual');
    assert.equal(node.isVirtualAddress('198.18.0.1'), true);
    assert.equal(node.addresses, undefined);
    assert.equal(node.loginError, undefined);
    assert.equal(node.nameOf('198.18.0.1'), undefined);
    assert.equal(made.length, 0);
  });

  it("to be started later: the program's first lines have run -> the node joins, once", () => {
    const { node, made, runLater } = deferred();
    node.startLater();
    assert.equal(made.length, 0);
    runLater();
    assert.deepEqual(
      made.map(({ started }) => started),
      [1],
    );
  });

  it('a name is looked up in the first lines -> the node is made at once', async () => {
    const { node, made } = deferred();
    assert.equal((await node.lookup('b.test.ntm')).ipv4, '198.18.0.2');
    assert.equal(made.length, 1);
  });

  it('a wildcard listener in the first lines -> noted, and listening when the node is made', () => {
    const { node, made, runLater } = deferred();
    const listener = node.listenTcp(listening(80), () => {});
    assert.deepEqual(listener.local, { address: '::', port: 80 });
    assert.equal(made.length, 0);
    runLater();
    assert.equal(made[0]?.started, 1);
    assert.equal(made[0].listenerCount, 0, 'the login goes first');
    runLater();
    assert.equal(made[0].listenerCount, 1);
    listener.close();
    assert.equal(made[0].listenerCount, 0);
  });

  it('a noted listener is closed -> it never listens', () => {
    const { node, made, runLater } = deferred();
    node.listenTcp(listening(80), () => {}).close();
    runLater();
    runLater();
    assert.equal(made[0]?.listenerCount, 0);
  });

  it('a noted listener, and this node itself is dialled before it could listen -> it listens first', () => {
    const { node, made } = deferred();
    node.listenTcp(listening(80), () => {});
    assert.equal(node.reach('198.18.0.1'), undefined);
    assert.equal(made[0]?.listenerCount, 1);
  });

  it('a second listener on a noted port -> EADDRINUSE, as from the stack', () => {
    const { node } = deferred();
    node.listenTcp(listening(80), () => {});
    assert.throws(() => node.listenTcp(listening(80), () => {}), { code: 'EADDRINUSE' });
  });

  for (const [what, port, address] of [
    ['any port', 0, '::'],
    ['a virtual address', 80, '198.18.0.1'],
  ] as const) {
    it(`a listener on ${what} -> the stack says at once whether and where`, () => {
      const { node, made } = deferred();
      const listener = node.listenTcp(listening(port, address), () => {});
      assert.ok(listener.local.port > 0);
      assert.equal(made[0]?.listenerCount, 1);
    });
  }

  it('a UDP socket on a wildcard: bound in the first lines -> noted; opened with the node, or when it sends', () => {
    const heard: string[] = [];
    const events = { received: (bytes: Uint8Array) => heard.push(Buffer.from(bytes).toString()), failed() {} };
    const { node, made, runLater } = deferred();
    const noted = node.openUdp({ address: '::', port: 5_000 }, events);
    const closed = node.openUdp({ address: '::', port: 5_001 }, events);
    assert.deepEqual([made.length, noted.local.port], [0, 5_000]);
    closed.close();
    runLater();
    runLater();
    assert.equal(made[0]!.udp.socketCount, 1);

    const other = deferred();
    const sender = other.node.openUdp({ address: '0.0.0.0', port: 5_000 }, events);
    assert.equal(sender.send(new Uint8Array(1), { address: '198.18.0.2', port: 9 }), undefined);
    assert.equal(other.made[0]!.udp.socketCount, 1);
  });
});
