import assert from 'node:assert/strict';
import { connectionServices, decodeActionAnswer, encodeAction } from '../../../../core/reach/port-mapping/igd';
import { decodeNotice, decodeSearchAnswer } from '../../../../core/reach/port-mapping/ssdp';
import { description, fault } from '../../../support/fake-router';

const ROUTER = '192.168.0.1';
const LOCATION = new URL('http://192.168.0.1:5000/root.xml');
const controls = (xml: string): string[] =>
  connectionServices(xml, ROUTER, LOCATION).map(({ type, control }) => `${type.split(':service:')[1]} ${control.href}`);
const answer = (...lines: string[]): Uint8Array => Buffer.from(['HTTP/1.1 200 OK', ...lines, '', ''].join('\r\n'));
const ST = 'ST: urn:schemas-upnp-org:device:InternetGatewayDevice:2';

describe('UPnP-IGD messages', () => {
  it('description: read -> where connections are controlled', () => {
    assert.deepEqual(controls(description(2)), ['WANIPConnection:2 http://192.168.0.1:5000/ctl/IPConn']);
    assert.deepEqual(controls(description(1, 'http://192.168.0.1:81/c?x=1')), [
      'WANIPConnection:1 http://192.168.0.1:81/c?x=1',
    ]);
  });

  it('description that leads elsewhere: read -> nothing is found', () => {
    for (const control of [
      'http://192.168.0.99/',
      'http://localhost/',
      'https://192.168.0.1/',
      'file:///etc/passwd',
      '//127.0.0.1/x',
      'http://192.168.0.1@127.0.0.1/',
      'http://u:p@192.168.0.1/',
      `/${'x'.repeat(600)}`,
    ]) {
      assert.deepEqual(controls(description(2, control)), [], control);
    }
    const elsewhere = description(2).replace('<device>', '<URLBase>http://10.9.9.9/</URLBase><device>');
    assert.deepEqual(controls(elsewhere), ['WANIPConnection:2 http://192.168.0.1:5000/ctl/IPConn']);
  });

  it('description: cut anywhere, too deep, too many services, entities of its own -> what was read, and no more', () => {
    const whole = description(2);
    for (let length = 0; length < whole.length; length += 7) assert.ok(controls(whole.slice(0, length)).length <= 1);
    assert.deepEqual(controls('<a>'.repeat(40_000) + whole), []);
    assert.deepEqual(controls('<a/>'.repeat(10_000) + whole), []);
    const service = /<service><serviceType>[^<]*WANIP[\s\S]*?<\/service>/.exec(whole)![0];
    assert.equal(controls(`<r>${service.repeat(50)}</r>`).length, 4);
    const lol = '<!DOCTYPE r [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><r>&b;&b;</r>';
    assert.deepEqual(controls(lol), []);
  });

  it('action: written -> values cannot break out', () => {
    const body = encodeAction('urn:x', 'AddPortMapping', { NewPortMappingDescription: '</x>&"' });
    assert.match(body, /<u:AddPortMapping xmlns:u="urn:x"><NewPortMappingDescription>&#60;\/x&#62;&#38;&#34;</);
  });

  it('answer to an action: read -> values, or the error; of another action -> none', () => {
    const done =
      '<s:Envelope><s:Body><m:AddAnyPortMappingResponse><NewReservedPort>7</NewReservedPort></m:AddAnyPortMappingResponse></s:Body></s:Envelope>';
    const read = decodeActionAnswer(done, 'AddAnyPortMapping');
    assert.deepEqual([read?.error, read?.values.get('newreservedport')], [undefined, '7']);
    assert.equal(decodeActionAnswer(fault(718).body, 'AddPortMapping')?.error, 718);
    assert.equal(decodeActionAnswer(done, 'AddPortMapping'), undefined);
    assert.equal(decodeActionAnswer('<html>not here</html>', 'AddPortMapping'), undefined);
  });

  it('answer to a search: only of a gateway device, described by the router itself', () => {
    const at = (location: string): string | undefined =>
      decodeSearchAnswer(answer(ST, `Location: ${location}`), ROUTER)?.location.href;
    assert.equal(at('http://192.168.0.1:5000/root.xml'), LOCATION.href);
    for (const location of [
      'http://192.168.0.2/x',
      'http://router.example/x',
      'http://127.0.0.1/',
      'ftp://192.168.0.1/',
      'http://192.168.0.1:0/',
      'http://[::1]/',
      '/relative',
      '',
    ]) {
      assert.equal(at(location), undefined, location);
    }
    assert.equal(decodeSearchAnswer(answer('ST: upnp:rootdevice', `Location: ${LOCATION.href}`), ROUTER), undefined);
    const long = answer(ST, `Location: ${LOCATION.href}`, `X: ${'x'.repeat(2_100)}`);
    assert.equal(decodeSearchAnswer(long, ROUTER), undefined);
  });

  it('notice: read -> what it says, or none', () => {
    const notice = (...lines: string[]): Uint8Array =>
      Buffer.from(['NOTIFY * HTTP/1.1', ...lines, '', ''].join('\r\n'));
    assert.deepEqual(decodeNotice(notice('NTS:ssdp:alive', 'LOCATION: http://x/', 'BOOTID.UPNP.ORG: 3')), {
      ...{ is: 'alive', location: 'http://x/', bootId: '3' },
    });
    assert.equal(decodeNotice(notice('NTS: ssdp:update')), undefined);
    assert.equal(decodeNotice(answer('NTS: ssdp:alive')), undefined);
  });
});
