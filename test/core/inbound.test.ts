import assert from 'node:assert/strict';
import { Inbound } from '../../core/inbound';
import { parseInboundRules } from '../../core/inbound-rules';
import type { TraceEvent } from '../../core/trace';
import { VirtualTime } from '../support/virtual-time';

const own = Uint8Array.of(198, 18, 0, 1);
const alice = Uint8Array.of(198, 18, 0, 2);
const nobody = Uint8Array.of(198, 18, 0, 9);

function inboundWith(rules: string | undefined) {
  const time = new VirtualTime();
  const events: TraceEvent[] = [];
  const tunnels = new Map([[alice.join(), { fqdn: 'alice.zone.example' }]]);
  const asked: string[] = [];
  const parsed = rules === undefined ? undefined : parseInboundRules(rules);
  const inbound = new Inbound({
    rules: parsed && {
      admits: (fqdn, ...rest) => {
        asked.push(fqdn);
        return parsed.admits(fqdn, ...rest);
      },
    },
    clock: time,
    trace: (event) => events.push(event),
    part: 'node bob',
    isOwn: (address) => address === '198.18.0.1',
    isZone: (name) => name === 'zone.example',
    tunnelAt: (bytes, offset, length) => tunnels.get(bytes.subarray(offset, offset + length).join()),
  });
  return { time, events, tunnels, inbound, asked };
}

describe('who gets in', () => {
  it('rules for alice: alice, this node itself, an address without a tunnel -> the first two get in', () => {
    const { inbound } = inboundWith('alice.*:443/tcp');
    assert.equal(inbound.admits('tcp', alice, 0, 4, 443), true);
    assert.equal(inbound.admits('tcp', alice, 0, 4, 444), false);
    assert.equal(inbound.admits('udp', alice, 0, 4, 443), false);
    assert.equal(inbound.admits('tcp', own, 0, 4, 22), true);
    assert.equal(inbound.admits('tcp', nobody, 0, 4, 443), false);
  });

  it('the address gets another node -> what was decided for the one before is not for it', () => {
    const { inbound, tunnels, asked } = inboundWith('alice.*:443');
    for (let i = 0; i < 3; i++) assert.equal(inbound.admits('tcp', alice, 0, 4, 443), true);
    assert.deepEqual(asked, ['alice.zone.example'], 'the rules are asked once for each tunnel and port');
    tunnels.set(alice.join(), { fqdn: 'mallory.zone.example' });
    assert.equal(inbound.admits('tcp', alice, 0, 4, 443), false);
  });

  it('a policy for alice: what it permits and the rules admit -> gets in; changed -> at once; withdrawn -> the rules alone', () => {
    const { inbound } = inboundWith('alice.*:1-1000');
    const admits = (...ports: number[]) => ports.filter((port) => inbound.admits('tcp', alice, 0, 4, port));
    assert.equal(inbound.permit('alice.zone.example', ['443/tcp', '2000']), true);
    assert.deepEqual(admits(22, 443, 2000), [443], 'both must let it');
    assert.equal(inbound.admits('udp', alice, 0, 4, 443), false);
    assert.equal(inbound.permit('alice.zone.example', ['443/tcp', '2000']), false, 'nothing new');
    inbound.permit('alice.zone.example', ['22']);
    assert.deepEqual(admits(22, 443), [22]);
    inbound.permit('alice.zone.example', []);
    assert.deepEqual(admits(22, 443), []);
    inbound.permit('alice.zone.example', undefined);
    assert.deepEqual(admits(22, 443, 2000), [22, 443]);
  });

  it('neither rules nor a policy -> open, and nobody has to be asked; a policy for somebody -> no more', () => {
    const { inbound } = inboundWith(undefined);
    assert.equal(inbound.isOpen, true);
    inbound.permit('alice.zone.example', ['443']);
    assert.deepEqual([inbound.isOpen, inbound.admits('tcp', alice, 0, 4, 22)], [false, false]);
  });

  it('a flood of refusals -> all counted, one traced a second for each peer and port', () => {
    const { inbound, events, time } = inboundWith('carol.*:*');
    for (let i = 0; i < 500; i++) {
      inbound.refused('udp', alice, 0, 4, 53);
      inbound.refused('tcp', alice, 0, 4, 53);
    }
    time.advance(1_000);
    inbound.refused('udp', alice, 0, 4, 53);
    inbound.refused('udp', nobody, 0, 4, 53);
    assert.deepEqual(inbound.refusals, { tcp: 500, udp: 502 });
    const refused = { part: 'node bob', event: 'refused' };
    assert.deepEqual(events, [
      { ...refused, peer: 'alice.zone.example', protocol: 'udp', port: 53 },
      { ...refused, peer: 'alice.zone.example', protocol: 'tcp', port: 53 },
      { ...refused, peer: 'alice.zone.example', protocol: 'udp', port: 53 },
      { ...refused, peer: '198.18.0.9', protocol: 'udp', port: 53 },
    ]);
  });
});
