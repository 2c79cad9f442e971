import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeProtocol } from '../../../core/wire/describe';
import { messages } from '../../../core/wire/messages';
import { projectRoot } from '../../support/paths';

describe('protocol document', () => {
  it('PROTOCOL.md: compared with the message table -> the same; else run `npm run protocol`', () => {
    assert.equal(readFileSync(join(projectRoot, 'PROTOCOL.md'), 'utf8'), describeProtocol());
  });

  it('every message: described -> its fields have types that a reader can use', () => {
    const text = describeProtocol();
    for (const { title } of Object.values(messages)) assert.ok(text.includes(` ${title}\n`), title);
    assert.doesNotMatch(text, /undefined|\[object|\| \? \|/);
  });

  it('message types: compared -> no number is given twice', () => {
    const types = Object.values(messages).map(({ type }) => type);
    assert.equal(new Set(types).size, types.length);
  });
});
