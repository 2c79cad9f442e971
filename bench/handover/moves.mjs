/**
 * The scenarios: where the mobile host is at the beginning, and its moves. `prepare` comes before each move, and is not
 * measured; `move` resolves when the last thing has happened that belongs to it. Before a move of `isBrisk` there is no
 * second of quiet.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a host has both networks in a handover that the old one outlives. */
const BOTH_UP_MS = 1_000;
/** Phones ask a server of their vendor's whether a network leads anywhere, and take longer to give it up. */
const NOTICED_MS = 5_000;
const OUTAGE_MS = 3_000;

const between = (a, b) => (i) => (i % 2 === 0 ? [a, b] : [b, a]);

/** The interface of the one network goes down, and the other one is there. */
function byEvent(a, b) {
  const way = between(a, b);
  return {
    networks: [a],
    move(world, i) {
      const [leave, join] = way(i);
      world.change({ leave, join });
    },
  };
}

export const SCENARIOS = {
  'link event': {
    about: "Wi-Fi (a home's NAT) <-> LTE (a carrier's NAT): the first goes down as the second comes up",
    ...byEvent('wifi', 'lte'),
  },
  'both up': {
    about: 'Wi-Fi <-> LTE: the default route changes, a second later the old network goes away',
    networks: ['wifi'],
    async prepare(world, i) {
      if (i % 2 === 0) world.change({ join: 'lte' }); // its route comes after that of Wi-Fi
    },
    async move(world, i) {
      if (i % 2 === 0) world.prefersOthersTo('wifi');
      else world.change({ join: 'wifi' });
      await sleep(BOTH_UP_MS);
      world.change({ leave: i % 2 === 0 ? 'wifi' : 'lte' });
    },
  },
  silence: {
    about: 'Wi-Fi drops everything, without any event, while LTE is up; after 5 s the host gives Wi-Fi up',
    networks: ['wifi', 'lte'],
    async prepare(world, i) {
      if (i === 0) return;
      world.change({ join: 'wifi' });
    },
    async move(world) {
      world.change({ leave: 'wifi', how: 'silent' });
      await sleep(NOTICED_MS);
      world.change({ leave: 'wifi' });
    },
  },
  'to a NAT': {
    about: "a global address <-> a private one behind a home's NAT (the paper's case)",
    ...byEvent('wired', 'wifi'),
  },
  'IPv6-only': {
    about: 'Wi-Fi (IPv4) <-> a network that has IPv6 alone',
    ...byEvent('wifi', 'ipv6'),
  },
  'both ends': {
    about: 'Wi-Fi <-> LTE, and at the same moment the correspondent changes its network and addresses',
    networks: ['wifi'],
    move(world, i) {
      const [leave, join] = between('wifi', 'lte')(i);
      const [from, to] = between('home', 'away')(i);
      world.correspondent.change(from, to);
      world.change({ leave, join });
    },
  },
  random: {
    about:
      'any of three networks to any other, with an event, both up, by a lost address, or after up to 3 s of nothing',
    isBrisk: true,
    networks: ['wifi'],
    async move(world, i, random) {
      const [leave] = world.mobile.joined;
      const others = ['wifi', 'lte', 'wired'].filter((name) => name !== leave);
      const join = others[Math.floor(random() * others.length)];
      const kinds = [
        () => world.change({ leave, join }),
        () => world.change({ leave, how: 'address removed', join }),
        async () => {
          world.change({ join });
          await sleep(random() * BOTH_UP_MS);
          world.change({ leave });
        },
        async () => {
          world.change({ leave });
          await sleep(random() * OUTAGE_MS);
          world.change({ join });
        },
      ];
      await kinds[Math.floor(random() * kinds.length)]();
    },
  },
};
