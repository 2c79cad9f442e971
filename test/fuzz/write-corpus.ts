/**
 * Writes the real inputs of the corpus: `node dist/test/fuzz/write-corpus.js`, after a change of the formats.
 * What is there already and has another name stays, as inputs do that once broke something.
 */
import { encodeBody } from '../../core/wire/codec';
import { frame } from '../../core/wire/frames';
import { Seal, writeHeader } from '../../core/wire/header';
import { messages, type MessageName } from '../../core/wire/messages';
import { sampleBodies } from '../support/sample-messages';
import { saveInput } from './corpus';

const names = Object.keys(messages) as MessageName[];
const key = 'ERERERERERERERERERERERERERERERERERERERERERE';
const url = `ntmobile://192.0.2.1:4000/?key=${key}&zone=ntm.test`;

for (const [i, name] of names.entries()) {
  saveInput('body', name, Buffer.concat([Uint8Array.of(i), encodeBody(sampleBodies[name])]));
}
for (const seal of [Seal.none, Seal.secret, Seal.box]) {
  const meaning = { version: 1, seal, role: 1, response: seal === Seal.none, type: seal + 1, transaction: 5n } as const;
  saveInput('header', Seal[seal], writeHeader({ ...meaning, keyId: new Uint8Array(8).fill(0xa0) }));
}
const frames = [1, 20, 200].map((length) => frame(new Uint8Array(length).fill(length)));
saveInput('frames', 'one', Buffer.concat([Uint8Array.of(200), frames[1]!]));
saveInput('frames', 'three-in-pieces', Buffer.concat([Uint8Array.of(6), ...frames]));
saveText('addresses', {
  ipv4: '198.18.0.1',
  ipv6: '2001:db8:0:1:1:1:1:1',
  zeros: 'fd00::1',
  mapped: '::ffff:192.0.2.1',
  zone: 'fe80::1%eth0',
  name: 'Alice.ntm.internal.',
});
saveText('join-url', {
  ipv4: url,
  ipv6: `ntmobile://[2001:db8::1]:1/?key=${key}=`,
  name: url.replace('192.0.2.1', 'as.example'),
});
saveText('settings', {
  settings: JSON.stringify({ as: url, account: 'alice', password: 'p', domains: ['ntm.test'], required: true }),
  lists: JSON.stringify({ as: url, account: 'bob', password: 'p', node: 'w-1', domains: 'a.b,c.d', route: 'relay' }),
  state: JSON.stringify({
    secretKey: Buffer.alloc(32, 1).toString('base64'),
    domains: ['a.b'],
    networks: ['10.0.0.0/8'],
  }),
});

function saveText(target: string, texts: Record<string, string>): void {
  for (const [name, text] of Object.entries(texts)) saveInput(target, name, Buffer.from(text));
}
