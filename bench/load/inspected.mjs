/** A process that runs with --inspect=127.0.0.1:0, through Chrome's DevTools protocol: its memory, its profile. */
import { once } from 'node:events';
import WebSocket from 'ws';

export class Inspected {
  #next = 1;
  #waiting = new Map();

  /** `url`: what Node prints to standard error: ws://127.0.0.1:PORT/ID */
  static async of(url) {
    const inspected = new Inspected();
    inspected.socket = new WebSocket(url);
    inspected.socket.on('message', (text) => {
      const { id, result, error } = JSON.parse(text);
      const waiting = inspected.#waiting.get(id);
      inspected.#waiting.delete(id);
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result);
    });
    await once(inspected.socket, 'open');
    return inspected;
  }

  ask(method, params = {}) {
    const id = this.#next++;
    this.socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** After the garbage was collected. Bytes. */
  async memory() {
    await this.ask('HeapProfiler.enable');
    for (let i = 0; i < 2; i++) await this.ask('HeapProfiler.collectGarbage');
    const expression = 'process.memoryUsage()';
    const { result } = await this.ask('Runtime.evaluate', { expression, returnByValue: true });
    return result.value;
  }

  async startProfile() {
    await this.ask('Profiler.enable');
    await this.ask('Profiler.setSamplingInterval', { interval: 200 });
    await this.ask('Profiler.start');
  }

  async stopProfile() {
    return (await this.ask('Profiler.stop')).profile;
  }

  close() {
    this.socket.close();
  }
}
