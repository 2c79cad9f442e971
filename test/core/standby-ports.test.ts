import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Via } from '../../core/packet/path';
import type { HostAddress, Runtime } from '../../core/runtime';
import { Sightings } from '../../core/reach/sightings';
import { StunClient } from '../../core/reach/stun-client';
import { StandbyPorts } from '../../core/standby-ports';
import type { Endpoint } from '../../core/wire/addresses';
import { RELAY_MAGIC } from '../../core/wire/relay-frame';
import { readBindingRequest, writeBindingResponse } from '../../core/wire/stun';
import { flush } from '../support/memory-datagrams';
import { SimulatedNetwork } from '../support/simulated-network';

const SERVER = { address: '198.51.100.1', port: 3_478 };

const on = (interfaceName: string, address: string, family: 4 | 6 = 4): HostAddress => ({
  ...{ interfaceName, address, family },
  loopback: interfaceName === 'lo',
});

describe('sockets on interfaces that stand by', () => {
  let network: SimulatedNetwork;
  let addresses: readonly HostAddress[];
  let open: string[];
  let used: Via | undefined;
  /** What was sent from there, and what came of tunnels and of servers. */
  let sent: { datagram: Uint8Array; to: Endpoint }[];
  let received: string[];
  let deliver: (datagram: Uint8Array, from: Endpoint) => void;
  let ports: StandbyPorts;

  beforeEach(() => {
    network = new SimulatedNetwork({ latencyMs: 1 });
    addresses = [on('lo', '127.0.0.1'), on('wifi', '192.0.2.1'), on('lte', '192.0.2.65'), on('usb', '169.254.3.4')];
    open = [];
    used = undefined;
    [sent, received] = [[], []];
    make({});
  });
  afterEach(() => {
    ports.close();
    assert.deepEqual(open, []);
  });

  function make(more: Partial<Runtime>): void {
    const runtime: Runtime = {
      ...network.host('192.0.2.1', 1),
      hostAddresses: () => [...addresses],
      sourceAddress: async () => addresses.find(({ loopback }) => !loopback)?.address ?? '',
      openDatagramPort: async ({ family, address = '', onDatagram }) => {
        open.push(address);
        deliver = onDatagram;
        const close = (): void => void open.splice(open.indexOf(address), 1);
        const send = (datagram: Uint8Array, to: Endpoint): void => void sent.push({ datagram: datagram.slice(), to });
        return { family, local: { address, port: 4_001 }, send, close };
      },
      ...more,
    };
    const stun = new StunClient({ ...network.host('192.0.2.1', 2), send() {} });
    ports = new StandbyPorts({
      runtime,
      situation: { observer: () => SERVER, sightings: new Sightings(network.time, stun) },
      receive: (_, from) => void received.push(`tunnel by ${from.via?.address}`),
      receiveOther: (_, from) => void received.push(`other from ${from.port}`),
      isUsed: (via) => via === used,
    });
  }

  async function bound(): Promise<unknown[]> {
    ports.vias(4);
    for (let i = 0; i < 4; i++) await flush();
    return ports.vias(4).map(({ address }) => address);
  }

  it('nobody has asked -> none; two interfaces -> one, on the other', async () => {
    assert.deepEqual(open, []);
    assert.deepEqual(await bound(), ['192.0.2.65']);
    network.time.advance(10_000);
    assert.deepEqual(await bound(), ['192.0.2.65']);
    assert.deepEqual(open, ['192.0.2.65']);
  });

  it('the host sends by the other now -> the first stands by; and of many, three at most', async () => {
    await bound();
    addresses = [...addresses].reverse().slice(1); // lte is the first
    network.time.advance(3_000);
    assert.deepEqual(await bound(), ['192.0.2.1']);
    addresses = [...addresses, ...[1, 2, 3, 4].map((i) => on(`eth${i}`, `198.51.100.${i}`))];
    network.time.advance(3_000);
    assert.equal((await bound()).length, 3);
  });

  it('its address goes -> closed', async () => {
    const [address] = await bound();
    const [via] = ports.vias(4);
    assert(ports.isOpen(via!));
    addresses = addresses.filter((each) => each.address !== address);
    assert(!ports.isOpen(via!));
    assert.deepEqual(open, []);
  });

  it('nobody asks any more -> closed, unless a tunnel goes that way', async () => {
    await bound();
    [used] = ports.vias(4);
    network.time.advance(200_000);
    assert.deepEqual(open, ['192.0.2.65']);
    await bound();
    used = undefined;
    network.time.advance(200_000);
    assert.deepEqual(open, []);
  });

  it('from where the host sends cannot be known, or it sends nowhere -> none', async () => {
    make({ sourceAddress: undefined as never });
    assert.deepEqual(await bound(), []);
    make({ sourceAddress: async () => '' });
    assert.deepEqual(await bound(), []);
  });

  it('no socket can be had -> none, and no harm', async () => {
    make({ openDatagramPort: () => Promise.reject(new Error('EMFILE')) });
    assert.deepEqual(await bound(), []);
  });

  /** The server sees it at `mapped`. */
  function answer(mapped: Endpoint): void {
    for (const { datagram, to } of sent.splice(0)) {
      const { transaction } = readBindingRequest(datagram)!;
      deliver(writeBindingResponse({ transaction, mapped }), to);
    }
  }

  it('an address of the Internet -> is where it is seen, and nobody is asked', async () => {
    await bound();
    assert.deepEqual(await ports.outside(ports.vias(4)[0]!), { address: '192.0.2.65', port: 4_001 });
    assert.deepEqual(sent, []);
  });

  it('a private address -> a server is asked where it is seen: once for all, and again after ten seconds', async () => {
    addresses = [on('wifi', '192.0.2.1'), on('lte', '10.0.0.2')];
    await bound();
    const [via] = ports.vias(4);
    const asked = [ports.outside(via!), ports.outside(via!), ports.ask(SERVER, via, 1_000)];
    assert.deepEqual(
      sent.map(({ to }) => to),
      [SERVER],
    );
    network.time.advance(40);
    const mapped = { address: '203.0.113.5', port: 7_000 };
    answer(mapped);
    assert.deepEqual(await Promise.all(asked), [mapped, mapped, 40]);
    assert.deepEqual(await ports.outside(via!), mapped);
    network.time.advance(11_000);
    const later = ports.outside(via!);
    network.time.advance(2_000);
    assert.equal(await later, undefined);
    assert.equal(sent.length, 3);
    assert.equal(await ports.ask(SERVER, { ...via! }, 0), undefined); // none of these
  });

  it('a datagram of a tunnel, of a relay, an answer that nobody waits for -> to whom it is for', async () => {
    await bound();
    deliver(Uint8Array.of(4, 0, 0, 0, 1), SERVER);
    deliver(Uint8Array.of(RELAY_MAGIC, 1), SERVER);
    deliver(writeBindingResponse({ transaction: new Uint8Array(12), mapped: SERVER }), SERVER);
    deliver(new Uint8Array(0), SERVER);
    assert.deepEqual(received, ['tunnel by 192.0.2.65', 'other from 3478', 'other from 3478']);
  });
});
