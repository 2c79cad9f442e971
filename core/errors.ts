/**
 * Errors with a stable `NTM_*` code. An app sees a Node-shaped error whose `cause` is one of these;
 * an operator sees the message. A message says what happened and what to do, and never holds a secret.
 */
export type NtmErrorCode =
  | 'NTM_CONFIG' // a setting is missing or malformed
  | 'NTM_AS_UNREACHABLE' // no answer from the account server
  | 'NTM_AS_KEY' // something answers there, but does not hold the key in NTMOBILE_AS
  | 'NTM_LOGIN_REFUSED' // unknown account or wrong password; which of the two is not told
  | 'NTM_LOGIN_LIMITED' // too many attempts
  | 'NTM_JOIN_KEY' // the join key has expired, was used by another node, or is not for this node name
  | 'NTM_REPLACED' // another program has logged in with this node's name
  | 'NTM_REVOKED' // the operator has ended this node's session
  | 'NTM_NODE_REVOKED' // the operator has ended the correspondent node's session
  | 'NTM_DC_UNREACHABLE' // no answer from the direction coordinator
  | 'NTM_NOT_REGISTERED' // the DC does not know this node's session (any more)
  | 'NTM_NO_SUCH_NAME' // no account owns this FQDN
  | 'NTM_NODE_ABSENT' // the name exists, its node is not registered
  | 'NTM_NOT_ALLOWED' // the network's policy lets this node reach nothing at the other
  | 'NTM_NODE_UNREACHABLE' // the node is registered but the tunnel could not be constructed
  | 'NTM_NO_ROUTE' // the two nodes share no IP version and no relay serves both
  | 'NTM_NEVER_JOINED' // nobody has joined as this name yet, so there is no key to seal an item to
  | 'NTM_CACHE_UNREACHABLE' // no answer from the cache server, or there is none
  | 'NTM_CACHE_FULL' // the receiver's quota, the sender's, or the cache server's disk
  | 'NTM_TOO_LARGE' // more than the cache server takes at once
  | 'NTM_PROTOCOL' // the other side broke the protocol
  | 'NTM_CLOSED'; // this node was closed

export class NtmError extends Error {
  override readonly name = 'NtmError';
  constructor(
    readonly code: NtmErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
