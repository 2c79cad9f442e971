import { stay, type Movement, type World } from '../../support/handover-lab/movement';

/** Until the operating system notices. */
const UNNOTICED_MS = 8_000;

export const movement: Movement = {
  name: 'silent',
  about: 'Wi-Fi carries nothing any more, which nobody says for 8 s; LTE is there all the time',
  mn: ['wifi', 'lte'],
  cn: ['dual'],
  move: (world) => fallSilent(world, 'wifi'),
};

/** This network of the mobile node's, while it has joined another. */
export async function fallSilent({ mn, share }: World, network: string): Promise<number> {
  const times = Math.max(1, Math.round(2 * share));
  for (let i = 0; i < times; i++) {
    await stay();
    mn.leave(network, 'silent');
    await stay(UNNOTICED_MS);
    mn.leave(network);
    await stay();
    mn.join(network);
  }
  await stay();
  return times * 2;
}
