/** A node's membership on a simulated host, with nothing around it; what it tells is written down. */
import type { NtmError } from '../../core/errors';
import { Membership } from '../../core/negotiation/membership';
import type { Runtime } from '../../core/runtime';
import { noTrace } from '../../core/trace';
import type { Endpoint } from '../../core/wire/addresses';
import { Signalling } from '../../core/wire/signalling';
import type { FakeServers } from './fake-servers';

export interface MembershipSettings {
  readonly servers: FakeServers;
  readonly told: string[];
  password(): string;
  /** Default: the true one. */
  readonly accountServerKey?: Uint8Array;
}

export async function openMembership(
  runtime: Runtime,
  { servers, told, password, accountServerKey = servers.identity.publicKey }: MembershipSettings,
): Promise<Membership> {
  const { clock, timers, random } = runtime;
  const port = await runtime.openDatagramPort({
    family: 4,
    onDatagram: (datagram, from) => signalling.receive(datagram, from),
    onSendError: () => {},
  });
  const signalling: Signalling<Endpoint> = new Signalling<Endpoint>({
    ...{ party: 'node', part: 'node', clock, timers, random, trace: noTrace },
    transmit: (datagram, to) => port.send(datagram, to),
  });
  const { address: host, port: accountServerPort } = servers.accountServer;
  return new Membership({
    ...{ runtime, trace: noTrace, part: 'node', signalling, password },
    accountServer: { host, port: accountServerPort, publicKey: accountServerKey },
    ...{ account: 'alice', node: null, publicKey: new Uint8Array(32), route: 'auto', byJoinKey: false },
    hostEndpoints: () => [port.local],
    onConfiguration: ({ fqdn }) => told.push(`configured ${fqdn}`),
    onJoined: (fqdn) => told.push(`joined ${fqdn}`),
    onFailed: (error) => told.push(`failed ${(error as NtmError).code}`),
    onRevoked: ({ code }) => told.push(`revoked ${code}`),
    onNotification: () => told.push('notified'),
    onPushRefused: (why) => told.push(`push ${why}`),
    onMoved: () => told.push('moved'),
  });
}
