/**
 * A lab of real NATs: a public internet, hosts at places (places.ts), servers, and programs on the hosts.
 *
 * Every place may be there twice, so that two hosts in the same situation can meet: copies 1 and 2 have nothing in
 * common but how they are made. Hosts and servers are made when they are first asked for.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { passwordOf } from '../network';
import { projectRoot, temporaryDirectory } from '../paths';
import { Program } from '../processes';
import { readTrace, traced, type TraceLine } from '../trace-watch';
import type { Gateway } from './gateway';
import { INTERNET, Internet, type Family, type LineOptions } from './internet';
import { LabServers, ZONE, type ACCOUNTS } from './lab-servers';
import { Namespaces } from './namespaces';
import { siteOf, type Place } from './place';
import { Site } from './site';

export type Copy = 1 | 2;
export interface At {
  readonly place: Place;
  readonly copy: Copy;
}
/** A host of a namespace of its own. */
export interface Host {
  readonly namespace: string;
  readonly families: readonly Family[];
}
export interface LabNode {
  readonly account: (typeof ACCOUNTS)[number];
  /** Of the node; the FQDN begins with it. */
  readonly name: string;
}

export const labProgram = (name: string): string => join(projectRoot, 'test/lab/programs', name);
export const fqdnOf = ({ account, name }: LabNode): string => `${name}.${account}.${ZONE}`;

/** Tells labs of one process from each other. */
let labs = 0;

export class NatLab {
  protected readonly dir = temporaryDirectory();
  protected readonly namespaces = new Namespaces(`reach${process.pid.toString(36)}${labs++}`);
  protected readonly internet = new Internet(this.namespaces);
  private readonly sites = new Map<string, Site>();
  private readonly programs = new Set<Program>();
  private servers: LabServers | undefined;
  private closed = false;

  async startServers(): Promise<void> {
    this.servers = new LabServers(this.namespaces, this.internet, this.dir);
    await this.servers.start();
  }

  /** `node args` on a host, with nothing of ours. */
  plain(at: At | Host | typeof INTERNET, args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    return this.run(at === INTERNET ? INTERNET : this.hostOf(at), args, env);
  }

  /** `node -r ntmobile/register args` on a host. */
  program(at: At | Host, node: LabNode, args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    const settings = { ...this.settingsOf(at, node), NTMOBILE_TRACE: this.traceFile(node), ...env };
    return this.run(this.hostOf(at), ['-r', 'ntmobile/register', ...args], settings);
  }

  /** The variables with which a program on a host is this node. */
  settingsOf(at: At | Host, node: LabNode): NodeJS.ProcessEnv {
    const { families } = 'place' in at ? at.place : at;
    return {
      NTMOBILE_AS: this.servers!.joinUrl(families.includes(4) ? 4 : 6),
      NTMOBILE_ACCOUNT: node.account,
      NTMOBILE_NODE: node.name,
      NTMOBILE_PASSWORD: passwordOf(node.account),
      NTMOBILE_STATE_DIR: join(this.dir, fqdnOf(node)),
    };
  }

  trace(node: LabNode): TraceLine[] {
    return readTrace(this.traceFile(node));
  }

  /** Waits until the trace of a node holds what is wanted. */
  async traced(node: LabNode, wanted: (events: TraceLine[]) => boolean): Promise<void> {
    await traced(this.traceFile(node), wanted);
  }

  /** The gateway at this place starts again with nothing remembered, with these rules from then on. */
  async reboot(at: At, gateway: Gateway): Promise<void> {
    this.hostOf(at);
    await this.siteOf(at).reboot(at.place, gateway);
  }

  /** The address that others see. */
  outside(at: At): string {
    this.hostOf(at);
    return this.siteOf(at).outside[at.place.families[0]!];
  }

  /** All that was started ends, and every namespace is removed. Gives what could not be. */
  async close(): Promise<string[]> {
    this.closed = true;
    await Promise.all([...this.programs].map((program) => program.kill()));
    for (const site of this.sites.values()) await site.endPrograms();
    await this.servers?.end();
    await this.internet.close();
    const left = this.namespaces.close();
    rmSync(this.dir, { recursive: true, force: true });
    return left;
  }

  private run(namespace: string, args: readonly string[], env: NodeJS.ProcessEnv): Program {
    const [command = '', ...rest] = [...this.namespaces.commandAt(namespace), process.execPath, ...args];
    const program = Program.command(command, rest, env);
    this.programs.add(program);
    const over = (): void => void this.programs.delete(program);
    void program.ended.then(over, over);
    return program;
  }

  private hostOf(at: At | Host): string {
    return 'namespace' in at ? at.namespace : this.siteOf(at).hostAt(at.place);
  }

  private siteOf({ place, copy }: At): Site {
    return this.site(`${siteOf(place)}-${copy}`);
  }

  /** Made when it is first asked for. */
  protected site(name: string, line: LineOptions = {}): Site {
    if (this.closed) throw new Error('the lab is closed');
    const found = this.sites.get(name);
    if (found) return found;
    const site = new Site(this.namespaces, this.internet, name, this.sites.size + 1, line);
    this.sites.set(name, site);
    return site;
  }

  private traceFile(node: LabNode): string {
    return join(this.dir, `${fqdnOf(node)}.ndjson`);
  }
}
