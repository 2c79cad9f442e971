/** Why a request was refused; the reason that the asker can act on, and nothing that helps a guesser. */
export const refusals = {
  'login-refused': 'unknown account, wrong password, unknown join key, disabled: not told apart',
  'login-limited': 'too many attempts, or too many logins at once',
  'key-expired': 'the join key is right, and its time is over',
  'key-used': 'the join key is right, was good once, and another node has used it',
  'key-name': 'the join key is right, and not for this node name',
  replaced: 'another program has logged in with the name',
  revoked: 'the AS has ended the session',
  'not-registered': 'no session, or none any more: log in again',
  'no-such-name': 'no account of this network owns the name or virtual address',
  'node-absent': 'the name exists, its node is not registered or does not answer; `addresses` are its own all the same',
  'node-unreachable': 'the node is registered, and refused the direction',
  'node-waking': 'the node was sent a push message, which may take it many seconds: ask again',
  'node-busy': 'the node has logged in a moment ago, or has not answered yet: ask again',
  'no-route': 'neither side can reach the other, and no relay server has room or may be used',
  'not-allowed': "the policy lets this node reach nothing there; `addresses` are the name's own all the same",
  'relay-quota': 'the account has used up what it may send through relays',
  'never-joined': 'nobody has joined by that name yet: it has no key that something could be sealed to',
  'cache-full': 'the quota of the receiver or of the sender, or the disk of the cache server, is used up',
  'too-large': 'more than the cache server takes at once',
  unavailable: 'a server that this one needs does not answer',
  malformed: 'the request makes no sense from this sender',
} as const;

export type RefusalCode = keyof typeof refusals;
export const refusalCodes = Object.keys(refusals) as RefusalCode[];

/** Why the AS ends sessions. */
export const revocationReasons = ['disabled', 'removed', 'password', 'join-key', 'node-removed'] as const;
export type RevocationReason = (typeof revocationReasons)[number];

/** And why the DC does: another program has logged in with the name. */
export const sessionEndReasons = [...revocationReasons, 'replaced'] as const;
export type SessionEndReason = (typeof sessionEndReasons)[number];
