'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { slotServer } = require('../helpers/slot-server.js');

/** Loads the package into contexts of its own, as a test runner does for each file, with a rover that has ended. */
const inManyRealms = async ({ collect, print }, { address, how }) => {
  const { loadInRealm } = require('./__test__/helpers/realm.js');
  process.on('warning', ({ message }) => print(message));
  const ENDS = {
    'stop()': (rover) => rover.stop(),
    clearInterval: (rover) => clearInterval(rover.intervalId),
    'connect() alone': () => {},
    'an aborted signal': (_rover, controller) => controller.abort(),
  };
  const live = async () => {
    const { context, exports: Rover } = loadInRealm('./index.js');
    const controller = new AbortController();
    const rover = new Rover({ ROVING_INTERVAL: 5, servers: { a: address }, signal: controller.signal });
    await new Promise((resolve) => {
      rover.on('connection', (_slot, socket) => {
        socket.destroy();
        ENDS[how](rover, controller);
        resolve();
      });
      if (how === 'connect() alone') rover.connect();
      else rover.start();
    });
    return [context, Rover, rover].map((object) => new WeakRef(object));
  };
  const refs = [];
  for (let n = 0; n < 60; n++) refs.push(...(await live()));
  print(await collect(refs));
};

describe('a vm context', () => {
  for (const how of ['stop()', 'clearInterval', 'connect() alone', 'an aborted signal']) {
    it(`of 60, whose rover ended by ${how}, is collected, and nothing warns (row 34)`, async () => {
      const { address } = await slotServer();
      const printed = await printedBy(inManyRealms, { address, how }, { nodeArgs: ['--expose-gc'], timeout: 18_000 });
      assert.deepEqual(printed, [0]);
    });
  }

  it('gets stats() as plain objects of its own (rows 31, 34 and 46)', async () => {
    const { address } = await slotServer();
    const printed = await printedBy(async ({ print }, server) => {
      const { once } = require('node:events');
      const vm = require('node:vm');
      const { loadInRealm } = require('./__test__/helpers/realm.js');
      const { context, exports: Rover } = loadInRealm('./index.js');
      const rover = new Rover({ servers: { a: server } });
      rover.connect();
      const [, socket] = await once(rover, 'connection');
      socket.destroy();
      const { servers, ...stats } = rover.stats({ servers: true });
      const isPlain = vm.runInContext('(object) => Object.getPrototypeOf(object) === Object.prototype', context);
      const isMap = vm.runInContext('(object) => object instanceof Map', context);
      const { connectTime, slotTime } = servers.get('a');
      print([rover.stats(), servers.get('a'), connectTime, slotTime].map(isPlain), isMap(servers), stats.connections);
    }, address);
    assert.deepEqual(printed, [[[true, true, true, true], true, 1]]);
  });
});

describe('two vm contexts', () => {
  for (const first of [0, 1]) {
    it(`hear of a subscriber when the one that came ${first === 0 ? 'first' : 'last'} rests (rows 34 and 47)`, async () => {
      const { address } = await slotServer();
      const printed = await printedBy(
        async ({ print }, { server, first }) => {
          const diagnostics = require('node:diagnostics_channel');
          const { loadInRealm } = require('./__test__/helpers/realm.js');
          const { until } = require('./__test__/helpers/wait.js');
          const rovers = [1, 2].map(() => {
            const { exports: Rover } = loadInRealm('./index.js');
            const rover = new Rover({ ROVING_INTERVAL: 5, MAX_SLOT: 1, servers: { a: server } });
            rover.start();
            return rover;
          });
          rovers[first].stop();
          const [other] = rovers.filter((rover) => rover.intervalId !== null);
          await until(() => other.stats().rejected > 0);
          const told = new Set();
          const onRejected = ({ rover }) => told.add(rover);
          diagnostics.subscribe('callosum-client-tcp-rover:rejected', onRejected);
          // Sooner than the look that is taken every second.
          await until(() => told.size > 0, { timeout: 500 });
          diagnostics.unsubscribe('callosum-client-tcp-rover:rejected', onRejected);
          other.stop();
          print(told.has(other));
        },
        { server: address, first },
      );
      assert.deepEqual(printed, [true]);
    });
  }
});

/** The types of async resources that a rover leaves, and what keeps the process alive. */
const whatIsLeft = async ({ ClientRover, print }, { address, how }) => {
  const { createHook } = require('node:async_hooks');
  const { once } = require('node:events');
  const ENDS = {
    'stop()': (rover) => rover.stop(),
    clearInterval: (rover) => clearInterval(rover.intervalId),
    'neither, so far': () => {},
  };
  const left = new Map();
  const hook = createHook({
    init: (id, type) => void left.set(id, type),
    destroy: (id) => void left.delete(id),
  }).enable();
  const rover = new ClientRover({ ROVING_INTERVAL: 5, servers: { a: address } });
  rover.on('connection', (_slot, socket) => socket.destroy());
  rover.start();
  await once(rover, 'connection');
  ENDS[how](rover);
  // What is in flight ends, and what was closed is destroyed, in later turns.
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
  hook.disable();
  const ours = ['ClientRover', 'napi_rs_threadsafe_function', 'Timeout'];
  const types = [...left.values()].filter((type) => ours.includes(type));
  // This one is of the loop above.
  types.splice(types.lastIndexOf('Timeout'), 1);
  const active = process.getActiveResourcesInfo().filter((type) => type === 'Timeout');
  print(types.sort(), active.length);
  rover.stop();
};

describe('a tool that lists open handles', () => {
  for (const how of ['stop()', 'clearInterval']) {
    it(`finds none of a rover after ${how} (row 34)`, async () => {
      const { address } = await slotServer();
      assert.deepEqual(await printedBy(whatIsLeft, { address, how }), [[[], 0]]);
    });
  }

  it('finds a rover that roves, by its name (row 34)', async () => {
    const { address } = await slotServer();
    const [[types, active]] = await printedBy(whatIsLeft, { address, how: 'neither, so far' });
    assert.ok(types.includes('ClientRover'), types.join());
    assert.equal(active, 1);
  });
});
