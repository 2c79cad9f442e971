/** TLS listeners on loopback. */
import assert from 'node:assert/strict';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { nodeClock, nodeTimers } from '../../core/runtime-node';
import type { Endpoint } from '../../core/wire/addresses';
import { frame, FrameReader } from '../../core/wire/frames';
import { DatagramStreams } from '../../servers/datagram-streams';
import type { ServerSocket } from '../../servers/host';
import { openStreamListener } from '../../servers/host-streams';
import { certificateOf } from '../../servers/tls-certificate';
import { writeCertificate } from '../support/certificate';
import { temporaryDirectory } from '../support/command';
import { projectRoot } from '../support/paths';
import { Program } from '../support/processes';

const heard = (socket: Socket, event: string): Promise<unknown> =>
  new Promise((resolve) => void socket.once(event, resolve));

describe('a TLS listener for datagrams', function () {
  this.timeout(20_000);
  let directory: ReturnType<typeof temporaryDirectory>;
  let streams: DatagramStreams;
  let listener: ServerSocket;
  let sockets: Socket[];

  beforeEach(() => {
    directory = temporaryDirectory();
    sockets = [];
    const echo = (datagram: Uint8Array, from: Endpoint): void => streams.send(datagram, from);
    streams = new DatagramStreams({ clock: nodeClock, timers: nodeTimers }, echo, { connections: 2 });
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    streams.close();
    await listener.close();
    directory.remove();
  });

  const open = async (certificate = certificateOf(directory.path, {})): Promise<void> => {
    listener = await openStreamListener({ address: '127.0.0.1', port: 0 }, streams, certificate);
  };
  const tls = (): TLSSocket => {
    const socket = connect({ host: '127.0.0.1', port: listener.local.port, rejectUnauthorized: false });
    sockets.push(socket);
    return socket;
  };
  const tcp = (): Socket => {
    const socket = connectTcp(listener.local.port, '127.0.0.1');
    sockets.push(socket);
    return socket;
  };
  const answers = async (socket: TLSSocket, count: number): Promise<Uint8Array[]> => {
    const reader = new FrameReader();
    const got: Uint8Array[] = [];
    for await (const bytes of socket) {
      got.push(...reader.read(bytes as Buffer)!);
      if (got.length >= count) break;
    }
    return got;
  };

  it('no files named: two listeners, one after the other -> both have the certificate that the first one made', async () => {
    const fingerprints: string[] = [];
    for (let i = 0; i < 2; i++) {
      if (i > 0) await listener.close();
      await open();
      const socket = tls();
      await heard(socket, 'secureConnect');
      fingerprints.push(socket.getPeerCertificate().fingerprint256);
      const sent = [0, 1, 2].map((n) => Uint8Array.of(0x4e, n));
      socket.write(Buffer.concat(sent.map(frame)));
      assert.deepEqual(await answers(socket, 3), sent);
    }
    assert.equal(fingerprints[0], fingerprints[1]);
  });

  it('none is there yet -> what makes it is loaded in another thread, as all who are served would wait for it', async () => {
    const module = join(projectRoot, 'dist/servers/tls-certificate');
    const script = `
      require(${JSON.stringify(module)}).selfSigned().then(({ cert }) => {
        const loaded = Object.keys(require.cache).filter((file) => file.includes('selfsigned'));
        console.log(JSON.stringify([cert.slice(0, 27), loaded]));
      });`;
    const said = await Program.node(['-e', script]).finish();
    assert.deepEqual(JSON.parse(said), ['-----BEGIN CERTIFICATE-----', []]);
  });

  it('files named -> that certificate; wrong ones -> NTM_CONFIG', async () => {
    const files = await writeCertificate(directory.path, 'as.example');
    await open(certificateOf(directory.path, files));
    const socket = tls();
    await heard(socket, 'secureConnect');
    assert.equal(socket.getPeerCertificate().subject.CN, 'as.example');
    assert.throws(() => certificateOf(directory.path, { ...files, certFile: files.keyFile }), { code: 'NTM_CONFIG' });
  });

  it('no TLS -> closed and counted; a connection that ends in its handshake -> makes room', async () => {
    await open();
    const stranger = tcp();
    stranger.end('GET / HTTP/1.1\r\n\r\n');
    stranger.resume();
    await heard(stranger, 'close');
    assert.equal(streams.drops.get('no handshake'), 1);
    const halves = [tcp(), tcp(), tcp()];
    await Promise.all(halves.map((socket) => heard(socket, 'connect')));
    for (const half of halves) half.destroy();
    const socket = tls();
    await heard(socket, 'secureConnect');
    socket.write(frame(Uint8Array.of(0x4e)));
    assert.equal((await answers(socket, 1)).length, 1);
  });

  it('more than it may have -> those that are too many are closed', async () => {
    await open();
    const three = [tls(), tls(), tls()];
    for (const socket of three) socket.on('error', () => {});
    const first = await Promise.race(three.map((socket) => heard(socket, 'close').then(() => socket)));
    assert(three.includes(first));
    assert(streams.drops.get('too many connections')! >= 1);
  });

  it('the listener closes -> its connections end', async () => {
    await open();
    const socket = tls();
    socket.on('error', () => {});
    await heard(socket, 'secureConnect');
    const closed = heard(socket.resume(), 'close');
    await listener.close();
    await closed;
    assert.equal(streams.size, 0);
  });
});
