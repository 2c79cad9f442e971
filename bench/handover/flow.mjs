/** A flow of one system between the two hosts: its programs, and what both ends have seen of it (endpoint.mjs). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { now } from './recorder.mjs';

const ERRORS_KEPT = 4_000;
/** So much later than it should something may come, and the flow is still none that is interrupted: programs are busy. */
const SLACK_MS = 150;

/** One program of a flow, which answers what it is asked. */
export class End {
  #answers = new Map();
  #asked = 0;
  errors = '';

  /** `command`: with its arguments. `receives`: whether anything of the flow arrives here. */
  constructor([command, ...args], { env = {}, receives = true } = {}) {
    this.receives = receives;
    this.child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stdin.on('error', () => {}); // it has ended, which is seen by `ended`
    this.child.stderr
      .setEncoding('utf8')
      .on('data', (text) => (this.errors = (this.errors + text).slice(-ERRORS_KEPT)));
    this.ended = once(this.child, 'exit').then(() => {
      for (const answer of this.#answers.values()) answer(undefined);
    });
    this.ready = new Promise((resolve, reject) => {
      createInterface({ input: this.child.stdout }).on('line', (line) => this.#said(JSON.parse(line), resolve));
      void this.ended.then(() => reject(new Error(`${command} ${args.slice(0, 9).join(' ')} ended: ${this.errors}`)));
    });
    this.ready.catch(() => {});
  }

  /** The longest gap in that time, and what broke until now; undefined once the program has ended. */
  ask(fromMs, untilMs) {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return undefined;
    const id = ++this.#asked;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.tell({ id, fromMs, untilMs });
    });
  }

  tell(line) {
    this.child.stdin.write(`${JSON.stringify(line)}\n`);
  }

  async stop() {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  #said(line, isReady) {
    if (line.ready) isReady();
    if (line.reason || line.failed) this.errors = `${this.errors}${line.reason ?? line.failed}\n`.slice(-ERRORS_KEPT);
    this.#answers.get(line.id)?.(line);
    this.#answers.delete(line.id);
  }
}

export class Flow {
  /** Connections that broke, of programs that have been stopped, too. */
  #broken = 0;
  #ends = [];

  /** `start` gives the ends, the server first. `periodMs`: how often something arrives. */
  constructor({ system, workload, periodMs, start }) {
    Object.assign(this, { system, workload, periodMs });
    this.#start = start;
  }

  #start;

  async begin() {
    this.#ends = await this.#start();
  }

  /** Programs and their connections anew: this one does not come back by itself, and is broken. */
  async beginAnew() {
    this.#broken += 1 + (await this.#sum('broken'));
    await this.end();
    await this.begin();
  }

  /** Of both directions the longer one, in milliseconds. */
  async longestGap(fromMs, untilMs = now()) {
    const gaps = await Promise.all(this.#ends.filter((end) => end.receives).map((end) => end.ask(fromMs, untilMs)));
    return Math.max(...gaps.map((gap) => gap?.gapMs ?? untilMs - fromMs));
  }

  /** Whether it has been flowing in both directions for so long, until now. */
  async flows(forMs) {
    const untilMs = now();
    return (await this.longestGap(untilMs - forMs, untilMs)) < this.periodMs + SLACK_MS;
  }

  async broken() {
    return this.#broken + (await this.#sum('broken'));
  }

  wrong() {
    return this.#sum('wrong');
  }

  get errors() {
    return this.#ends.map(({ errors }) => errors).join('\n');
  }

  async end() {
    await Promise.all(this.#ends.map((end) => end.stop()));
    this.#ends = [];
  }

  async #sum(what) {
    const answers = await Promise.all(this.#ends.map((end) => end.ask(now())));
    return answers.reduce((sum, answer) => sum + (answer?.[what] ?? 0), 0);
  }
}
