/** When paths are probed of which nothing is known. */

/** After the first round. Both nodes begin within a one-way trip of each other. */
export const ROUNDS_MS = [20, 40, 80, 160, 320, 640, 1_280, 2_560] as const;
/** A direct path works by then: the others have had their chance. */
export const SETTLED_ROUND = 4;
/** A tunnel that stays on its relay looks again: a NAT was restarted, a firewall changed. */
export const AGAIN_MS = 60_000;
/** While no path answers, and somebody waits: the network may be back at any moment. */
export const STUCK_AGAIN_MS = 1_000;
export const STUCK_LIMIT_MS = 600_000;
