'use strict';

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { Duplex } = require('node:stream');
const { setImmediate: turn } = require('node:timers/promises');

const { Pool } = require('../helpers/pool.js');
const { skip } = require('../helpers/skip.js');

const SIZE = 3;
const SERVERS = ['a', 'b', 'c'];
const RUNS = 200;
const STEPS = 50;

const idOf = (slot) => SERVERS[slot % SERVERS.length];

/** Stands in for a rover: what it brings is for the steps to say. */
class StandInRover extends EventEmitter {
  MAX_SLOT = Infinity;
  servers = Object.fromEntries(SERVERS.map((id) => [id, { port: 1 }]));

  start() {}
  stop() {}
  rest() {}
  rove() {
    return new Promise(() => {});
  }
}

/** Stands in for a `net.Socket`. */
class StandInSocket extends Duplex {
  constructor(slot) {
    super({ allowHalfOpen: false });
    this.slot = slot;
    this.resume();
  }

  setKeepAlive() {}
  _read() {}
  _final(callback) {
    this.push(null);
    callback();
  }
}

/** A pool, and beside it what there is to be known of it. */
class Play {
  rover = new StandInRover();
  pool = new Pool(this.rover, { size: SIZE });
  /** What is lent at the moment. */
  leases = [];
  /** Those that wait, in order of asking. */
  waiting = [];

  /** Each takes a number, which chooses what it is about. */
  steps = {
    offer: (slot) => {
      const id = idOf(slot);
      this.rover.emit('connection', slot, new StandInSocket(slot), id, this.rover.servers[id] ?? { port: 1 });
    },
    acquire: () => this.acquire(),
    tryAcquire: () => {
      const expected = this.waiting.length === 0 && this.leases.length < SIZE ? this.free()[0] : undefined;
      const lease = this.pool.tryAcquire();
      assert.equal(lease?.socket, expected);
      if (lease !== null) this.hold(lease);
    },
    abort: (n) => this.waiting[n % this.waiting.length]?.controller.abort(),
    release: (n) => this.take(n)?.release(),
    destroy: (n) => this.take(n)?.destroy(n % 2 ? new Error('bad') : undefined),
    kill: (n) => this.pool.sockets[n % this.pool.sockets.length]?.destroy(),
    end: (n) => this.pool.sockets[n % this.pool.sockets.length]?.push(null),
    drop: (n) => delete this.rover.servers[idOf(n)],
    add: (n) => (this.rover.servers[idOf(n)] ??= { port: 1 }),
  };

  acquire() {
    const waiter = { controller: new AbortController() };
    this.waiting.push(waiter);
    this.pool.acquire({ signal: waiter.controller.signal }).then(
      (lease) => {
        assert.equal(this.waiting.shift(), waiter, 'in order of asking');
        this.hold(lease);
      },
      (error) => {
        assert.equal(error.name, 'AbortError');
        this.waiting.splice(this.waiting.indexOf(waiter), 1);
      },
    );
  }

  hold(lease) {
    assert.ok(!this.leases.some(({ socket }) => socket === lease.socket), 'lent twice');
    assert.equal(lease.slot, lease.socket.slot);
    this.leases.push(lease);
  }

  take(n) {
    return this.leases.splice(n % this.leases.length, 1)[0];
  }

  /** The sockets that could be lent, the best first. */
  free() {
    const lent = this.leases.map(({ socket }) => socket);
    return this.pool.sockets.filter((one) => !lent.includes(one) && !one.destroyed && one.readable && this.isListed(one));
  }

  isListed({ slot }) {
    return idOf(slot) in this.rover.servers;
  }

  check() {
    const { pool } = this;
    // One that has died is not lent any more, whether its borrower knows or not.
    this.leases = this.leases.filter(({ socket }) => !socket.closed);
    assert.equal(pool.lent, this.leases.length);
    assert.equal(pool.waiting, this.waiting.length);
    assert.ok(pool.lent <= SIZE);
    assert.ok(pool.waiting === 0 || pool.lent === SIZE || this.free().length === 0, 'waits in vain');
    const slots = pool.sockets.map(({ slot }) => slot);
    assert.deepEqual(slots, slots.toSorted((one, other) => one - other));
    const leaving = this.leases.filter(({ isRetired }) => isRetired).length;
    assert.ok(slots.length - leaving <= SIZE, `${slots}`);
    for (const { socket } of this.leases) assert.ok(pool.sockets.includes(socket), 'lent, and not in the pool');
  }
}

describe('a pool, in random steps', () => {
  let fc;

  before(function () {
    try {
      fc = require('fast-check');
    } catch {
      skip(this, 'no fast-check');
    }
  });

  it('lends no connection twice, keeps the order, and lets nobody wait in vain (row 54)', async function () {
    this.timeout(120_000);
    const names = Object.keys(new Play().steps);
    const step = fc.tuple(fc.constantFrom(...names, 'offer', 'acquire', 'release'), fc.nat(99));
    const isRight = async (steps) => {
      const play = new Play();
      for (const [name, n] of steps) {
        play.steps[name](n);
        await turn();
        play.check();
      }
      const sockets = [...play.pool.sockets];
      const closing = play.pool.close({ timeout: 1000 });
      for (const { controller } of play.waiting) controller.abort();
      for (const lease of play.leases) lease.release();
      await closing;
      assert.ok(sockets.every((socket) => socket.closed));
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: STEPS, maxLength: STEPS }), isRight), { numRuns: RUNS });
  });
});
