'use strict';

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const util = require('node:util');

const { run } = require('../helpers/child.js');
const { ClientRover, attempt, makeRover } = require('../helpers/rover.js');
const { slotServer } = require('../helpers/slot-server.js');

describe('require and import', () => {
  it('gives the constructor itself (row 1)', () => {
    assert.equal(typeof ClientRover, 'function');
    const rover = new ClientRover();
    assert.equal(rover.constructor, ClientRover);
    for (const method of ['addServer', 'dropServer', 'connect', 'start']) {
      assert.equal(typeof rover[method], 'function', method);
    }
  });

  it('gives the same constructor to `import Rover from` (row 1)', async () => {
    const script = `
      import Rover from 'callosum-client-tcp-rover';
      import { createRequire } from 'node:module';
      const required = createRequire(process.cwd() + '/')('callosum-client-tcp-rover');
      console.log(Rover === required, new Rover() instanceof Rover);`;
    const { code, stdout, stderr } = await run(['--input-type=module', '-e', script]);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'true true\n', stderr: '' });
  });
});

describe('new ClientRover(options)', () => {
  it('has defaults for all that it is not given (row 2)', () => {
    for (const rover of [new ClientRover(), new ClientRover({})]) {
      assert.equal(rover.ROVING_INTERVAL, 1000);
      assert.deepEqual({ ...rover.servers }, {});
      assert.equal(rover.intervalId, null);
    }
  });

  it('takes ROVING_INTERVAL and servers (row 2)', () => {
    const servers = { a: { host: '127.0.0.1', port: 4040 }, b: { port: 4041 } };
    const rover = new ClientRover({ ROVING_INTERVAL: 250, servers });
    assert.equal(rover.ROVING_INTERVAL, 250);
    assert.deepEqual(Object.keys(rover.servers), ['a', 'b']);
    assert.equal(rover.servers.a, servers.a);
    assert.equal(rover.servers.b, servers.b);
  });

  for (const value of [0, NaN, '', false, null, undefined]) {
    it(`takes a ROVING_INTERVAL of ${value} for the default (row 2)`, () => {
      assert.equal(new ClientRover({ ROVING_INTERVAL: value }).ROVING_INTERVAL, 1000);
    });
  }

  it('takes whatever is falsy for the default at start(), too (row 2)', () => {
    for (const value of [NaN, 0, '', null, undefined]) {
      const rover = makeRover({ ROVING_INTERVAL: 5, servers: { a: { host: '127.0.0.1', port: 0 } } });
      rover.on('unreachable', () => {});
      rover.ROVING_INTERVAL = value;
      rover.start();
      rover.stop();
    }
  });

  it('has ROVING_INTERVAL, servers and intervalId as own and enumerable fields (row 2)', () => {
    const rover = new ClientRover();
    for (const field of ['ROVING_INTERVAL', 'servers', 'intervalId']) {
      assert.ok(Object.hasOwn(rover, field), `${field} is own`);
      assert.ok(Object.keys(rover).includes(field), `${field} is enumerable`);
    }
  });

  it('makes an EventEmitter that nobody listens to (row 3)', () => {
    const rover = new ClientRover();
    assert.ok(rover instanceof EventEmitter);
    assert.deepEqual(rover.eventNames(), []);
  });

  it('shares no servers between two rovers (row 2)', () => {
    const one = new ClientRover();
    const other = new ClientRover();
    one.addServer('a', { port: 4040 });
    assert.deepEqual(Object.keys(other.servers), []);
  });

  it('roves to the servers that it was given (row 2)', async () => {
    const server = await slotServer({ greeting: '13\r\n' });
    const { event, slot } = await attempt(makeRover({ servers: { a: server.address } }));
    assert.deepEqual({ event, slot }, { event: 'connection', slot: 13 });
  });
});

describe('bad options', () => {
  const durations = [-1, 2 ** 31, Infinity, -Infinity, '1s', {}];
  const bad = {
    ROVING_INTERVAL: [...durations, true],
    CONNECT_TIMEOUT: [...durations, NaN],
    SLOT_TIMEOUT: [...durations, NaN],
    MAX_INTERVAL: [...durations, NaN],
    MAX_PENDING: [0, -1, 0.5, NaN, 2 ** 31, '1s'],
    JITTER: [-0.1, 1.1, NaN, 'some'],
    MAX_SLOT: ['5', {}, true, NaN],
  };
  for (const [option, values] of Object.entries(bad)) {
    for (const value of values) {
      it(`throws on ${option}: ${util.inspect(value)} (row 35)`, () => {
        assert.throws(
          () => new ClientRover({ [option]: value }),
          (error) => {
            assert.ok(error instanceof RangeError || error instanceof TypeError, `${error}`);
            assert.match(error.code, /^ERR_/);
            assert.match(error.message, new RegExp(option));
            return true;
          },
        );
      });
    }
  }

  it('takes the longest interval and the longest timeouts that there are (row 35)', () => {
    const longest = 2 ** 31 - 1;
    const options = { ROVING_INTERVAL: longest, CONNECT_TIMEOUT: longest, SLOT_TIMEOUT: longest };
    assert.equal(new ClientRover(options).ROVING_INTERVAL, longest);
  });
});
