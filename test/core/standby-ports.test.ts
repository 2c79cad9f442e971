import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Via } from '../../core/packet/path';
import type { HostAddress, Runtime } from '../../core/runtime';
import { Sightings } from '../../core/reach/sightings';
import { StunClient } from '../../core/reach/stun-client';
import { StandbyPorts } from '../../core/standby-ports';
import { flush } from '../support/memory-datagrams';
import { SimulatedNetwork } from '../support/simulated-network';

const on = (interfaceName: string, address: string, family: 4 | 6 = 4): HostAddress => ({
  ...{ interfaceName, address, family },
  loopback: interfaceName === 'lo',
});

describe('sockets on interfaces that stand by', () => {
  let network: SimulatedNetwork;
  let addresses: readonly HostAddress[];
  let open: string[];
  let used: Via | undefined;
  let ports: StandbyPorts;

  beforeEach(() => {
    network = new SimulatedNetwork({ latencyMs: 1 });
    addresses = [on('lo', '127.0.0.1'), on('wifi', '192.0.2.1'), on('lte', '192.0.2.65'), on('usb', '169.254.3.4')];
    open = [];
    used = undefined;
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
      openDatagramPort: async ({ family, address = '' }) => {
        open.push(address);
        const close = (): void => void open.splice(open.indexOf(address), 1);
        return { family, local: { address, port: 1 }, send() {}, close };
      },
      ...more,
    };
    const stun = new StunClient({ ...network.host('192.0.2.1', 2), send() {} });
    const situation = { observer: () => undefined, sightings: new Sightings(network.time, stun) };
    ports = new StandbyPorts({ runtime, situation, receive() {}, receiveOther() {}, isUsed: (via) => via === used });
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
});
