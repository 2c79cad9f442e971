/** A node at a CS that says what a test wants, in the order that it wants: Signalling and frames over a stream. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { CACHE_FRAME_LIMIT, CHUNK_MAGIC, readChunk, writeChunk, type Chunk } from '../../core/wire/cache-frames';
import { frame, FrameReader } from '../../core/wire/frames';
import { sharedKey } from '../../core/wire/keys';
import type { Body } from '../../core/wire/messages';
import type { Peer } from '../../core/wire/peers';
import { Signalling } from '../../core/wire/signalling';
import type { NodeStream } from '../../servers/notification/connections';
import { settle } from './memory-datagrams';
import { ports, type ServerWorld } from './server-world';
import { expectBody, type SimulatedNode } from './simulated-node';

export class CacheNode {
  isOpen = true;
  readonly chunks: Chunk[] = [];
  notices = 0;
  private readonly stream: NodeStream;
  private readonly signalling: Signalling<null>;
  private readonly server: Peer;

  constructor(
    private readonly world: ServerWorld,
    key: Uint8Array,
    sourceAddress = '198.51.100.1',
  ) {
    const reader = new FrameReader(CACHE_FRAME_LIMIT);
    const stream = world.connectStream(
      (bytes) => reader.read(bytes)?.forEach((each) => this.receive(each)),
      () => (this.isOpen = false),
      sourceAddress,
      ports.cs,
    );
    assert(stream);
    this.stream = stream;
    this.signalling = new Signalling<null>({
      ...{ party: 'node', part: 'cache node', ...world.clockPorts },
      transmit: (datagram) => stream.write(frame(datagram)),
    });
    this.server = this.signalling.addPeer({ key: sharedKey(key, 0), party: 'cs', name: 'cs' });
    this.signalling.handle('cacheNotice', () => void this.notices++);
  }

  /** The DC tells where, and under which key. `target`: for whom something is to be stored. */
  static async of(node: SimulatedNode, target?: string): Promise<CacheNode> {
    const body = target === undefined ? {} : { target };
    const { key } = expectBody(await node.ask({ name: 'cacheRequest', body }), 'cacheResponse');
    return new CacheNode(node.world, key, node.local.address);
  }

  storing(content: Uint8Array, receiver: string, more: Partial<Body<'cacheStoreRequest'>> = {}) {
    const digest = new Uint8Array(createHash('sha256').update(content).digest());
    const about = { transfer: 1, receiver, box: 'items', id: new Uint8Array(16), ttlMs: 1_000_000 };
    const body = { ...about, length: content.length, digest, ...more };
    return this.ask({ name: 'cacheStoreRequest', body }, 'cacheStoreResponse');
  }

  taking(body: Body<'cacheTakeRequest'>) {
    return this.ask({ name: 'cacheTakeRequest', body }, 'cacheTakeResponse');
  }

  send(chunk: Chunk): void {
    this.stream.write(frame(writeChunk(chunk)));
  }

  sendBytes(bytes: Uint8Array): void {
    this.stream.write(bytes);
  }

  close(): void {
    this.stream.close();
    this.signalling.close();
  }

  private async ask<N extends 'cacheStoreResponse' | 'cacheTakeResponse'>(
    message: Parameters<Signalling<null>['request']>[2],
    expected: N,
  ): Promise<Body<N>> {
    return expectBody(await settle(this.world.time, this.signalling.request(this.server, null, message)), expected);
  }

  private receive(bytes: Uint8Array): void {
    if (bytes[0] === CHUNK_MAGIC) this.chunks.push(readChunk(bytes)!);
    else this.signalling.receive(bytes, null);
  }
}
