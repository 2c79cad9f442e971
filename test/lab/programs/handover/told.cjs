// What the programs of the handover lab tell, one line each: `listening PORT`; `going` at the first answer; `gap MS`
// when nothing came for a while; at the end one line of JSON, { longestGapMs, lost, doubled, broken, ... }.
const TELLING_MS = 150;

/** When the program has something to wait for, it says so; silence is counted from then on. */
exports.Watch = class {
  longestGapMs = 0;
  #lastMs;

  heard() {
    const nowMs = performance.now();
    if (this.#lastMs === undefined) console.log('going');
    else this.#gap(nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }

  #gap(gapMs) {
    this.longestGapMs = Math.max(this.longestGapMs, gapMs);
    if (gapMs >= TELLING_MS)
      console.log(`gap ${gapMs.toFixed(0)} until ${(performance.timeOrigin + performance.now()).toFixed(0)}`);
  }
};

exports.tell = (result) => console.log(JSON.stringify(result));

/** Resolves at SIGTERM: the movement is over, and what is under way is to be finished. */
exports.whenOver = new Promise((over) => process.once('SIGTERM', over));

/**
 * How a client with one connection ends: at SIGTERM it asks for nothing more, and closes once all has come. `timer` is
 * what it asks by; its `close` says how it went, as `result` tells: with why it is `broken`, if it is.
 */
exports.Ending = class {
  timer;
  #over = false;
  #broken = null;
  #allHasCome;
  #close;

  constructor(allHasCome, close) {
    [this.#allHasCome, this.#close] = [allHasCome, close];
    void exports.whenOver.then(() => {
      clearInterval(this.timer);
      this.#over = true;
      this.look();
    });
  }

  /** Something came. */
  look() {
    if (this.#over && this.#allHasCome()) this.#close();
  }

  /** The first reason counts. */
  breaks(why) {
    this.#broken ??= why;
  }

  closed(result) {
    clearInterval(this.timer);
    if (!this.#over) this.breaks('closed');
    exports.tell({ ...result, broken: this.#broken });
  }
};

/** A message that tells its number, and has a length of its own between 100 and 2,000 bytes. */
exports.message = (number) => `${number} `.padEnd(100 + ((number * 7919) % 1_900), `${number % 10}`);
