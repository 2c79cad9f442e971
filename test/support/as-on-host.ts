/** The same program with and without the shim: Node's own behaviour on the host is the oracle of the shim's. */
import assert from 'node:assert';
import { run } from './run-program';

/** What a program does with two sockets, with `HOST` for the peer; said in terms that hold for any network. */
type Program = () => unknown;

/** The same program towards the host's loopback without the shim: what Node itself does. */
async function asOnTheHost(program: Program, type: 'udp4' | 'udp6'): Promise<unknown[]> {
  const hosts = { udp4: '127.0.0.1', udp6: '::1' };
  const onHost = await run(program, { plain: true, env: { HOST: hosts[type], TYPE: type } });
  const onVirtual = await run(program, { env: { HOST: 'b.test.ntm', TYPE: type } });
  assert.deepStrictEqual(onVirtual, onHost);
  return onVirtual;
}

export const bothFamilies = (title: string, program: Program, check: (said: unknown[]) => void = () => {}): void => {
  for (const type of ['udp4', 'udp6'] as const) {
    it(`${type}, ${title}`, async () => {
      const said = await asOnTheHost(program, type);
      assert.notStrictEqual(said.length, 0);
      check(said);
    });
  }
};
