import assert from 'node:assert/strict';
import { aliceAddresses, bobAddresses, Peer, StackPair } from '../../../support/stack-pair';

const MINUTE = 60_000;

describe('virtual stack: connections', () => {
  let pair: StackPair;

  beforeEach(() => {
    pair = new StackPair();
  });

  afterEach(() => {
    pair.alice.close();
    pair.bob.close();
    assert.equal(pair.alice.liveAllocations, 0, 'allocations of alice');
    assert.equal(pair.bob.liveAllocations, 0, 'allocations of bob');
  });

  for (const [family, address] of Object.entries(bobAddresses)) {
    it(`established over ${family}: write -> the bytes come back from an echo`, () => {
      const { client, server } = pair.connect(address);
      server.onReceived = (bytes) => server.connection.write(bytes);
      client.send(Buffer.from('hello'));
      pair.time.advance(100);
      assert.equal(client.bytes.toString(), 'hello');
      assert.equal(server.connection.remote.address, family === 'ipv4' ? aliceAddresses.ipv4 : aliceAddresses.ipv6);
      assert.deepEqual(server.connection.local, client.connection.remote);
      assert.deepEqual(server.connection.remote, client.connection.local);
    });
  }

  it('established: both shut down -> closed on both sides, and quiet after TIME-WAIT', () => {
    const { client, server } = pair.connect();
    server.onEnded = () => server.connection.shutdown();
    client.connection.shutdown();
    pair.time.advance(1000);
    assert.deepEqual(client.events, ['connected', 'ended', 'closed']);
    assert.deepEqual(server.events, ['ended', 'closed']);
    pair.time.runUntilIdle(2 * MINUTE);
    assert.equal(pair.alice.liveAllocations + pair.bob.liveAllocations, 0);
  });

  it('established: both shut down at once -> closed on both sides (CLOSING)', () => {
    const { client, server } = pair.connect();
    client.connection.shutdown();
    server.connection.shutdown();
    pair.time.advance(1000);
    assert.deepEqual(client.events, ['connected', 'ended', 'closed']);
    assert.deepEqual(server.events, ['ended', 'closed']);
  });

  it('half-closed by the client: server keeps sending -> client receives until ended', () => {
    const { client, server } = pair.connect();
    client.send(Buffer.from('request'), { shutdown: true });
    pair.time.advance(5000);
    assert.deepEqual(server.events, ['ended']);
    server.send(Buffer.alloc(3_000_000, 'x'), { shutdown: true });
    pair.time.runUntil(() => client.seen('closed'), MINUTE);
    assert.equal(client.bytes.length, 3_000_000);
  });

  it('half-closed by the server: client keeps sending -> server receives until ended', () => {
    const { client, server } = pair.connect();
    server.connection.shutdown();
    pair.time.advance(5000);
    assert.deepEqual(client.events, ['connected', 'ended']);
    client.send(Buffer.alloc(1_000_000, 'y'), { shutdown: true });
    pair.time.runUntil(() => server.seen('closed'), MINUTE);
    assert.equal(server.bytes.length, 1_000_000);
  });

  it('connecting: shutdown -> FIN after the handshake, orderly end', () => {
    const server = new Peer();
    server.onEnded = () => server.connection.shutdown();
    pair.bob.listenTcp({ address: '0.0.0.0', port: 7, backlog: 5 }, (connection) => void server.attach(connection));
    const client = new Peer();
    client.attach(pair.alice.connectTcp({ remote: { address: bobAddresses.ipv4, port: 7 } }, client));
    client.connection.shutdown();
    pair.time.advance(1000);
    assert.deepEqual(client.events, ['connected', 'ended', 'closed']);
  });

  it('connecting: nobody listens -> ECONNREFUSED', () => {
    const client = new Peer();
    client.attach(pair.alice.connectTcp({ remote: { address: bobAddresses.ipv6, port: 9 } }, client));
    pair.time.advance(100);
    assert.deepEqual(client.events, ['ECONNREFUSED']);
  });

  it('accepted and reset before the client was told of the connection -> connected, then ECONNRESET', () => {
    pair.bob.listenTcp({ address: '0.0.0.0', port: 7, backlog: 5 }, (connection) => {
      new Peer().attach(connection);
      connection.abort();
    });
    const client = new Peer();
    client.attach(pair.alice.connectTcp({ remote: { address: bobAddresses.ipv4, port: 7 } }, client));
    pair.time.advance(6);
    // The ACK and the reset are there at once, so that the reset comes in the same turn as the SYN-ACK.
    pair.lose = (packet) => (pair.bob.input(packet), true);
    pair.loseToAlice = (packet) => (pair.alice.input(packet), true);
    pair.time.advance(100);
    assert.deepEqual(client.events, ['connected', 'ECONNRESET']);
  });

  it('connecting: no answer -> ETIMEDOUT after half a minute', () => {
    pair.loss = 1;
    const client = new Peer();
    client.attach(pair.alice.connectTcp({ remote: { address: bobAddresses.ipv4, port: 9 } }, client));
    pair.time.advance(29_000);
    assert.deepEqual(client.events, []);
    pair.time.advance(5_000);
    assert.deepEqual(client.events, ['ETIMEDOUT']);
    assert.equal(pair.time.pendingCount, 0);
  });

  it('established: peer aborts -> ECONNRESET, no event for the one who aborted', () => {
    const { client, server } = pair.connect();
    server.connection.abort();
    pair.time.advance(100);
    assert.deepEqual(client.events, ['connected', 'ECONNRESET']);
    assert.deepEqual(server.events, []);
    assert.equal(client.connection.write(Buffer.from('late')), 0);
  });

  it('established: the network is gone for five minutes -> the transfer goes on after', () => {
    const { client, server } = pair.connect();
    pair.loss = 1;
    client.send(Buffer.from('across the gap'));
    pair.time.advance(5 * MINUTE);
    pair.loss = 0;
    pair.alice.pathChanged(bobAddresses.ipv4);
    pair.time.advance(20);
    assert.equal(server.bytes.toString(), 'across the gap');
  });

  it('established and keep-alive: peer vanished -> ETIMEDOUT', () => {
    const { client } = pair.connect();
    client.connection.setKeepAlive(true, 10_000);
    pair.time.advance(60_000);
    assert.deepEqual(client.events, ['connected']);
    pair.loss = 1;
    pair.time.advance(30_000);
    assert.deepEqual(client.events, ['connected', 'ETIMEDOUT']);
  });

  it('established: nothing happens -> no timer is scheduled', () => {
    pair.connect();
    pair.time.advance(1000);
    assert.equal(pair.time.pendingCount, 0);
  });

  it('self: dials its own address -> connected', () => {
    const server = new Peer();
    server.onReceived = (bytes) => server.connection.write(bytes);
    pair.alice.listenTcp({ address: '::', port: 80, backlog: 5 }, (connection) => void server.attach(connection));
    const client = new Peer();
    client.attach(pair.alice.connectTcp({ remote: { address: aliceAddresses.ipv6, port: 80 } }, client));
    pair.time.advance(100);
    client.send(Buffer.from('me'));
    pair.time.advance(100);
    assert.equal(client.bytes.toString(), 'me');
  });

  const states: Record<string, (client: Peer, server: Peer) => void> = {
    'SYN-SENT': () => undefined,
    ESTABLISHED: () => pair.time.advance(100),
    'FIN-WAIT-1': (client) => (pair.time.advance(100), client.connection.shutdown()),
    'FIN-WAIT-2': (client) => (pair.time.advance(100), client.connection.shutdown(), pair.time.advance(100)),
    'CLOSE-WAIT': (_client, server) => (pair.time.advance(100), server.connection.shutdown(), pair.time.advance(100)),
    'LAST-ACK': (client, server) => {
      pair.time.advance(100);
      server.connection.shutdown();
      pair.time.advance(100);
      client.connection.shutdown();
    },
    'data in flight': (client) => (pair.time.advance(100), client.send(Buffer.alloc(500_000))),
  };
  for (const [state, reach] of Object.entries(states)) {
    it(`${state}: abort -> no event, no pcb left`, () => {
      const server = new Peer();
      pair.bob.listenTcp({ address: '::', port: 5, backlog: 5 }, (connection) => void server.attach(connection));
      const client = new Peer();
      client.attach(pair.alice.connectTcp({ remote: { address: bobAddresses.ipv4, port: 5 } }, client));
      reach(client, server);
      const before = client.events.length;
      client.connection.abort();
      pair.time.runUntilIdle(5 * MINUTE);
      assert.equal(client.events.length, before);
      assert.equal(pair.alice.liveAllocations, 0);
    });
  }

  it('1,000 connections: opened, used, closed -> every allocation is returned', () => {
    let open = 0;
    const listener = pair.bob.listenTcp({ address: '::', port: 80, backlog: 255 }, (connection) => {
      const server = new Peer().attach(connection);
      server.onReceived = (bytes) => connection.write(bytes);
      server.onEnded = () => connection.shutdown();
    });
    for (let i = 0; i < 1000; i++) {
      const client = new Peer();
      const address = i % 2 ? bobAddresses.ipv4 : bobAddresses.ipv6;
      client.attach(pair.alice.connectTcp({ remote: { address, port: 80 } }, client));
      client.onReceived = () => client.connection.shutdown();
      open++;
      client.connected = () => client.send(Buffer.from(`request ${i}`));
      client.closed = () => void open--;
      if (i % 100 === 0) pair.time.advance(20);
    }
    pair.time.runUntilIdle(10 * MINUTE);
    assert.equal(open, 0);
    listener.close();
    assert.equal(pair.alice.liveAllocations + pair.bob.liveAllocations, 0);
  });
});
