/** STUN from anybody, at an RS and at a node that asks: counted or answered, never more than was sent, never believed. */
import assert from 'node:assert/strict';
import { Discovery } from '../../core/reach/discovery';
import type { Endpoint } from '../../core/wire/addresses';
import { writeBindingRequest, writeBindingResponse } from '../../core/wire/stun';
import { StunAnswers } from '../../servers/relay/stun-answers';
import { pass } from '../support/memory-datagrams';
import { StunWorld } from '../support/stun-world';
import { VirtualTime } from '../support/virtual-time';
import { fuzz, seed } from './engine';

const transaction = new Uint8Array(12).fill(7);
const dc = { address: '192.0.2.1', port: 2 };
const rs = { address: '192.0.2.4', port: 4 };
const LIES = '198.51.100.66';

const requests = [true, false].map((changePort) => writeBindingRequest({ transaction, changePort }));
requests.push(writeBindingRequest({ transaction, answerTo: 5_000 }));
const answers = [LIES, '2001:db8::66'].map((address) =>
  writeBindingResponse({ transaction, mapped: { address, port: 1 } }),
);

describe(`fuzz: stun (NTMOBILE_FUZZ_SEED=${seed})`, function () {
  this.timeout(600_000);

  it('an RS: any bytes -> counted or answered, with no more bytes than came and to nobody else', () =>
    fuzz({
      ...{ name: 'stun-server', runs: 10_000, batch: 50, longest: 200, live: () => [...requests, ...answers] },
      attempt(inputs) {
        let from: Endpoint = rs;
        let room = 0;
        const transmit = (datagram: Uint8Array, to: Endpoint): void => {
          assert.deepEqual(to.address, from.address);
          room -= datagram.length;
        };
        const server = new StunAnswers({ clock: new VirtualTime(), transmit, transmitFromOtherPort: transmit });
        for (const [i, input] of inputs.entries()) {
          from = { address: input.length % 2 ? `203.0.113.${i}` : `2001:db8:${i}::1`, port: i };
          room = input.length;
          server.receive(input, from);
          assert(room >= 0, 'more was answered than came');
        }
        const dropped = [...server.drops.values()].reduce((sum, count) => sum + count, 0);
        assert.equal(server.answered + dropped, inputs.length);
      },
    }));

  it('a node that asks: any bytes from anybody -> it finds what is so, and all of it is counted or left to the tunnels', () =>
    fuzz({
      ...{ name: 'stun-node', runs: 5_000, batch: 100, longest: 200, live: () => [...requests, ...answers] },
      async attempt(inputs) {
        const world = new StunWorld();
        world.server(rs, 5);
        const discovery = new Discovery({
          ...{ runtime: world.runtime, trace: () => {}, part: 'node', ports: world.ports, send: world.send },
          onNews: () => {},
        });
        world.receive = (datagram, from) => void discovery.receive(datagram, from);
        discovery.observed(dc, world.outsideOf(dc), [{ name: 'rs', endpoints: [rs] }]);
        for (const [i, input] of inputs.entries()) {
          const before = discovery.strays;
          const isTaken = discovery.receive(input, i % 2 ? rs : { ...rs, port: 1_004 });
          assert.equal(discovery.strays - before, isTaken ? 1 : 0);
          if (i % 8 === 0) await pass(world.time, 10);
        }
        await pass(world.time, 3_000);
        assert.deepEqual(discovery.reach, {
          ...{ mapping: 'independent', reachable: true, relays: [{ name: 'rs', rttMs: 10 }] },
        });
        discovery.close();
        assert.equal(world.time.pendingCount, 0, 'a timer is left');
      },
    }));
});
