import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeProtocol } from '../../../core/wire/describe';
import { figures } from '../../../core/wire/figures';
import type { PaperStep } from '../../../core/wire/message-spec';
import { messages } from '../../../core/wire/messages';
import { projectRoot } from '../../support/paths';
import { sampleBodies } from '../../support/sample-messages';

const text = describeProtocol(sampleBodies);

describe('protocol document', () => {
  it('PROTOCOL.md: compared with the tables -> the same; else run `npm run protocol`', () => {
    assert.equal(readFileSync(join(projectRoot, 'PROTOCOL.md'), 'utf8'), text);
  });

  it('every message: described -> its fields have types that a reader can use, and its bytes are there', () => {
    for (const { title } of Object.values(messages)) assert.ok(text.includes(` ${title}\n`), title);
    assert.doesNotMatch(text, /undefined|\[object|\| \? \|/);
    const dumps = text.split('<details>').length - 1;
    assert.ok(dumps >= Object.keys(messages).length, String(dumps));
  });

  it('message types: compared -> no number is given twice', () => {
    const types = Object.values(messages).map(({ type }) => type);
    assert.equal(new Set(types).size, types.length);
  });

  it("a message's steps: looked up in the figures -> the step is there, between such parts, with this message", () => {
    for (const { title, steps } of Object.values(messages)) {
      for (const { figure, step, from, to } of steps as readonly PaperStep[]) {
        const row = figures.find(({ number }) => number === figure)?.steps.find((each) => each.step === step);
        const found = row && { what: row.what, from: partyOf(row.from), to: partyOf(row.to) };
        assert.deepEqual(found, { what: title, from, to }, `Figure ${figure} step ${step}`);
      }
    }
  });

  it('the figures: their steps -> are numbered without a gap, and come after steps that are there', () => {
    for (const { number, steps, parts } of figures) {
      assert.deepEqual(
        steps.map(({ step }) => step),
        steps.map((_, i) => i + 1),
      );
      for (const { step, from, to, after } of steps) {
        assert.ok(parts.includes(from) && parts.includes(to), `Figure ${number} step ${step}: its parts`);
        for (const before of after) {
          const { from: begun, to: ended } = steps[before - 1]!;
          assert.ok([begun, ended].includes(from), `Figure ${number}: ${from} has no part in step ${before}`);
        }
      }
    }
  });
});

function partyOf(part: string): string {
  const [kind] = part.split('_');
  return kind === 'MN' || kind === 'CN' ? 'node' : kind!.toLowerCase();
}
