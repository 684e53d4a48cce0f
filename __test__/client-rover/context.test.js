'use strict';

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');

const { makeRover, record, track } = require('../helpers/rover.js');
const { SERVER_FOR, refusedAddress, slotServer } = require('../helpers/slot-server.js');

describe('AsyncLocalStorage', () => {
  const storage = new AsyncLocalStorage();

  /** The stores that listeners of this event see, once there are so many of them. */
  function storesOf(rover, event, count) {
    const stores = [];
    return new Promise((resolve) => {
      rover.on(event, () => {
        stores.push(storage.getStore());
        if (stores.length === count) resolve(stores);
      });
    });
  }

  for (const [event, makeServer] of Object.entries(SERVER_FOR)) {
    for (const method of ['connect', 'start']) {
      it(`has the store of ${method}() in listeners of ${event} (row 20)`, async () => {
        const rover = makeRover({ servers: { a: await makeServer() } });
        record(rover);
        const stores = storesOf(rover, event, 1);
        storage.run('mine', () => rover[method]());
        assert.deepEqual(await stores, ['mine']);
      });
    }

    it(`has the store of start() in listeners of ${event} at every interval (row 20)`, async () => {
      const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: await makeServer() } });
      record(rover);
      const stores = storesOf(rover, event, 4);
      storage.run('mine', () => rover.start());
      assert.deepEqual(await stores, ['mine', 'mine', 'mine', 'mine']);
    });

    it(`has the store of each of two connect() calls in listeners of ${event} (row 20)`, async () => {
      const rover = makeRover({ servers: { a: await makeServer() } });
      record(rover);
      const stores = storesOf(rover, event, 2);
      storage.run('one', () => rover.connect());
      storage.run('other', () => rover.connect());
      assert.deepEqual((await stores).sort(), ['one', 'other']);
    });

    it(`has no store in listeners of ${event} when connect() had none (row 20)`, async () => {
      const rover = makeRover({ servers: { a: await makeServer() } });
      record(rover);
      const stores = storesOf(rover, event, 1);
      rover.connect();
      storage.run('other', () => {});
      assert.deepEqual(await stores, [undefined]);
    });
  }

  it('has the store of start() for the roving and of connect() for that attempt (row 20)', async () => {
    const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: await refusedAddress() } });
    const seen = new Map([
      ['roving', 0],
      ['bare', 0],
    ]);
    const done = new Promise((resolve) => {
      rover.on('unreachable', () => {
        const store = storage.getStore();
        seen.set(store, seen.get(store) + 1);
        if (seen.get('roving') >= 3 && seen.get('bare') === 2) resolve();
      });
    });
    storage.run('roving', () => rover.start());
    for (let i = 0; i < 2; i++) storage.run('bare', () => rover.connect());
    await done;
    assert.deepEqual([...seen.keys()], ['roving', 'bare']);
  });

  it('has the store of the last start() after a second one (row 20)', async () => {
    const rover = makeRover({ ROVING_INTERVAL: 60_000, servers: { a: await refusedAddress() } });
    const seen = storesOf(rover, 'unreachable', 5);
    storage.run('first', () => rover.start());
    rover.ROVING_INTERVAL = 10;
    storage.run('second', () => rover.start());
    const stores = await seen;
    // The attempt that the first one made at once keeps its store.
    assert.deepEqual(stores.sort(), ['first', 'second', 'second', 'second', 'second']);
  });

  it('has the store in error listeners when there are no servers (row 20)', async () => {
    const rover = makeRover({ ROVING_INTERVAL: 10 });
    const stores = storesOf(rover, 'error', 3);
    storage.run('mine', () => rover.start());
    assert.deepEqual(await stores, ['mine', 'mine', 'mine']);
  });

  it('has the store in what the listener sets off on the socket (row 20)', async () => {
    const { address } = await slotServer({ greeting: '13\r\nhello' });
    const rover = makeRover({ servers: { a: address } });
    const store = new Promise((resolve) => {
      rover.on('connection', (_slot, socket) => {
        track(socket);
        setImmediate(() => resolve(storage.getStore()));
      });
    });
    storage.run('mine', () => rover.connect());
    assert.equal(await store, 'mine');
  });

  it('sees the store in a connect() that a subclass has overridden (rows 7 and 20)', async () => {
    const rover = makeRover({ ROVING_INTERVAL: 10 });
    const stores = [];
    const done = new Promise((resolve) => {
      rover.connect = () => {
        stores.push(storage.getStore());
        if (stores.length === 3) resolve();
      };
    });
    storage.run('mine', () => rover.start());
    await done;
    assert.deepEqual(stores, ['mine', 'mine', 'mine']);
  });
});
