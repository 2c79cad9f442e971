/** Constants of the WireGuard protocol (Donenfeld, "WireGuard", 2017, section 6.1), then those of this implementation. */

export const REKEY_AFTER_TIME_MS = 120_000;
export const REJECT_AFTER_TIME_MS = 180_000;
export const REKEY_ATTEMPT_TIME_MS = 90_000;
export const REKEY_TIMEOUT_MS = 5_000;
export const KEEPALIVE_TIMEOUT_MS = 10_000;
export const COOKIE_LIFETIME_MS = 120_000;
/**
 * The paper's figures are 2^60 and 2^64 - 2^13 - 1. A counter here is a JavaScript number, exact up to 2^53:
 * at a million packets a second the lower limit is still 142 years away from a session that lives 180 s.
 */
export const REKEY_AFTER_MESSAGES = 2 ** 52;
export const REJECT_AFTER_MESSAGES = 2 ** 53 - 1;

export const CONSTRUCTION = 'Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s';
export const IDENTIFIER = 'WireGuard v1 zx2c4 Jason@zx2c4.com';
export const LABEL_MAC1 = 'mac1----';
export const LABEL_COOKIE = 'cookie--';

/** Works on every path: IPv6's minimum MTU of 1,280 less the outer IPv6, UDP and WireGuard headers (40 + 8 + 32). */
export const LEAST_MTU = 1_200;

export const KEY_LENGTH = 32;
export const TAG_LENGTH = 16;
export const PADDING = 16;
/** The longest inner packet: a UDP datagram over IPv4 (65,507) less a transport message's own 32, padding included. */
export const PACKET_LIMIT = 65_472;

/** Spreads the retransmissions of two sides that started together (as the Linux implementation does). */
export const REKEY_JITTER_MS = 333;
/**
 * Waits between the first Tunnel Requests of a tunnel that has no session yet. The protocol's own 5 s would let one
 * lost datagram delay a connect by as much; both sides were just introduced, so these few are expected there.
 */
export const CONSTRUCTION_RETRIES_MS = [250, 500, 1_000, 2_000] as const;
/** A connect that waits for the tunnel is told after this long; the attempts go on to REKEY_ATTEMPT_TIME. */
export const UNANSWERED_MS = 5_000;
/** Packets kept while a tunnel has no session; the oldest gives way. */
export const STAGED_LIMIT = 128;
/** Initiations of one peer that are answered: one in this time (as wireguard-go's HandshakeInitationRate). */
export const INITIATION_INTERVAL_MS = 20;
/** More initiations than this in a second, from anywhere, and senders must prove their address by a cookie. */
export const LOAD_INITIATIONS_PER_SECOND = 200;
