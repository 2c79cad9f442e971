import { stay, type Movement } from '../../support/handover-lab/movement';

export const movement: Movement = {
  name: 'make-before-break',
  about: 'LTE is there all the time; Wi-Fi, which is preferred, comes and goes, by every way that a network may go',
  mn: ['wifi', 'lte'],
  cn: ['dual'],
  async move({ mn, say, share }) {
    const ways = (['link down', 'carrier lost', 'address removed', 'route removed'] as const).slice(
      0,
      Math.max(1, 4 * share),
    );
    for (const how of ways) {
      await stay();
      say(`Wi-Fi: ${how}`);
      mn.leave('wifi', how);
      await stay();
      mn.join('wifi');
    }
    await stay();
    return ways.length * 2;
  },
};
