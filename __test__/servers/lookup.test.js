'use strict';

const assert = require('node:assert/strict');
const dns = require('node:dns');
const { once } = require('node:events');
const net = require('node:net');
const { getSystemErrorMap, inspect } = require('node:util');

const { attemptAt, makeRover } = require('../helpers/rover.js');
const { LEAVES_SOCKETS_OPEN, skip } = require('../helpers/skip.js');
const { refusedPort, slotServer } = require('../helpers/slot-server.js');

// A `lookup` of the server's own, beside net.connect(), which calls it in the same way and makes the same of its answers.

/** As libuv numbers it on this system. */
const [EINVAL] = [...getSystemErrorMap()].find(([, [name]]) => name === 'EINVAL');

const NODE = parseInt(process.versions.node, 10);

const show = (value) => inspect(value, { breakLength: Infinity, depth: 2 });

/** What is told of an error, by net.connect() as by the rover. Node's AggregateErrors have no message. */
function facts(error) {
  if (typeof error !== 'object' || error === null) return { thrown: error };
  const { address, code, errno, errors, host, hostname, message, name, port, syscall } = error;
  const own = errors === undefined ? { message } : { errors: errors.map(facts) };
  return { name, code, address, errno, host, hostname, port, syscall, ...own };
}

/** What becomes of a server under net.connect(). */
async function plainly(server) {
  const socket = net.connect(server);
  try {
    await once(socket, 'data');
    return 'connected';
  } catch (error) {
    return facts(error);
  } finally {
    socket.destroy();
  }
}

/** The same under a rover. */
async function byRover(server) {
  const { event, error } = await attemptAt(server);
  return event === 'connection' ? 'connected' : { ...facts(error), event };
}

describe('a lookup of the server\'s own', () => {
  const HOSTS = ['UPPER.test', 'b\u00fccher.test', '[::1]', '127.1'];
  // Before 22, Node checks the host in dns.lookup() alone.
  const ANY_HOSTS = NODE < 22 ? [5, true, { x: 1 }, ['a'], 'a\0b', '\0'] : [];

  for (const options of [
    ...[undefined, null, 0, 4, 6, 5, 'IPv4', 'IPv6', 'bogus', NaN, {}].map((family) => ({ family })),
    ...[undefined, null, 0, -0, dns.ADDRCONFIG, 999, 'x', '', NaN, true].map((hints) => ({ hints })),
    ...[true, false, null].map((autoSelectFamily) => ({ autoSelectFamily })),
    { family: 4, hints: dns.V4MAPPED },
    { family: 6, autoSelectFamily: true },
    { localAddress: '127.0.0.1' },
    { localAddress: '' },
    { localAddress: '127.0.0.1', autoSelectFamily: true },
    { autoSelectFamilyAttemptTimeout: 5 },
    ...[...HOSTS, ...ANY_HOSTS].map((host) => ({ host })),
  ]) {
    it(`is called as by net.connect: ${show(options)} (row 5)`, async () => {
      const { port } = await slotServer();
      const calls = [];
      const server = {
        host: 'slots.test',
        port,
        ...options,
        lookup(...args) {
          const [host, given, callback] = args;
          const { length } = args;
          calls.push({ host, given: { ...given }, keys: Object.keys(given), length, self: this === server, type: typeof callback });
          assert.equal(Object.getPrototypeOf(given), Object.prototype);
          if (given.all) setImmediate(callback, null, [{ address: '127.0.0.1', family: 4 }]);
          else setImmediate(callback, null, '127.0.0.1', 4);
        },
      };
      assert.equal(await plainly(server), 'connected');
      assert.equal(await byRover(server), 'connected');
      assert.equal(calls.length, 2);
      assert.deepEqual(calls[1], calls[0]);
    });
  }

  it('is asked for one address where the app has turned the racing of families off (rows 5 and 26)', async () => {
    const { port } = await slotServer();
    const given = [];
    const lookup = (host, options, callback) => {
      given.push(options.all);
      callback(null, '127.0.0.1', 4);
    };
    const isOn = net.getDefaultAutoSelectFamily();
    net.setDefaultAutoSelectFamily(false);
    try {
      assert.equal(await plainly({ host: 'slots.test', port, lookup }), 'connected');
      assert.equal(await byRover({ host: 'slots.test', port, lookup }), 'connected');
    } finally {
      net.setDefaultAutoSelectFamily(isOn);
    }
    assert.deepEqual(given, [undefined, undefined]);
  });

  const good = { address: '127.0.0.1', family: 4 };
  const dead = { address: '127.0.0.9', family: 4 };

  const ANSWERS = {
    'an array': ['good', [good]],
    'what has a length': ['good', { length: 1, 0: good }],
    'the classic answer': ['good', '127.0.0.1', 4],
    'a name': ['good', 'localhost', 4],
    'strings': ['good', ['127.0.0.1']],
    'a family of no kind': ['good', [{ ...good, family: 5 }]],
    'a family in words': ['good', [{ ...good, family: 'IPv4' }]],
    'no family': ['good', [{ address: '127.0.0.1' }]],
    'a bad one and a good one': ['good', [{ address: 'x', family: 6 }, good]],
    'two bad ones': ['good', [{ address: 'x', family: 6 }, { ...good, family: 5 }]],
    'an address with a zone': ['good', [{ address: '127.0.0.1%lo', family: 4 }]],
    'the same one twice': ['refused', [dead, { ...dead }]],
    'two that refuse': ['refused', [dead, { address: '127.0.0.8', family: 4 }]],
  };
  const OPTIONS = [{}, { family: 4 }, { autoSelectFamily: false }, { localAddress: '127.0.0.1' }, { host: undefined }];

  for (const [what, [kind, ...answer]] of Object.entries(ANSWERS)) {
    it(`has the answers of net.connect to it: ${what} (rows 5, 6 and 23)`, async function () {
      if (LEAVES_SOCKETS_OPEN !== null && what === 'two that refuse') return skip(this, LEAVES_SOCKETS_OPEN);
      const port = kind === 'good' ? (await slotServer()).port : await refusedPort();
      const lookup = (host, options, callback) => setImmediate(callback, null, ...answer);
      for (const options of OPTIONS) {
        const server = { host: 'slots.test', port: `${port}`, lookup, ...options };
        const expected = await plainly(server);
        const actual = await byRover(server);
        const event = expected === 'connected' ? expected : { ...expected, event: 'unreachable' };
        assert.deepEqual(actual, event, show(options));
      }
    });
  }

  // With these Node throws a TypeError of its own insides into the app's lookup.
  for (const answer of [[], [null], [undefined], [7, 4], [{}], [new Set([good])], [[]]]) {
    it(`is unreachable with ERR_INVALID_IP_ADDRESS where its answer is ${show(answer)} (row 6)`, async () => {
      const lookup = (host, options, callback) => callback(null, ...answer);
      const { event, error } = await attemptAt({ host: 'slots.test', port: 1, lookup });
      assert.deepEqual([event, error.code, error.message], ['unreachable', 'ERR_INVALID_IP_ADDRESS', 'Invalid IP address: undefined']);
    });
  }

  it('may have nothing among its answers (row 5)', async () => {
    const { port } = await slotServer();
    const lookup = (host, options, callback) => callback(null, [null, undefined, good]);
    assert.equal(await byRover({ host: 'slots.test', port, lookup }), 'connected');
  });

  for (const failure of ['boom', 1, { code: 'EOWN' }, Object.freeze(new Error('frozen'))]) {
    it(`is unreachable with whatever it gives for an error, or throws: ${failure.message ?? show(failure)} (rows 5 and 23)`, async () => {
      const give = (host, options, callback) => callback(failure);
      const raise = () => {
        throw failure;
      };
      for (const lookup of [give, raise]) {
        const { event, error } = await attemptAt({ host: 'slots.test', port: 1, lookup });
        assert.equal(event, 'unreachable');
        assert.equal(error, failure);
      }
    });
  }

  for (const nothing of [null, undefined]) {
    it(`is unreachable with an error where it throws ${nothing}, and rove() is rejected with it (rows 6, 23 and 41)`, async () => {
      const lookup = () => {
        throw nothing;
      };
      const server = { host: 'slots.test', port: 1, lookup };
      const expected = { code: 'ERR_UNHANDLED_ERROR', message: `Unhandled error. (${nothing})` };
      const { event, error } = await attemptAt(server);
      assert.equal(event, 'unreachable');
      assert.deepEqual({ code: error.code, message: error.message }, expected);
      await assert.rejects(makeRover({ servers: { a: server } }).rove(), { ...expected, id: 'a', server });
    });
  }

  it('is an error where a getter of the server throws null (row 6)', async () => {
    const server = {
      get port() {
        throw null;
      },
    };
    const { event, error } = await attemptAt(server);
    assert.deepEqual([event, error.code], ['error', 'ERR_UNHANDLED_ERROR']);
  });
});

