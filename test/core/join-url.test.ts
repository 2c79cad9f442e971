import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { formatJoinUrl, parseJoinUrl } from '../../core/join-url';

const publicKey = new Uint8Array(32).fill(0xfb);

describe('join URL', () => {
  for (const host of ['127.0.0.1', '::1', 'as.example.org']) {
    it(`written for ${host}: parsed -> the same parts`, () => {
      const parts = { host, port: 4433, publicKey, zone: 'ntm.internal' };
      assert.deepEqual(parseJoinUrl(formatJoinUrl(parts)), parts);
    });
  }

  it('with the port for TLS: parsed -> the same parts', () => {
    const parts = { host: 'as.example.org', port: 4433, publicKey, zone: 'ntm.internal', tlsPort: 443 };
    assert.deepEqual(parseJoinUrl(formatJoinUrl(parts)), parts);
  });

  it('without zone: parsed -> no zone', () => {
    assert.deepEqual(parseJoinUrl(formatJoinUrl({ host: 'a', port: 1, publicKey })), { host: 'a', port: 1, publicKey });
  });

  const key = Buffer.from(publicKey).toString('base64url');
  for (const [text, reason] of [
    ['', /is not a URL/],
    ['127.0.0.1:4433', /is not a URL|does not start/],
    [`http://a:1/?key=${key}`, /does not start with ntmobile/],
    [`ntmobile:///?key=${key}`, /names no host/],
    [`ntmobile://a/?key=${key}`, /names no port/],
    ['ntmobile://a:1/', /has no key/],
    [`ntmobile://a:1/?key=${key.slice(1)}`, /copied in full/],
    [`ntmobile://a:1/?key=${key}xyz`, /copied in full/],
    [`ntmobile://a:1/?key=${key}&zone=%00`, /zone= that is no name/],
    [`ntmobile://a:1/?key=${key}&zone=a..`, /zone= that is no name/],
    [`ntmobile://a:1/?key=${key}&tls=0`, /tls= that is no port/],
    [`ntmobile://a:1/?key=${key}&tls=65536`, /tls= that is no port/],
  ] as const) {
    it(`malformed "${text.slice(0, 24)}": parsed -> NTM_CONFIG with the reason`, () => {
      assert.throws(() => parseJoinUrl(text), { code: 'NTM_CONFIG', message: reason });
    });
  }
});
