'use strict';

const assert = require('node:assert/strict');
const { EventEmitter, once } = require('node:events');
const util = require('node:util');

const { cleanup } = require('../helpers/cleanup.js');
const { ClientRover, attempt, makeRover, track } = require('../helpers/rover.js');
const { slotServer } = require('../helpers/slot-server.js');

/** Every way to have `servers` be an accessor of the app's own. `table.current` is what it returns. */
const WAYS = {
  'a getter of a subclass': (table, options) => {
    class Rover extends ClientRover {
      get servers() {
        return table.current;
      }
    }
    return new Rover(options);
  },
  'a getter of a subclass that needs a private field': (table, options) => {
    class Rover extends ClientRover {
      #table = table;

      get servers() {
        return this.#table.current;
      }

      set servers(_servers) {}
    }
    return new Rover(options);
  },
  'an accessor of a prototype, by util.inherits': (table, options) => {
    function Rover() {
      ClientRover.call(this, options);
    }
    util.inherits(Rover, ClientRover);
    Object.defineProperty(Rover.prototype, 'servers', { get: () => table.current, set() {} });
    return new Rover();
  },
  'an accessor of a prototype, and no call of the constructor': (table, options) => {
    function Rover() {
      EventEmitter.call(this);
      this.ROVING_INTERVAL = options.ROVING_INTERVAL;
    }
    util.inherits(Rover, ClientRover);
    Object.defineProperty(Rover.prototype, 'servers', { get: () => table.current });
    return new Rover();
  },
  'an accessor of the rover, defined before the first call': (table, options) =>
    Object.defineProperty(new ClientRover(options), 'servers', { enumerable: true, get: () => table.current }),
  'an accessor of the rover, defined later': (table, options) => {
    const rover = new ClientRover(options);
    rover.addServer('a', {});
    return Object.defineProperty(rover, 'servers', { get: () => table.current });
  },
};

describe('an accessor `servers` of the app', () => {
  for (const [way, make] of Object.entries(WAYS)) {
    it(`is read for each pick: ${way} (rows 3 and 4)`, async () => {
      const [{ address: a }, { address: b }] = [await slotServer(), await slotServer()];
      const table = { current: { a } };
      const rover = make(table, {});
      assert.equal((await attempt(rover)).server, a);
      assert.equal(rover.servers, table.current);
      table.current = { b };
      assert.equal((await attempt(rover)).server, b);
      rover.addServer('c', a);
      rover.dropServer('b');
      assert.deepEqual(table.current, { c: a });
      assert.equal((await attempt(rover)).id, 'c');
      table.current = null;
      assert.equal((await attempt(rover)).error.message, 'No servers to contact');
    });

    it(`is read about once a second by a roving: ${way} (rows 3 and 4)`, async () => {
      const [{ address: a }, { address: b }] = [await slotServer(), await slotServer()];
      const table = { current: { a } };
      const rover = make(table, { ROVING_INTERVAL: 20 });
      cleanup(() => rover.stop());
      rover.on('connection', (_slot, socket) => track(socket));
      rover.start();
      await once(rover, 'connection');
      table.current = { b };
      let id = 'a';
      while (id === 'a') [, , id] = await once(rover, 'connection');
      assert.equal(id, 'b');
    });
  }

  it('is read where there is nothing to pick, while the rover roves (row 4)', async () => {
    const { address } = await slotServer();
    const table = { current: {} };
    const rover = WAYS['a getter of a subclass'](table, { ROVING_INTERVAL: 20 });
    cleanup(() => rover.stop());
    rover.once('error', () => (table.current = { a: address }));
    rover.on('connection', (_slot, socket) => track(socket));
    const began = performance.now();
    rover.start();
    await once(rover, 'connection');
    assert.ok(performance.now() - began < 900, 'not before a second had passed');
  });

  it('may return another object each time, with the same servers or others (row 4)', async () => {
    const { address } = await slotServer();
    let reads = 0;
    class Rover extends ClientRover {
      get servers() {
        return { same: address, [`s${reads++}`]: { ...address } };
      }
    }
    const rover = makeRover({}, Rover);
    for (let n = 0; n < 5; n++) assert.equal((await attempt(rover)).event, 'connection');
    assert.equal(rover.stats({ servers: true }).servers.size, 2);
  });

  it('is assigned to by the constructor, as in 0.1.0 (row 3)', () => {
    const given = [];
    class Rover extends ClientRover {
      get servers() {
        return {};
      }

      set servers(servers) {
        given.push(servers);
      }
    }
    const servers = {};
    makeRover({ servers }, Rover);
    makeRover(undefined, Rover);
    assert.equal(given[0], servers);
    assert.deepEqual(given, [{}, {}]);
  });

  it('gives way to the object that the app puts in its place (row 4)', async () => {
    const { address } = await slotServer();
    const rover = WAYS['a getter of a subclass']({ current: {} }, {});
    assert.equal((await attempt(rover)).event, 'error');
    Object.defineProperty(rover, 'servers', { configurable: true, enumerable: true, value: { b: address }, writable: true });
    assert.equal((await attempt(rover)).id, 'b');
    rover.servers.c = address;
    delete rover.servers.b;
    assert.equal((await attempt(rover)).id, 'c');
  });
});
