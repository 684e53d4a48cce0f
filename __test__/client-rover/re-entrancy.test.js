'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { skip } = require('../helpers/skip.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');

/** Where the app's own code can run inside of a call of this package, or of a delivery. */
const SITES = [
  'async_hooks init',
  'async_hooks before',
  'async_hooks after',
  'async_hooks destroy',
  'a getter of a server',
  'a proxy of a server',
  'a getter of the table',
  'a proxy of the table',
  'newListener',
  'removeListener',
  'toString of an id',
  'a getter of ROVING_INTERVAL',
  'a getter of intervalId',
  'a lookup function',
  'an overridden connect',
  'a listener',
  'a listener of up and down',
  'a subscriber',
  'a subscriber of net.client.socket',
];

/** Calls each method from within a site, on a fresh rover each, and prints what is wrong afterwards. */
const reenter = async ({ ClientRover, print }, { site, answering, refused }) => {
  const { createHook } = require('node:async_hooks');
  const diagnostics = require('node:diagnostics_channel');
  const { until } = require('./__test__/helpers/wait.js');

  const METHODS = {
    'start()': (rover) => rover.start(),
    'stop()': (rover) => {
      rover.stop();
      isSilent = site !== 'a listener';
    },
    'stop() and start()': (rover) => {
      rover.stop();
      rover.start();
    },
    '[Symbol.dispose]()': (rover) => rover[Symbol.dispose](),
    'connect()': (rover) => rover.connect(),
    'addServer()': (rover) => rover.addServer('added', answering),
    'dropServer()': (rover) => rover.dropServer('a'),
    'rest()': (rover) => rover.rest('b', 5),
    'rove()': (rover) => roved(rover.rove()),
    'an aborted rove()': (rover) => {
      const controller = new AbortController();
      roved(rover.rove({ signal: controller.signal }));
      controller.abort();
    },
    'stats()': (rover) => rover.stats({ servers: true }),
    'MAX_SLOT =': (rover) => (rover.MAX_SLOT = rover.MAX_SLOT === 5 ? Infinity : 5),
    'servers =': (rover) => (rover.servers = { a: answering, other: refused }),
    'servers = null': (rover) => (rover.servers = null),
    'intervalId.unref()': (rover) => rover.intervalId?.unref(),
    'intervalId.ref()': (rover) => rover.intervalId?.ref(),
    'clearInterval(intervalId)': (rover) => clearInterval(rover.intervalId),
    'intervalId = null': (rover) => (rover.intervalId = null),
    'delete intervalId': (rover) => delete rover.intervalId,
  };

  const TOLD = ['ABORT_ERR', 'ECONNREFUSED', 'ERR_CALLOSUM_NO_SERVERS', 'ERR_CALLOSUM_REJECTED', 'ERR_CALLOSUM_PENDING'];
  let problems = [];
  /** Whether the rover was stopped, and nothing was asked of it since then. */
  let isSilent = false;
  const roved = (promise) =>
    promise.then(
      ({ socket }) => socket.destroy(),
      (error) => TOLD.includes(error.code) || problems.push(`rove: ${error.stack}`),
    );

  /** Has the callback of the site call `act` for a while; `set` is given the rover, `unset` undoes it. */
  const PLACES = {
    'a getter of a server': (act) => ({ servers: { a: { host: '127.0.0.1', get port() { act(); return answering.port; } } } }),
    'a proxy of a server': (act) => ({
      servers: { a: new Proxy({ ...answering }, { get: (...args) => (act(), Reflect.get(...args)) }) },
    }),
    'a getter of the table': (act) => ({ servers: { get a() { act(); return answering; } } }),
    'a proxy of the table': (act) => ({
      servers: new Proxy({ a: answering }, {
        get: (...args) => (act(), Reflect.get(...args)),
        ownKeys: (...args) => (act(), Reflect.ownKeys(...args)),
        getOwnPropertyDescriptor: (...args) => (act(), Reflect.getOwnPropertyDescriptor(...args)),
        defineProperty: (...args) => (act(), Reflect.defineProperty(...args)),
        deleteProperty: (...args) => (act(), Reflect.deleteProperty(...args)),
      }),
    }),
    'a lookup function': (act) => ({
      servers: {
        a: {
          host: 'some.test',
          port: answering.port,
          lookup(_host, { all }, done) {
            act();
            if (all) done(null, [{ address: '127.0.0.1', family: 4 }]);
            else done(null, '127.0.0.1', 4);
          },
        },
      },
    }),
  };

  const hook = (name) => (act) => {
    const hooks = createHook({ [name]: act });
    hooks.enable();
    return () => hooks.disable();
  };
  const subscriber = (...names) => (act) => {
    for (const name of names) diagnostics.subscribe(name, act);
    return () => names.forEach((name) => diagnostics.unsubscribe(name, act));
  };
  const OUTCOMES = ['attempt', 'connection', 'rejected', 'unreachable', 'closed', 'error'];
  const SURROUNDINGS = {
    'async_hooks init': hook('init'),
    'async_hooks before': hook('before'),
    'async_hooks after': hook('after'),
    'async_hooks destroy': hook('destroy'),
    newListener: (act, rover) => void rover.on('newListener', act),
    removeListener: (act, rover) => void rover.on('removeListener', act),
    'a getter of ROVING_INTERVAL': (act, rover) =>
      void Object.defineProperty(rover, 'ROVING_INTERVAL', { get: () => (act(), 2) }),
    'a getter of intervalId': (act, rover) => {
      let intervalId = null;
      const get = () => (act(), intervalId);
      const set = (value) => void (intervalId = value);
      Object.defineProperty(rover, 'intervalId', { configurable: true, get, set });
    },
    'an overridden connect': (act, rover) => {
      rover.connect = function () {
        act();
        ClientRover.prototype.connect.call(this);
        act();
      };
    },
    'a listener': (act, rover) => {
      for (const event of ['connection', 'unreachable', 'closed', 'error']) rover.prependListener(event, act);
    },
    'a listener of up and down': (act, rover) => {
      for (const event of ['up', 'down']) rover.on(event, act);
    },
    'a subscriber': subscriber(...OUTCOMES.map((name) => `callosum-client-tcp-rover:${name}`)),
    'a subscriber of net.client.socket': subscriber('net.client.socket'),
  };

  for (const [name, method] of Object.entries(METHODS)) {
    let calls = 0;
    let isActing = false;
    let isOver = false;
    let rover = null;
    const act = () => {
      if (isActing || isOver || rover === null || calls === 40) return;
      calls++;
      isActing = true;
      try {
        method(rover);
      } catch (error) {
        problems.push(error.stack);
      } finally {
        isActing = false;
      }
    };
    const id = (text) => ({ toString: () => (site === 'toString of an id' && act(), text) });
    const options = PLACES[site]?.(act) ?? { servers: { a: answering } };
    options.servers.b = refused;
    rover = new ClientRover({ ROVING_INTERVAL: 2, ...options });
    rover.on('connection', (_slot, socket) => socket.destroy());
    for (const event of ['connection', 'unreachable', 'closed', 'error', 'up', 'down']) {
      rover.on(event, () => isSilent && problems.push(`${event} after stop()`));
    }
    const undo = SURROUNDINGS[site]?.(act, rover);
    const attempts = () => rover.stats().attempts;
    for (let round = 0; round < 2; round++) {
      isSilent = false;
      // With JavaScript at each interval, and without.
      if (round === 1) rover.connect = rover.connect.bind(rover);
      rover.once('some event', act);
      rover.emit('some event');
      rover.start();
      rover.connect();
      roved(rover.rove());
      rover.addServer(id('c'), refused);
      rover.rest(id('c'), 1);
      rover.dropServer(id('c'));
      const enough = attempts() + 4;
      // Some methods end the roving: then there is nothing to wait for.
      await until(() => {
        isSilent = false;
        rover.connect();
        return attempts() >= enough;
      });
    }
    isOver = true;
    undo?.();
    // It must know of itself what it has begun.
    rover.intervalId = null;
    rover.stop();
    const { pending, skipped, ...counts } = rover.stats();
    const sum = Object.values(counts).reduce((left, right) => left + right, 0) - counts.attempts;
    if (pending !== 0) problems.push(`${pending} pending`);
    if (sum !== counts.attempts) problems.push(`${sum} outcomes of ${counts.attempts} attempts, ${skipped} skipped`);
    if (calls === 0) problems.push('never called');
    // A roving that nothing refers to any more would go on here, and keep the process, or not.
    const before = attempts();
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (attempts() !== before) problems.push('roves on');
    if (problems.length > 0) print(name, problems);
    problems = [];
  }
};

describe('any method, called from within', () => {
  for (const site of SITES) {
    it(`${site}, leaves a rover that can be stopped, and a process that ends (rows 10, 30 and 31)`, async function () {
      const isNode = process.versions.bun === undefined && process.versions.deno === undefined;
      if (site.startsWith('async_hooks') && !isNode) return skip(this, 'needs the async_hooks of Node.js');
      const { address: answering } = await slotServer();
      const data = { site, answering, refused: await refusedAddress() };
      assert.deepEqual(await printedBy(reenter, data), []);
    });
  }
});