describe('a name that is not found', () => {
  // Some versions ask the system for what cannot be a name, and some do not.
  const sinceEinval = (error) => ({ ...error, errno: EINVAL, code: 'EINVAL', message: error.message.replace('ENOTFOUND', 'EINVAL') });

  for (const [host, adapt] of [
    ['m\u00fcnchen.invalid', (error) => error],
    ['xn--mnchen-3ya.invalid', (error) => error],
    ['\u00c4.invalid', (error) => error],
    [`${'x'.repeat(60)}.`.repeat(5), sinceEinval],
    ['x'.repeat(300), sinceEinval],
    [`${'\u00fc'.repeat(40)}.`.repeat(6), sinceEinval],
    ['\u00ad', sinceEinval],
  ]) {
    it(`is named as net.connect names it: ${host.length > 30 ? `${host.slice(0, 9)}, ${host.length} letters` : host} (row 23)`, async () => {
      const expected = adapt(await plainly({ host, port: 1 }));
      const { event, error } = await attemptAt({ host, port: 1 }, { CONNECT_TIMEOUT: 0 });
      assert.equal(event, 'unreachable');
      assert.deepEqual(facts(error), expected);
      assert.equal(error.hostname, host);
    });
  }

  it('is looked up up to 255 letters (row 23)', async () => {
    const host = `${'x'.repeat(63)}.`.repeat(4).slice(0, -1);
    const { error } = await attemptAt({ host, port: 1 }, { CONNECT_TIMEOUT: 0 });
    assert.deepEqual(facts(error), await plainly({ host, port: 1 }));
    assert.notEqual(error.code, 'EINVAL');
  });

  it('is named as the app gave it where its own lookup takes too long (rows 23 and 24)', async () => {
    const server = { host: 'm\u00fcnchen.test', port: 1, lookup: () => {} };
    const { error } = await attemptAt(server, { CONNECT_TIMEOUT: 20 });
    assert.deepEqual([error.message, error.hostname], ['getaddrinfo ETIMEDOUT m\u00fcnchen.test', 'm\u00fcnchen.test']);
  });
});
