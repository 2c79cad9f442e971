/** An AS and a DC that follow a script: just enough of both to see what a node makes of their answers. */
import { noTrace } from '../../core/trace';
import type { DatagramPort } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import { generateKeyPair, sharedKey, type KeyPair } from '../../core/wire/keys';
import type { Body, Message, RefusalCode } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { Peer } from '../../core/wire/peers';
import { Signalling } from '../../core/wire/signalling';
import type { SimulatedNetwork } from './simulated-network';

export const addresses = { ipv4: '198.18.0.2', ipv6: 'fd00::2' };

export class FakeServers {
  readonly accountServer: Endpoint = { address: '192.0.2.1', port: 4500 };
  readonly coordinator: { address: string; port: number } = { address: '192.0.2.2', port: 4501 };
  readonly identity: KeyPair;
  /** What the DC received, in order. */
  readonly received: string[] = [];
  /** The passwords of the logins that the AS looked at. */
  readonly passwords: string[] = [];
  refuseLogin: RefusalCode | undefined;
  answerDirection: (target: string) => Message | RefusalCode = () => 'no-such-name';
  notification: Body<'registrationResponse'>['notification'] = null;
  /** Where else the AS says the DC to be, before the place where it is. */
  alsoAt: Endpoint[] = [];
  private as!: Signalling<Endpoint>;
  private dc!: Signalling<Endpoint>;
  private readonly ports: DatagramPort[] = [];
  private nodes: Peer[] = [];
  private sessions = 0;

  constructor(private readonly network: SimulatedNetwork) {
    this.identity = generateKeyPair(network.host('192.0.2.9', 9).random);
  }

  async start(): Promise<void> {
    this.as = await this.open(this.accountServer, 'as', 1, this.identity);
    this.dc = await this.open(this.coordinator, 'dc', 2);
    this.as.handle('configurationRequest', ({ account, password }, { peer }) => {
      this.passwords.push(password);
      if (this.refuseLogin) throw new Refused(this.refuseLogin);
      this.as.addPeer({ ...peer, name: account });
      const fqdn = `${account}.ntm.internal`;
      const body = { fqdn, domains: ['ntm.internal'], networks: ['198.18.0.0/16'], challenge: new Uint8Array(16) };
      return { name: 'configurationResponse', body };
    });
    this.as.handle('loginRequest', () => {
      const key = new Uint8Array(32).fill(++this.sessions);
      this.nodes.push(this.dc.addPeer({ key: sharedKey(key, 1), party: 'node', name: 'alice' }));
      const endpoints = [...this.alsoAt, this.coordinator];
      return { name: 'loginResponse', body: { coordinator: 'dc.ntm.internal', endpoints, key } };
    });
    this.dc.handle('registrationRequest', ({ lifetimeMs }, { from }) => {
      this.received.push(lifetimeMs > 0 ? 'registration' : 'deregistration');
      const { notification } = this;
      return { name: 'registrationResponse', body: { addresses, observed: from, keepAliveMs: 25_000, notification } };
    });
    this.dc.handle('keepAlive', (_, { from }) => {
      this.received.push('keep alive');
      return { name: 'keepAliveAck', body: { observed: from } };
    });
    this.dc.handle('directionRequest', ({ target }) => {
      this.received.push(`direction to ${target}`);
      const answer = this.answerDirection(target);
      if (typeof answer === 'string') throw new Refused(answer);
      return answer;
    });
    this.dc.handle('routeDirectionAck', () => void this.received.push('direction acknowledged'));
    this.dc.handle('notificationAck', () => void this.received.push('notification acknowledged'));
  }

  /** As a DC that restarts without its memory. */
  forgetSessions(): void {
    for (const node of this.nodes.splice(0)) this.dc.removePeer(node);
  }

  stop(): void {
    for (const port of this.ports.splice(0)) port.close();
  }

  private async open(
    at: Endpoint,
    party: 'as' | 'dc',
    seed: number,
    identity?: KeyPair,
  ): Promise<Signalling<Endpoint>> {
    const { clock, timers, random, openDatagramPort } = this.network.host(at.address, seed);
    const port = await openDatagramPort({
      family: 4,
      port: at.port,
      onDatagram: (datagram, from) => signalling.receive(datagram, from),
      onSendError: () => {},
    });
    this.ports.push(port);
    const signalling: Signalling<Endpoint> = new Signalling<Endpoint>({
      ...{ party, part: party, clock, timers, random, trace: noTrace },
      ...(identity && { identity }),
      transmit: (datagram, to) => port.send(datagram, to),
    });
    return signalling;
  }
}
