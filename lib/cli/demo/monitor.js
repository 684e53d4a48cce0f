'use strict';

/** Measures the service at a steady pace, keeps what it saw, and tells when a state is reached. */

const { EventEmitter } = require('node:events');
const { RUN } = require('./criterion.js');

/**
 * @typedef {import('./service.js').Snapshot & {time: number}} Sample time in ms from the beginning
 */

/** Emits `sample (sample)` and `event ({time, text})`. */
class Monitor extends EventEmitter {
  #service;
  #timeLimit;
  #origin = performance.now();
  #timer;
  #samples = [];

  /**
   * @param {import('./service.js').Service} service
   * @param {object} options
   * @param {number} options.timeLimit ms after which waiting is given up
   * @param {number} [options.interval=50] ms between samples
   */
  constructor(service, { timeLimit, interval = 50 }) {
    super();
    this.interval = interval;
    this.#service = service;
    this.#timeLimit = timeLimit;
    this.#timer = setInterval(() => this.measure(), interval);
  }

  /** @returns {Sample[]} everything measured so far, oldest first */
  get samples() {
    return this.#samples;
  }

  /** @returns {Sample} a sample of this moment, outside the pace of the timer */
  measure() {
    const sample = { time: performance.now() - this.#origin, ...this.#service.snapshot() };
    this.#samples.push(sample);
    this.emit('sample', sample);
    return sample;
  }

  /** @param {string} text what happens now */
  note(text) {
    this.emit('event', { time: performance.now() - this.#origin, text });
  }

  /**
   * @param {(sample: Sample) => boolean} isReached
   * @param {string} state the same in words, for the message of the error
   * @param {number} [run=RUN] samples in a row that have to agree
   * @returns {Promise<Sample>} the first sample of that run; rejected when the time limit comes first
   */
  until(isReached, state, run = RUN) {
    const agreeing = [];
    return new Promise((resolve, reject) => {
      const onSample = (sample) => {
        if (isReached(sample)) agreeing.push(sample);
        else agreeing.length = 0;
        if (agreeing.length >= run) finish(resolve, agreeing[0]);
        else if (sample.time > this.#timeLimit) finish(reject, this.#giveUp(state, sample));
      };
      const finish = (settle, value) => {
        this.off('sample', onSample);
        settle(value);
      };
      this.on('sample', onSample);
    });
  }

  stop() {
    clearInterval(this.#timer);
  }

  #giveUp(state, { counts, fullPools, clients }) {
    const load = [...counts].map(([id, count]) => `${id} ${count}`).join(', ');
    const messages = new Set(this.#service.errors.map((error) => error.message));
    const errors = [...messages].map((message) => `; rover: ${message}`);
    return new Error(`after ${this.#timeLimit / 1000} s still not ${state} `
      + `(${load}; ${fullPools} of ${clients} pools full)${errors.join('')}`);
  }
}

module.exports = { Monitor };
