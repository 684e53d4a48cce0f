'use strict';

const assert = require('node:assert/strict');
const { EventEmitter, once } = require('node:events');
const util = require('node:util');

const { cleanup } = require('../helpers/cleanup.js');
const { ClientRover, assertQuiet, track } = require('../helpers/rover.js');
const { slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

const ROVING_INTERVAL = 10;

/** What `for … in` finds of the prototype is put onto an object. */
function copyMethods(to) {
  for (const name in ClientRover.prototype) to[name] = ClientRover.prototype[name];
  return to;
}

function inheriting(constructor) {
  util.inherits(constructor, ClientRover);
  return constructor;
}

/** A deep clone, as apps of 2013 write one: of what is enumerable. */
function deepClone(value, seen = new Map()) {
  if (typeof value !== 'object' || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const clone = Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value));
  seen.set(value, clone);
  for (const key of Object.keys(value)) clone[key] = deepClone(value[key], seen);
  return clone;
}

const cloneByDescriptors = (rover) =>
  Object.create(Object.getPrototypeOf(rover), Object.getOwnPropertyDescriptors(rover));

/** Every way to get an object that roves to one server, by how it is done. */
const WAYS = {
  'util.inherits and ClientRover.call': (options) =>
    new (inheriting(function (given) {
      ClientRover.call(this, given);
    }))(options),
  'util.inherits and super_.apply': (options) => {
    const Rover = inheriting(function (...args) {
      Rover.super_.apply(this, args);
    });
    return new Rover(options);
  },
  'util.inherits and fields of its own': ({ servers }) =>
    new (inheriting(function () {
      EventEmitter.call(this);
      this.ROVING_INTERVAL = ROVING_INTERVAL;
      this.servers = servers;
      this.intervalId = null;
    }))(),
  'util.inherits and nothing but addServer': ({ servers }) => {
    const rover = new (inheriting(function () {
      this.ROVING_INTERVAL = ROVING_INTERVAL;
    }))();
    rover.addServer('a', servers.a);
    return rover;
  },
  'util.inherits and fields of its prototype': ({ servers }) => {
    const Rover = inheriting(function () {});
    Object.assign(Rover.prototype, { ROVING_INTERVAL, servers });
    return new Rover();
  },
  'a rover as the prototype': ({ servers }) => {
    function Rover() {
      this.ROVING_INTERVAL = ROVING_INTERVAL;
    }
    Rover.prototype = new ClientRover();
    const rover = new Rover();
    rover.addServer('a', servers.a);
    return rover;
  },
  'a rover as the prototype, and servers of its own': ({ servers }) => {
    function Rover() {
      this.ROVING_INTERVAL = ROVING_INTERVAL;
      this.servers = servers;
    }
    Rover.prototype = new ClientRover();
    return new Rover();
  },
  'class fields': ({ servers }) => {
    class Rover extends ClientRover {
      ROVING_INTERVAL = ROVING_INTERVAL;
      servers = servers;
      intervalId = undefined;
    }
    return new Rover();
  },
  'the methods copied onto another emitter': ({ servers }) =>
    copyMethods(Object.assign(new EventEmitter(), { ROVING_INTERVAL, servers, intervalId: null })),
  'the methods mixed into another prototype': ({ servers }) => {
    class Mixed extends EventEmitter {
      ROVING_INTERVAL = ROVING_INTERVAL;
      servers = servers;
      intervalId = null;
    }
    copyMethods(Mixed.prototype);
    return new Mixed();
  },
  'the methods copied, and servers that cannot be redefined': ({ servers }) => {
    const emitter = copyMethods(Object.assign(new EventEmitter(), { ROVING_INTERVAL }));
    return Object.defineProperty(emitter, 'servers', { enumerable: true, value: servers });
  },
  'ClientRover.call on another emitter': (options) => {
    const emitter = copyMethods(new EventEmitter());
    ClientRover.call(emitter, options);
    return emitter;
  },
  'Object.create of a rover': (options) => Object.create(new ClientRover(options)),
  'a proxy of a rover': (options) => new Proxy(new ClientRover(options), {}),
  'a proxy of the class': (options) => new (new Proxy(ClientRover, {}))(options),
  'a rover that takes no more properties': (options) => Object.preventExtensions(new ClientRover(options)),
  'a deep clone of a rover': (options) => deepClone(new ClientRover(options)),
  'a clone of a rover by its descriptors': (options) => cloneByDescriptors(new ClientRover(options)),
};

describe('a rover made by', () => {
  for (const [way, make] of Object.entries(WAYS)) {
    it(`${way} roves, is given the events as \`this\`, and stops by its intervalId (rows 3, 9 and 13)`, async () => {
      const server = await slotServer();
      const rover = make({ ROVING_INTERVAL, servers: { a: server.address } });
      cleanup(() => clearInterval(rover.intervalId));
      const selves = new Set();
      rover.on('connection', function (_slot, socket) {
        selves.add(this);
        track(socket);
      });
      rover.start();
      for (let n = 0; n < 3; n++) {
        const [slot, , id] = await once(rover, 'connection');
        assert.deepEqual([slot, id], [13, 'a']);
      }
      assert.deepEqual([...selves], [rover]);
      rover.addServer('b', server.address);
      rover.dropServer('a');
      assert.deepEqual(Object.keys(rover.servers), ['b']);
      clearInterval(rover.intervalId);
      await assertQuiet(server, ROVING_INTERVAL);
    });
  }

  it('its constructor names it as util.inherits does (row 3)', () => {
    assert.equal(ClientRover.super_, EventEmitter);
    const names = [];
    for (const name in ClientRover.prototype) if (!(name in EventEmitter.prototype)) names.push(name);
    assert.deepEqual(names.sort(), ['addServer', 'connect', 'dropServer', 'start']);
  });
});

