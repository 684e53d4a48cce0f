'use strict';

/**
 * Ends things one after the other, evenly over a time: those that are there, and those that come meanwhile.
 */
class Drain {
  #things;
  #end;
  #deadline;
  #last = performance.now();
  /** Those that were there when it was filled, in the order in which they end. */
  #order = [];
  #timer = null;
  #onEnded;

  /**
   * @param {Set<object>} things those that are still there; each leaves it by itself once it has ended
   * @param {object} options
   * @param {number} options.over in ms
   * @param {(thing: any) => void} options.end
   * @param {() => void} options.onEnded called once all have been ended, or have left
   */
  constructor(things, { over, end, onEnded }) {
    this.#things = things;
    this.#end = end;
    this.#onEnded = onEnded;
    this.#deadline = this.#last + over;
  }

  /** Ends the first of them after its share of the time. */
  start() {
    if (this.#things.size === 0) return this.#finish();
    const interval = Math.max(0, this.#deadline - performance.now()) / this.#things.size;
    this.#timer = setTimeout(() => this.#step(), interval);
  }

  /** To be called when something has left by itself: there may be nothing to wait for any more. */
  check() {
    if (this.#things.size === 0) this.#finish();
  }

  #finish() {
    clearTimeout(this.#timer);
    const onEnded = this.#onEnded;
    this.#onEnded = () => {};
    onEnded();
  }

  #step() {
    const now = performance.now();
    const { size } = this.#things;
    const elapsed = now - this.#last;
    const isOver = now >= this.#deadline;
    // A timer waits for a millisecond at least: where there are more things than that, several are due.
    const due = isOver ? size : Math.max(1, Math.round((size * elapsed) / (elapsed + this.#deadline - now)));
    this.#last = now;
    for (let n = 0; n < due && this.#things.size > 0; n++) {
      const thing = this.#next();
      this.#things.delete(thing);
      this.#end(thing);
    }
    this.start();
  }

  /** At random, since those of one client have often come in a row. */
  #next() {
    for (;;) {
      if (this.#order.length === 0) this.#order = shuffled([...this.#things]);
      const thing = this.#order.pop();
      if (this.#things.has(thing)) return thing;
    }
  }
}

function shuffled(list) {
  for (let index = list.length - 1; index > 0; index--) {
    const other = Math.floor(Math.random() * (index + 1));
    [list[index], list[other]] = [list[other], list[index]];
  }
  return list;
}

module.exports = { Drain };
