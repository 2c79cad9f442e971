/**
 * Login of a node (Figure 4 steps 2 to 8): configuration from the AS, then authentication.
 *
 *   node -> AS  Configuration Request   boxed to the AS's pinned key; the only message that holds the password
 *   AS -> node  Configuration Response  with a challenge, under the key of that box
 *   node -> AS  Login Request           the challenge and the node's public key
 *   AS -> node  Login Response          the MN-DC key and where the DC is
 */
import { isIPv6 } from 'node:net';
import { NtmError } from '../errors';
import type { Random } from '../runtime';
import type { Endpoint } from '../wire/addresses';
import { generateKeyPair, sharedKey } from '../wire/keys';
import type { Body, Message } from '../wire/messages';
import { Refused, Unanswered, whyUnsent } from '../wire/outcomes';
import type { Peer } from '../wire/peers';
import type { Signalling } from '../wire/signalling';

export interface LoginOptions {
  readonly signalling: Signalling<Endpoint>;
  readonly random: Random;
  readonly accountServer: Endpoint;
  readonly accountServerKey: Uint8Array;
  readonly account: string;
  readonly node: string | null;
  /** Or the join key, with which account and password are not needed. */
  readonly password: string;
  readonly byJoinKey: boolean;
  /** Of this program, 8 bytes. */
  readonly instance: Uint8Array;
  /** Only when no other program has the name now. */
  readonly yielding: boolean;
  /** WireGuard static public key of this node. */
  readonly publicKey: Uint8Array;
  onConfiguration(configuration: Body<'configurationResponse'>): void;
}

export interface LoginResult {
  readonly fqdn: string;
  readonly coordinator: Peer;
  readonly coordinatorEndpoints: readonly Endpoint[];
  /** And over TLS. */
  readonly coordinatorStreams: readonly Endpoint[];
}

/** Rejects with NtmError: NTM_AS_UNREACHABLE, NTM_AS_KEY, NTM_LOGIN_REFUSED, NTM_LOGIN_LIMITED, NTM_JOIN_KEY, NTM_REPLACED, NTM_DC_UNREACHABLE. */
export async function login(options: LoginOptions): Promise<LoginResult> {
  const { signalling, accountServer, publicKey, instance, yielding } = options;
  const contact = signalling.firstContact(accountServer, firstMessage(options), generateKeyPair(options.random), {
    publicKey: options.accountServerKey,
    party: 'as',
    name: 'as',
  });
  try {
    const configuration = expectMessage(await contact.answer, 'configurationResponse');
    options.onConfiguration(configuration);
    const body = { challenge: configuration.challenge, publicKey, instance, ...(yielding && { yielding }) };
    const answer = await signalling.request(contact.peer, accountServer, { name: 'loginRequest', body });
    const { coordinator, endpoints, key, streams = [] } = expectMessage(answer, 'loginResponse');
    return {
      fqdn: configuration.fqdn,
      coordinator: signalling.addPeer({ key: sharedKey(key, 0), party: 'dc', name: coordinator }),
      // The IP version that has just worked first.
      coordinatorEndpoints: endpoints.sort((a, b) => differs(a, accountServer) - differs(b, accountServer)),
      coordinatorStreams: streams,
    };
  } catch (error) {
    throw loginError(error, options);
  } finally {
    signalling.removePeer(contact.peer);
  }
}

/** In IP version: 0 or 1. */
function differs(a: Endpoint, b: Endpoint): number {
  return Number(isIPv6(a.address) !== isIPv6(b.address));
}

function firstMessage({ account, node, password, byJoinKey }: LoginOptions): Message {
  return byJoinKey
    ? { name: 'joinRequest', body: { key: password, node } }
    : { name: 'configurationRequest', body: { account, node, password } };
}

export function expectMessage<N extends Message['name']>(message: Message, name: N): Body<N> {
  if (message.name !== name) throw new NtmError('NTM_PROTOCOL', `answered with ${message.name} instead of ${name}`);
  return message.body;
}

function loginError(error: unknown, { account, node, byJoinKey }: LoginOptions): Error {
  if (error instanceof Unanswered && error.keyUnknown) {
    return new NtmError(
      'NTM_AS_KEY',
      'the account server does not have the key in NTMOBILE_AS: wrong key, or an old one',
    );
  }
  if (error instanceof Unanswered) {
    const what = `no answer from the account server in NTMOBILE_AS${whyUnsent(error)}`;
    return new NtmError('NTM_AS_UNREACHABLE', `${what}: is it running, and is this host connected?`);
  }
  if (!(error instanceof Refused)) return error as Error;
  switch (error.refusal) {
    case 'login-refused':
      if (byJoinKey)
        return new NtmError('NTM_LOGIN_REFUSED', 'the join key in NTMOBILE_JOIN_KEY is not valid (any more)');
      return new NtmError(
        'NTM_LOGIN_REFUSED',
        `login of account '${account}' refused: unknown account or wrong password (NTMOBILE_ACCOUNT, NTMOBILE_PASSWORD)`,
      );
    case 'login-limited':
      return new NtmError('NTM_LOGIN_LIMITED', `too many login attempts for account '${account}': wait a minute`);
    case 'key-expired':
      return new NtmError('NTM_JOIN_KEY', 'the join key has expired for nodes that have not joined by it before');
    case 'key-used':
      return new NtmError(
        'NTM_JOIN_KEY',
        'the join key was good once, and another node has used it: it needs a new one',
      );
    case 'key-name':
      return new NtmError('NTM_JOIN_KEY', `the join key is not for ${nodeText(node)}: see NTMOBILE_NODE`);
    case 'replaced':
      return replaced();
    case 'unavailable':
      return new NtmError('NTM_DC_UNREACHABLE', 'the account server cannot reach the direction coordinator now');
    default:
      return new NtmError('NTM_PROTOCOL', `login refused: ${error.refusal}`);
  }
}

function nodeText(node: string | null): string {
  return node === null ? 'a node without a name' : `a node named '${node}'`;
}

export function replaced(): NtmError {
  const cure = 'give each program a name of its own with NTMOBILE_NODE';
  return new NtmError(
    'NTM_REPLACED',
    `another program has logged in with the name of this node, and has it now: ${cure}`,
  );
}
