import assert from 'node:assert/strict';
import { Log, type LogLevel } from '../../core/log';
import { noTrace, type TraceEvent } from '../../core/trace';

const joined: TraceEvent = { part: 'node a', event: 'logged in', fqdn: 'a.test', addresses: '198.18.0.1, fd00::1' };
const lost: TraceEvent = { part: 'node a', event: 'lost', reason: 'silence', why: 'the DC does not answer' };
const tunnel = (event: string, path: string): TraceEvent => ({ part: 'node a', event, peer: 'b.test', path });

/** What a log of `level` says of an error, a warning and an event of which info has something to tell. */
async function saidAt(level: LogLevel): Promise<string[]> {
  const said: string[] = [];
  const log = new Log(level, (line, of) => said.push(`${of}: ${line}`));
  const onWarning = ({ message }: Error): void => void said.push(`warning: ${message}`);
  process.on('warning', onWarning);
  log.error('refused');
  log.warning('cannot be written');
  log.tracing(noTrace)(lost);
  await new Promise(setImmediate);
  process.off('warning', onWarning);
  return said.sort();
}

/** The lines of level info. */
function toldOf(...events: TraceEvent[]): string[] {
  const told: string[] = [];
  const trace = new Log('info', (line) => told.push(line)).tracing(noTrace);
  for (const event of events) trace(event);
  return told;
}

describe('NTMOBILE_LOG', () => {
  it('each level -> says what the ones before it say, and more', async () => {
    const debug = 'debug: node a: lost {"reason":"silence","why":"the DC does not answer"}';
    const error = 'error: refused';
    const info = 'info: lost the network, joining again: the DC does not answer';
    const warning = 'warning: ntmobile: cannot be written';
    assert.deepEqual(await saidAt('silent'), []);
    assert.deepEqual(await saidAt('error'), [error]);
    assert.deepEqual(await saidAt('warn'), [error, warning]);
    assert.deepEqual(await saidAt('info'), [error, info, warning]);
    assert.deepEqual(await saidAt('debug'), [debug, error, info, warning]);
  });

  it('a level that says nothing of events -> the trace itself, at no cost', () => {
    assert.equal(new Log('warn', () => {}).tracing(noTrace), noTrace);
  });

  it('events that are told -> written to the trace, too', () => {
    const traced: TraceEvent[] = [];
    new Log('info', () => {}).tracing((event) => traced.push(event))(joined);
    assert.deepEqual(traced, [joined]);
  });

  it('joined, lost, joined again -> told each time', () => {
    assert.deepEqual(toldOf(joined, lost, joined), [
      'joined as a.test (198.18.0.1, fd00::1)',
      'lost the network, joining again: the DC does not answer',
      'the network is back: joined as a.test (198.18.0.1, fd00::1)',
    ]);
  });

  it('a tunnel that is made, rekeyed, moved and given up -> told once each, and of no rekeying', () => {
    const events = [tunnel('roamed', '1.1.1.1:1'), tunnel('established', '1.1.1.1:1')];
    const rekeyed = [tunnel('established', '1.1.1.1:1'), tunnel('roamed', '1.1.1.1:1')];
    const ended = [tunnel('roamed', '2.2.2.2:2'), tunnel('expired', '2.2.2.2:2'), tunnel('expired', '2.2.2.2:2')];
    assert.deepEqual(toldOf(...events, ...rekeyed, ...ended), [
      'tunnel with b.test made (1.1.1.1:1)',
      'route to b.test changed from 1.1.1.1:1 to 2.2.2.2:2',
      'tunnel with b.test over',
    ]);
  });

  it('servers are reached by another way -> told which', () => {
    const ways = (['tls', 'interface', 'udp'] as const).map((way) => ({ part: 'node a', event: 'way changed', way }));
    assert.deepEqual(toldOf(...ways), [
      'no UDP passes here: servers and relays are reached over TLS',
      'servers are silent: they are reached by another interface of this host',
      "servers are reached by UDP and this host's own way again",
    ]);
  });

  it('text of others with control characters -> one line, and nothing that moves a cursor', () => {
    assert.deepEqual(toldOf({ ...lost, why: 'a\r\nb\u001b[2Jc\u2028d' }), [
      'lost the network, joining again: a b [2Jc d',
    ]);
  });
});
