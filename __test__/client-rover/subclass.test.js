'use strict';

const assert = require('node:assert/strict');
const { EventEmitter, once } = require('node:events');
const util = require('node:util');

const { cleanup } = require('../helpers/cleanup.js');
const { ClientRover, attempt, beats, makeRover } = require('../helpers/rover.js');
const { slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

function Inherited(options) {
  ClientRover.call(this, options);
  this.own = 'field';
}
util.inherits(Inherited, ClientRover);

class Extended extends ClientRover {
  own = 'field';
}

const SUBCLASSES = {
  'class X extends ClientRover': Extended,
  'util.inherits(X, ClientRover)': Inherited,
};

for (const [way, Subclass] of Object.entries(SUBCLASSES)) {
  describe(way, () => {
    it('makes rovers of that class with all fields (row 3)', () => {
      const rover = makeRover({ ROVING_INTERVAL: 250, servers: {} }, Subclass);
      assert.ok(rover instanceof Subclass);
      assert.ok(rover instanceof ClientRover);
      assert.ok(rover instanceof EventEmitter);
      assert.equal(rover.constructor, Subclass);
      assert.equal(rover.own, 'field');
      assert.equal(rover.ROVING_INTERVAL, 250);
      assert.equal(rover.intervalId, null);
      assert.ok(Object.keys(rover).includes('servers'));
    });

    it('attempts, and gives the events its own `this` (row 3)', async () => {
      const server = await slotServer();
      const rover = makeRover({}, Subclass);
      rover.addServer('a', server.address);
      let self;
      rover.on('connection', function () {
        self = this;
      });
      const { slot } = await attempt(rover);
      assert.equal(slot, 13);
      assert.equal(self, rover);
    });

    it('roves (row 3)', async () => {
      const server = await slotServer();
      const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: server.address } }, Subclass);
      rover.start();
      await once(rover, 'connection');
      await once(rover, 'connection');
    });
  });
}

describe('an overridden connect', () => {
  const OVERRIDES = {
    'in a class': (override) =>
      makeRover(
        { ROVING_INTERVAL: 10 },
        class extends ClientRover {
          connect() {
            override(this);
          }
        },
      ),
    'on the prototype of a constructor of 2013': (override) => {
      function Overriding(options) {
        ClientRover.call(this, options);
      }
      util.inherits(Overriding, ClientRover);
      Overriding.prototype.connect = function () {
        override(this);
      };
      return makeRover({ ROVING_INTERVAL: 10 }, Overriding);
    },
    'on the instance, after construction': (override) => {
      const rover = makeRover({ ROVING_INTERVAL: 10 });
      rover.connect = function () {
        override(this);
      };
      return rover;
    },
    'on the prototype of the package, by a stub': (override) => {
      const { connect } = ClientRover.prototype;
      cleanup(() => (ClientRover.prototype.connect = connect));
      ClientRover.prototype.connect = function () {
        override(this);
      };
      return makeRover({ ROVING_INTERVAL: 10 });
    },
  };

  for (const [where, make] of Object.entries(OVERRIDES)) {
    it(`${where} is called at once and at every interval (row 7)`, async () => {
      const calls = [];
      const fourth = new Promise((resolve) => {
        const rover = make((self) => {
          calls.push(self);
          if (calls.length === 4) resolve();
        });
        rover.start();
        assert.deepEqual(calls, [rover], 'called once before start() returns');
      });
      await fourth;
      assert.equal(new Set(calls).size, 1);
    });
  }

  it('stops being called after clearInterval (rows 7 and 9)', async () => {
    let calls = 0;
    const rover = OVERRIDES['on the instance, after construction'](() => calls++);
    rover.start();
    clearInterval(rover.intervalId);
    await beats(4, 10);
    assert.equal(calls, 1);
  });

  it('may hand over to the original connect (row 7)', async () => {
    const server = await slotServer();
    let calls = 0;
    class Counting extends ClientRover {
      connect() {
        calls++;
        super.connect();
      }
    }
    const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: server.address } }, Counting);
    rover.start();
    await once(rover, 'connection');
    await once(rover, 'connection');
    assert.ok(calls >= 2);
    clearInterval(rover.intervalId);
  });
});

describe('class fields of a subclass', () => {
  it('are taken for the properties of the rover that they stand over (rows 4 and 29)', async () => {
    const { address } = await slotServer({ greeting: '9\r\n' });
    class Fielded extends ClientRover {
      MAX_SLOT = 5;
      servers = { a: address };
    }
    const rover = new Fielded();
    rover.addServer('b', address);
    assert.deepEqual(Object.keys(rover.servers), ['a', 'b']);
    rover.connect();
    await until(() => rover.stats().pending === 0);
    const { connections, rejected } = rover.stats();
    assert.deepEqual({ connections, rejected }, { connections: 0, rejected: 1 });
    assert.equal(rover.MAX_SLOT, 5);
  });
});
