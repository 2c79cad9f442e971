/** When paths are probed. First those of which nothing is known. */

/** After the first round. Both nodes begin within a one-way trip of each other. */
export const ROUNDS_MS = [20, 40, 80, 160, 320, 640, 1_280, 2_560] as const;
/** A direct path works by then: the others have had their chance. */
export const SETTLED_ROUND = 4;
/** A tunnel that stays on its relay looks again: a NAT was restarted, a firewall changed. */
export const AGAIN_MS = 60_000;
/** While no path answers, and somebody waits: the network may be back at any moment. */
export const STUCK_AGAIN_MS = 1_000;
export const STUCK_LIMIT_MS = 600_000;
/** Why no path answers is asked the DC so often. */
export const STUCK_MS = 10_000;

/** Those that work, while packets flow. */
export const MEASURE_MS = 2_000;
/** Of one path, in return for the peer's probes. */
export const IN_RETURN_MS = 20;
/** A path that is not used is held ready while the tunnel is. */
export const ACTIVE_MS = 60_000;