describe('another emitter that has the methods of 0.1.0', () => {
  /** One that ClientRover was called on, and one that was never initialised. */
  const MADE = {
    'and was initialised by ClientRover.call': (options) => {
      const emitter = copyMethods(new EventEmitter());
      ClientRover.call(emitter, options);
      return emitter;
    },
    'and fields of its own': (options) => copyMethods(Object.assign(new EventEmitter(), options)),
  };

  it('is stopped by its signal (rows 3 and 30)', async () => {
    const server = await slotServer({ greeting: '' });
    const controller = new AbortController();
    const { signal } = controller;
    const options = { ROVING_INTERVAL, servers: { a: server.address }, signal };
    const emitter = MADE['and was initialised by ClientRover.call'](options);
    cleanup(() => clearInterval(emitter.intervalId));
    emitter.start();
    const socket = await server.nextSocket();
    controller.abort();
    assert.equal(emitter.intervalId, null);
    await once(socket, 'close');
    await assertQuiet(server, ROVING_INTERVAL);
  });

  for (const [how, make] of Object.entries(MADE)) {
    it(`${how} has a live MAX_SLOT, which no loop over it shows (rows 3 and 29)`, async () => {
      const server = await slotServer({ greeting: '9\r\n' });
      const emitter = make({ ROVING_INTERVAL, servers: { a: server.address } });
      cleanup(() => clearInterval(emitter.intervalId));
      const slots = [];
      emitter.on('connection', (slot, socket) => {
        slots.push(slot);
        track(socket);
      });
      emitter.start();
      await once(emitter, 'connection');
      assert.equal(Object.keys(emitter).includes('MAX_SLOT'), false);
      emitter.MAX_SLOT = 8;
      assert.equal(emitter.MAX_SLOT, 8);
      const count = slots.length;
      const { accepted } = server;
      await until(() => server.accepted > accepted + 2);
      assert.equal(slots.length, count);
      emitter.MAX_SLOT = 9;
      await once(emitter, 'connection');
    });
  }

  it('may have had a MAX_SLOT of its own before (rows 3 and 29)', async () => {
    const { address } = await slotServer({ greeting: '9\r\n' });
    const emitter = MADE['and fields of its own']({ MAX_SLOT: 8, ROVING_INTERVAL, servers: { a: address } });
    cleanup(() => clearInterval(emitter.intervalId));
    emitter.start();
    await until(() => ClientRover.prototype.stats.call(emitter).rejected > 2);
    emitter.on('connection', (_slot, socket) => track(socket));
    emitter.MAX_SLOT = 9;
    await once(emitter, 'connection');
  });
});

/** Two rovers that each note their connections. */
function pair(original, clone) {
  const counts = new Map();
  for (const rover of [original, clone]) {
    cleanup(() => rover.stop());
    // A clone shares the lists of listeners of its original, or has copies of them.
    Object.assign(rover, { _events: Object.create(null), _eventsCount: 0 });
    counts.set(rover, 0);
    rover.on('connection', (_slot, socket) => {
      track(socket);
      counts.set(rover, counts.get(rover) + 1);
    });
  }
  return counts;
}

for (const [how, clone] of Object.entries({ 'deep clone': deepClone, 'clone by descriptors': cloneByDescriptors })) {
  describe(`a ${how} of a rover`, () => {
    it('goes on when the original stops, and the other way round (row 3)', async () => {
      const { address } = await slotServer();
      const original = new ClientRover({ ROVING_INTERVAL, servers: { a: address } });
      original.start();
      const cloned = clone(original);
      const counts = pair(original, cloned);
      cloned.stop();
      await once(original, 'connection');
      await once(original, 'connection');
      cloned.start();
      await once(cloned, 'connection');
      original.stop();
      const stopped = counts.get(original);
      await once(cloned, 'connection');
      await once(cloned, 'connection');
      assert.equal(counts.get(original), stopped);
      assert.equal(original.stats().pending, 0);
    });
  });
}

describe('a deep clone of a rover', () => {
  it('has servers of its own (rows 3 and 4)', async () => {
    const { address } = await slotServer();
    const original = new ClientRover({ servers: { a: address } });
    const cloned = deepClone(original);
    cloned.addServer('b', address);
    original.dropServer('a');
    assert.deepEqual([Object.keys(original.servers), Object.keys(cloned.servers)], [[], ['a', 'b']]);
  });
});

describe('a proxy of a rover', () => {
  it('is the same rover: its options, its servers, its stop() (rows 3 and 30)', async () => {
    const server = await slotServer({ greeting: '9\r\n' });
    const rover = new ClientRover({ ROVING_INTERVAL, MAX_SLOT: 5, servers: { a: server.address } });
    const proxy = new Proxy(rover, {});
    assert.equal(proxy.MAX_SLOT, 5);
    assert.equal(proxy.servers, rover.servers);
    proxy.start();
    await server.nextSocket();
    assert.equal(rover.stats().attempts > 0, true);
    rover.stop();
    assert.equal(proxy.intervalId, null);
    await assertQuiet(server, ROVING_INTERVAL);
  });
});
