/**
 * Where servers see one socket, for all who want to know: each server is asked by STUN at most once at a time, and what
 * it said lately is told again.
 */
import type { Clock } from '../runtime';
import { formatEndpoint, type Endpoint } from '../wire/addresses';
import type { Sighting, StunClient } from './stun-client';

const QUESTION = { triesMs: [0, 250, 600], untilMs: 1_200 };
/** Servers that are remembered. */
const LIMIT = 8;

interface Asked {
  asking: Promise<Sighting | undefined> | undefined;
  /** The last answer. */
  sighting: Sighting | undefined;
  seenMs: number;
}

export class Sightings {
  private readonly servers = new Map<string, Asked>();

  constructor(
    private readonly clock: Clock,
    private readonly client: StunClient,
  ) {}

  /** What this server says now, or said less than `maxAgeMs` ago. Undefined: nothing. Never rejects. */
  at(server: Endpoint, maxAgeMs: number): Promise<Sighting | undefined> {
    const asked = this.askedOf(server);
    if (this.clock.now() - asked.seenMs < maxAgeMs) return Promise.resolve(asked.sighting);
    asked.asking ??= this.client.ask(server, QUESTION).then((sighting) => {
      asked.asking = undefined;
      if (sighting) Object.assign(asked, { sighting, seenMs: this.clock.now() });
      return sighting;
    });
    return asked.asking;
  }

  private askedOf(server: Endpoint): Asked {
    const name = formatEndpoint(server);
    const asked = this.servers.get(name) ?? { asking: undefined, sighting: undefined, seenMs: -Infinity };
    this.servers.delete(name); // the newest last
    this.servers.set(name, asked);
    for (const oldest of this.servers.keys()) {
      if (this.servers.size <= LIMIT) break;
      this.servers.delete(oldest);
    }
    return asked;
  }
}
