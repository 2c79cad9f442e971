import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { TakenItemsFile } from '../../core/taken-items';
import { temporaryDirectory } from '../support/paths';
import { VirtualTime } from '../support/virtual-time';

describe('items that were taken', () => {
  let dir: string;
  let path: string;
  const time = new VirtualTime();
  const failures: Error[] = [];
  const open = () => new TakenItemsFile(path, time, (error) => failures.push(error));
  const later = (ms: number): number => time.wallTimeMs() + ms;

  beforeEach(() => {
    dir = temporaryDirectory();
    path = join(dir, 'state', 'alice.taken');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('added: opened again -> known, of that sender only; nobody else can read the file', () => {
    open().add('alice.a', 'id', later(1_000));
    assert.equal(open().has('alice.a', 'id'), true);
    assert.equal(open().has('bob.a', 'id'), false);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(dir, 'state')).mode & 0o777, 0o700);
    assert(!readFileSync(path, 'latin1').includes('alice'), 'who sent what is not in the clear');
  });

  it('a crash has cut the last line: opened, added -> the whole ones and the new one are known', () => {
    open().add('alice.a', 'one', later(1_000));
    appendFileSync(path, '17000');
    const again = open();
    assert.equal(again.has('alice.a', 'one'), true);
    again.add('alice.a', 'two', later(1_000));
    for (const id of ['one', 'two']) assert.equal(open().has('alice.a', id), true, id);
  });

  it('its time is over, or nonsense in the file: opened -> forgotten, and the file is tidied', () => {
    open().add('alice.a', 'old', later(10));
    appendFileSync(path, 'nonsense\n');
    time.advance(20);
    const again = open();
    assert.equal(again.has('alice.a', 'old'), false);
    assert.equal(readFileSync(path, 'latin1'), '');
  });

  it('the directory cannot be written -> known all the same, and told once', () => {
    mkdirSync(join(dir, 'state'));
    rmSync(join(dir, 'state'), { recursive: true });
    writeFileSync(join(dir, 'state'), 'a file where the directory should be');
    const taken = open();
    taken.add('alice.a', 'one', later(1_000));
    taken.add('alice.a', 'two', later(1_000));
    assert.equal(taken.has('alice.a', 'two'), true);
    assert.equal(failures.length, 1);
  });
});
