/** Hosts in network namespaces on one switch: a LAN without delay, as the paper's (Tables 2 and 3: 0.1 to 1.4 ms). */
import { execFileSync, spawnSync } from 'node:child_process';

const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** What is missing on this machine, or undefined. */
export function whyNoLan() {
  if (process.getuid() !== 0) return 'root';
  return spawnSync('which', ['ip']).status === 0 ? undefined : 'ip';
}

export class Lan {
  #suffix = process.pid.toString(36);
  #hosts = [];

  /** `hosts`: names of five letters or fewer. */
  constructor(hosts) {
    try {
      this.#add('swtch');
      ip('-n', this.#namespace('swtch'), 'link', 'add', 'switch', 'type', 'bridge');
      ip('-n', this.#namespace('swtch'), 'link', 'set', 'switch', 'up');
      hosts.forEach((host, i) => this.#plug(host, `10.113.0.${i + 1}`));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The command that runs something on this host. */
  commandOn(host) {
    return ['ip', 'netns', 'exec', this.#namespace(host)];
  }

  addressOf(host) {
    return this.#hosts.find(({ name }) => name === host).address;
  }

  close() {
    for (const { name } of this.#hosts) spawnSync('ip', ['netns', 'delete', this.#namespace(name)]);
    this.#hosts = [];
  }

  #namespace(host) {
    return `bench${host}${this.#suffix}`;
  }

  #add(name, address) {
    this.#hosts.push({ name, address });
    ip('netns', 'add', this.#namespace(name));
    ip('-n', this.#namespace(name), 'link', 'set', 'lo', 'up');
  }

  #plug(host, address) {
    this.#add(host, address);
    const [namespace, bridge] = [this.#namespace(host), this.#namespace('swtch')];
    ip('link', 'add', 'cable', 'netns', namespace, 'type', 'veth', 'peer', 'name', host, 'netns', bridge);
    ip('-n', bridge, 'link', 'set', host, 'master', 'switch', 'up');
    ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'cable');
    ip('-n', namespace, 'link', 'set', 'cable', 'up');
  }
}

/** The machine's own loopback in place of a LAN. */
export const loopback = { commandOn: () => [], addressOf: () => '127.0.0.1', close: () => {} };
