'use strict';

const assert = require('node:assert/strict');
const dns = require('node:dns');
const net = require('node:net');
const { domainToASCII } = require('node:url');
const { inspect } = require('node:util');

const { defaultAddressPolicy } = require('../../lib/net-defaults.js');
const { isSame, normalize } = require('../../lib/servers/normalize.js');

const { cleanup } = require('../helpers/cleanup.js');
const { recordConnects, stateOf } = require('../helpers/plain-connect.js');

const NODE = parseInt(process.versions.node, 10);

function lookup(_host, { all, family }, callback) {
  const found = family === 6 ? { address: '::1', family: 6 } : { address: '127.0.0.1', family: 4 };
  process.nextTick(() => (all ? callback(null, [found]) : callback(null, found.address, found.family)));
}

/** Where a server is. Each is combined with each option. */
const TARGETS = {
  'an IPv4 address': () => ({ host: '127.0.0.1', port: 4040 }),
  'an IPv6 address': () => ({ host: '::1', port: '4040' }),
  'a name': () => ({ host: 'slot.test', port: 4040 }),
  'no host': () => ({ port: 4040 }),
  'a path': () => ({ path: '/run/slots.sock' }),
};

/** On, off, of a wrong type, at a limit: each option is given each of these. */
const VALUES = [
  ...[undefined, null, false, true],
  ...[0, -0, 1, 4, 5, 6, 9, 10, 11, 250, -1, -0.5, 0.5, 1.5, NaN, Infinity, -Infinity],
  ...[1023, 65535, 65536, -65535, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 32 + 32, 2 ** 53, -(2 ** 31)],
  ...['', ' ', '0', '1', '4', '6', '250', 'x', 'true', 'IPv4', 'IPv6', 'ipv4'],
  ...['utf8', 'UTF-8', 'latin1', 'hex', 'base64url', 'ucs2', 'buffer', 'utf9'],
  ...['127.0.0.1', '127.0.0.2', '::1', '::1%lo', '::ffff:127.0.0.1', '127.1', '999.1.1.1', 'localhost'],
  ...[{}, [], [1], ['127.0.0.1'], ['::1'], ['utf8'], Buffer.from('127.0.0.1'), new Date(0), /x/],
  ...[0n, 4n, Symbol('value'), lookup],
  ...[dns.ADDRCONFIG, dns.V4MAPPED, dns.ALL, dns.ADDRCONFIG | dns.V4MAPPED | dns.ALL, dns.ADDRCONFIG + 0.5],
];

const OPTIONS = [
  ...['allowHalfOpen', 'noDelay', 'keepAlive', 'keepAliveInitialDelay', 'timeout', 'encoding', 'highWaterMark'],
  ...['family', 'hints', 'lookup', 'localAddress', 'localPort', 'autoSelectFamily', 'autoSelectFamilyAttemptTimeout'],
];

/** Of each option one value that is bad with a name, and one that is not. Each pair of options is combined. */
const SAMPLES = {
  allowHalfOpen: [true],
  noDelay: [true],
  keepAlive: [true],
  keepAliveInitialDelay: ['1', 5000],
  timeout: [-1, 3000],
  encoding: ['utf9', 'utf8'],
  highWaterMark: [-1, 1],
  host: ['b\u00fccher.test', '::1'],
  port: [65536, '80', null],
  path: ['', 1],
  family: [5, 6],
  hints: [1, dns.ADDRCONFIG],
  lookup: [1, lookup],
  localAddress: ['x', '127.0.0.2'],
  localPort: ['1', 4041],
  autoSelectFamily: [1, false],
  autoSelectFamilyAttemptTimeout: [0, 30],
};

const HOSTS = [
  ...['localhost', 'LOCALHOST', 'a.b.', 'b\u00fccher.test', '\u4f8b\u3048.test', 'xn--bcher-kva.test', 'a b', '-', '%', '\u00ad'],
  ...['127.0.0.1', '127.0.0.1 ', '127.1', '0x7f.1', '2130706433', '::', '[::1]', 'fe80::1%eth0', '::1%', '::1%a b'],
  ...['localhost\0', '\0', '127.0.0.1\0'],
  ...[new String('127.0.0.1'), { toString: () => '::1' }, { toString: () => 'localhost' }],
];

const PORTS = ['080', '0x50', '0b11', '1e3', '1e5', '+80', '-0', ' 80 ', '80x', '8.0', '8.5', '\n', 'Infinity', '65535', '65536'];

const PATHS = ['/', 'slots.sock', '80', ' ', '\\\\.\\pipe\\slots', '\0abstract', 'x'.repeat(200), new String('/x')];

/** Makes one with accessors on its prototype, as apps do that keep more than an address. */
class Server {
  #own;
  constructor(own) {
    this.#own = own;
  }
  get host() {
    return this.#own.host;
  }
  get port() {
    return this.#own.port;
  }
  get timeout() {
    return this.#own.timeout;
  }
  // As Node reads them: not at all, not being own properties; but the delay is checked.
  get allowHalfOpen() {
    return true;
  }
  get noDelay() {
    return true;
  }
  get encoding() {
    return 'utf9';
  }
  get highWaterMark() {
    return -1;
  }
  get keepAliveInitialDelay() {
    return this.#own.keepAliveInitialDelay;
  }
}

const ALL_ON = {
  ...{ host: 'slot.test', port: 80, allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 2000 },
  ...{ timeout: 5000, encoding: 'hex', highWaterMark: 7, family: 'IPv6', hints: dns.V4MAPPED, lookup },
  ...{ localAddress: '::1', localPort: 4041, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 20 },
};

/** Anything that has properties may be a server. */
const OBJECTS = {
  'everything on': () => ({ ...ALL_ON }),
  frozen: () => Object.freeze({ ...ALL_ON }),
  'without a prototype': () => Object.assign(Object.create(null), ALL_ON),
  'all inherited': () => Object.create(ALL_ON),
  'not enumerable': () =>
    Object.defineProperties(
      {},
      Object.fromEntries(Object.entries(ALL_ON).map(([name, value]) => [name, { __proto__: null, value }])),
    ),
  'a class': () => new Server({ host: '127.0.0.1', port: 80, timeout: 30 }),
  'a class with a bad timeout': () => new Server({ host: '127.0.0.1', port: 80, timeout: '30' }),
  'a class with a bad delay': () => new Server({ host: '127.0.0.1', port: 80, keepAliveInitialDelay: '30' }),
  'a class with a bad port': () => new Server({ host: '127.0.0.1', port: -1 }),
  'a proxy': () => new Proxy({ ...ALL_ON }, {}),
  'an array': () => Object.assign([], ALL_ON),
  'a map': () => Object.assign(new Map(), ALL_ON),
  'a getter that throws': () => ({
    host: '127.0.0.1',
    get port() {
      throw new RangeError('of the app');
    },
  }),
  'keys of the app': () => ({ host: '127.0.0.1', port: 80, weight: 3, on() {}, [Symbol('own')]: true }),
};

/** Every kind of value that may stand in a table by itself. */
const BARE = [
  ...VALUES,
  ...PORTS,
  ...PATHS.filter((path) => typeof path === 'string'),
  ...['localhost:4040', '-1', '.', 4040, '4040', '1e3', () => {}],
];

// The table: `{ label, make }`, made anew for each side, for Node writes into it (a negative delay becomes 0).

const groups = new Map();

function add(group, label, make) {
  if (!groups.has(group)) groups.set(group, []);
  groups.get(group).push({ label, make });
}

const show = (value) => inspect(value, { breakLength: Infinity, depth: 0 });

for (const [target, makeTarget] of Object.entries(TARGETS)) {
  for (const option of OPTIONS) {
    for (const value of VALUES) {
      add(`${option} with ${target}`, show(value), () => ({ ...makeTarget(), [option]: value }));
    }
  }
  const names = Object.keys(SAMPLES);
  for (const [n, one] of names.entries()) {
    for (const other of names.slice(n + 1)) {
      for (const first of SAMPLES[one]) {
        for (const second of SAMPLES[other]) {
          const pair = { [one]: first, [other]: second };
          add(`two options with ${target}`, show(pair), () => ({ ...makeTarget(), ...pair }));
        }
      }
    }
  }
}
for (const host of [...VALUES, ...HOSTS]) add('host', show(host), () => ({ host, port: 80 }));
for (const port of [...VALUES, ...PORTS]) add('port', show(port), () => ({ host: '127.0.0.1', port }));
for (const path of [...VALUES, ...PATHS]) {
  add('path', show(path), () => ({ path }));
  add('path beside a port', show(path), () => ({ path, port: 80 }));
  add('path beside what is bad', show(path), () => ({ path, port: -1, localAddress: 'x', family: 5 }));
}
for (const keepAliveInitialDelay of VALUES) {
  add('keepAliveInitialDelay of one that is kept alive', show(keepAliveInitialDelay), () => {
    return { host: '::1', port: 80, keepAlive: true, keepAliveInitialDelay };
  });
}
for (const [label, make] of Object.entries(OBJECTS)) add('objects', label, make);
for (const value of BARE) add('bare values', show(value), () => value);

/**
 * What the rover does not do as Node does, or as some versions of it do.
 *
 * @returns {string | undefined} The code that it throws.
 */
function knownDifference(server, plain) {
  const { host, path } = server ?? {};
  // Before 22, Node connects to what is before the null byte; afterwards it throws this.
  const isCut = NODE < 22 && !path && typeof host === 'string' && host.includes('\0');
  if (isCut && (plain.threw === undefined || plain.lookedUp)) return 'ERR_INVALID_ARG_VALUE';
  // Node binds to the low 16 bits of the port, and then finds that another one is "in use".
  if (plain.failed === 'EADDRINUSE') return 'ERR_SOCKET_BAD_PORT';
}

/** What the rover makes of a server, in the words of `plainConnect`. */
function describeNormalized(server) {
  let normalized;
  try {
    normalized = normalize(server);
  } catch (error) {
    return { threw: error.code ?? error.name };
  }
  assert.deepEqual(Object.keys(normalized), SHAPE);
  const { family, headStart, hints, host, localAddress, localPort, path, port, socket } = normalized;
  const { allowHalfOpen, encoding, highWaterMark, keepAlive, keepAliveInitialDelay, noDelay, timeout } = socket ?? {};
  const own = new net.Socket({ allowHalfOpen, encoding, highWaterMark });
  if (timeout) own.setTimeout(timeout);
  const state = stateOf(own);
  own.destroy();
  if (path !== undefined) return { state, connected: { path } };
  const isAddress = net.isIP(host) !== 0;
  const reached = family === 6 ? '::1' : '127.0.0.1';
  const connected = { host: isAddress ? host : reached, port };
  const any = (isAddress ? net.isIP(host) : family || 4) === 6 ? '::' : '0.0.0.0';
  const isBound = localAddress !== undefined || localPort !== 0;
  const isOne = family !== 0 || localAddress !== undefined || headStart === 0 || !net.getDefaultAutoSelectFamily();
  return {
    state,
    ...(!isAddress &&
      normalized.lookup === undefined && {
        lookedUp: { host, family, hints: hints || (family ? 0 : dns.ADDRCONFIG), all: !isOne },
      }),
    ...(isBound && { bound: { address: localAddress ?? any, port: localPort } }),
    connected,
    ...(noDelay && { noDelay }),
    ...(keepAlive && { keepAlive: ~~(keepAliveInitialDelay / 1000) }),
  };
}

const SHAPE = ['host', 'name', 'port', 'path', 'family', 'hints', 'localAddress', 'localPort', 'headStart', 'lookup', 'socket'];

/** Writes down as the rover does what comes to the same for the kernel and the resolver. */
function inOurWords({ bound, lookedUp, ...rest }) {
  const words = { ...rest };
  // Any port of any address is what one gets without binding.
  if (bound && (bound.port !== 0 || !['0.0.0.0', '::'].includes(bound.address))) words.bound = bound;
  if (lookedUp) {
    const { host, all } = lookedUp;
    const family = lookedUp.family === 4 || lookedUp.family === 6 ? lookedUp.family : 0;
    // Of hints that are not 0 but become it, as -0.5 does, Node makes none, and the rover the default.
    const hints = lookedUp.hints >>> 0 || (family === 0 ? dns.ADDRCONFIG : 0);
    words.lookedUp = { host: /[^\0-\x7f]/.test(host) ? domainToASCII(host) : host, family, hints, all };
  }
  return words;
}

describe('a server as net.connect takes it', function () {
  // These are the rules of Node, and its handles, taken apart.
  if (process.versions.bun || process.versions.deno || process.platform === 'win32') return;

  let plain;
  before(() => {
    plain = recordConnects();
  });
  after(() => plain.restore());

  it('is tried in thousands of ways', () => {
    const count = [...groups.values()].reduce((sum, { length }) => sum + length, 0);
    assert.ok(count > 6000, `${count}`);
  });

  for (const [group, entries] of groups) {
    it(`${group}: throws the same code, or does the same (rows 5 and 6)`, async () => {
      for (const { label, make } of entries) {
        const expected = await plain.connect(make());
        const code = knownDifference(make(), expected);
        const actual = describeNormalized(make());
        assert.deepEqual(actual, code === undefined ? inOurWords(expected) : { threw: code }, label);
        // Two readings of what has not changed are the same.
        if (actual.threw === undefined) assert.ok(isSame(normalize(make()), normalize(make())), label);
      }
    });
  }

  for (const autoSelectFamily of [undefined, true, false]) {
    it(`autoSelectFamily: ${autoSelectFamily} stands against the default of node:net (rows 5 and 26)`, async () => {
      const isOn = net.getDefaultAutoSelectFamily();
      try {
        for (const byDefault of [true, false]) {
          net.setDefaultAutoSelectFamily(byDefault);
          for (const autoSelectFamilyAttemptTimeout of [undefined, 30]) {
            const server = { port: 80, autoSelectFamily, autoSelectFamilyAttemptTimeout };
            const { lookedUp } = await plain.connect(server);
            const { headStart } = normalize(server);
            assert.equal(headStart === undefined ? byDefault : headStart > 0, lookedUp.all, inspect({ byDefault, server }));
          }
        }
      } finally {
        net.setDefaultAutoSelectFamily(isOn);
      }
    });
  }
});

describe('normalize', () => {
  const at = { host: '127.0.0.1', port: 80 };

  for (const [option, honoured, ignored] of [
    [
      'onread',
      [{ buffer: Buffer.alloc(1), callback() {} }, { buffer: () => Buffer.alloc(1), callback() {} }],
      [undefined, null, true, {}, { buffer: Buffer.alloc(1) }, { buffer: 'x', callback() {} }, { callback() {} }],
    ],
    ['signal', [new AbortController().signal, AbortSignal.abort()], [undefined, null, false, 0, '']],
    ['blockList', [new net.BlockList()], [undefined, null, false, 0, '']],
    ['handle', [{}], [undefined, null, false, 0, '']],
    ['fd', [0, 3], [undefined]],
  ]) {
    for (const value of honoured) {
      it(`names ${option} where Node would honour it: ${show(value)} (row 5)`, () => {
        assert.throws(() => normalize({ ...at, [option]: value }), {
          name: 'TypeError',
          code: 'ERR_INVALID_ARG_VALUE',
          message: new RegExp(`"server\\.${option}"`),
        });
      });
    }
    for (const value of ignored) {
      it(`ignores ${option} where Node does: ${show(value)} (row 5)`, () => {
        net.connect({ ...at, [option]: value }).on('error', () => {}).destroy();
        assert.deepEqual(normalize({ ...at, [option]: value }), normalize(at));
      });
    }
  }

  it('throws on a signal, a block list or a descriptor of a wrong kind as Node does (row 6)', () => {
    for (const value of [1, 'x', {}, () => {}]) {
      assert.throws(() => normalize({ ...at, signal: value }), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    for (const value of [null, '3', {}]) {
      assert.throws(() => normalize({ ...at, fd: value }), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    // Node has had block lists here since 22.13, and ignores the option before.
    const outcomeOf = (act) => {
      try {
        act();
        return 'good';
      } catch ({ code }) {
        return code;
      }
    };
    const server = { ...at, blockList: 1 };
    const expected = outcomeOf(() => net.connect(server).on('error', () => {}).destroy());
    assert.equal(outcomeOf(() => normalize(server)), expected);
  });

  it('gives each address the head start that Node gives it (rows 5 and 26)', () => {
    const headStart = (options) => normalize({ port: 80, ...options }).headStart;
    for (const [timeout, ms] of [[1, 10], [9, 10], [10, 10], [11, 11], [2 ** 31 - 1, 2 ** 31 - 1]]) {
      assert.equal(headStart({ autoSelectFamilyAttemptTimeout: timeout }), ms);
      assert.equal(headStart({ autoSelectFamilyAttemptTimeout: timeout, autoSelectFamily: false }), 0);
    }
    assert.equal(headStart({}), undefined);
    assert.equal(headStart({ autoSelectFamily: null, autoSelectFamilyAttemptTimeout: null }), undefined);
    assert.equal(headStart({ autoSelectFamily: false }), 0);
  });

  it('needs no defaults of node:net, which not every runtime tells (rows 26 and 36)', () => {
    const names = ['getDefaultAutoSelectFamily', 'getDefaultAutoSelectFamilyAttemptTimeout'];
    const before = names.map((name) => net[name]);
    cleanup(() => names.forEach((name, index) => (net[name] = before[index])));
    const servers = [true, null].map((autoSelectFamily) => ({ port: 80, autoSelectFamily, autoSelectFamilyAttemptTimeout: 20 }));
    const expected = servers.map(normalize);
    const policy = defaultAddressPolicy();
    for (const name of names) net[name] = undefined;
    assert.deepEqual(servers.map(normalize), expected);
    assert.deepEqual(defaultAddressPolicy(), { ...policy, headStart: 250 });
  });

  it('keeps the lookup of a name, and the name as it is; not that of an IP address (row 5)', () => {
    const named = normalize({ host: 'b\u00fccher.test', port: 80, lookup, hints: 1, family: 6 });
    const { run, host, hints: givenHints, family: givenFamily } = named.lookup;
    assert.deepEqual([run, host, givenHints, givenFamily], [lookup, 'b\u00fccher.test', 1, 6]);
    assert.equal(named.name, 'b\u00fccher.test');
    const { lookup: kept, hints, family } = normalize({ ...at, lookup, hints: 1, family: 6 });
    assert.deepEqual([kept, hints, family], [undefined, 0, 0]);
  });

  it('does not write into the object of the app (row 4)', () => {
    const server = { ...at, keepAlive: true, keepAliveInitialDelay: -1, timeout: 2 ** 40 };
    const before = { ...server };
    normalize(server);
    assert.deepEqual(server, before);
  });

  it('is not led astray by a polluted Object.prototype (row 6)', () => {
    const expected = normalize({ ...at, timeout: 5 });
    const names = ['get', 'set', 'value', 'writable', 'enumerable', 'configurable'];
    try {
      for (const name of names) Object.prototype[name] = 'polluted';
      const normalized = normalize({ ...at, timeout: 5 });
      assert.ok(isSame(normalized, expected));
      assert.throws(() => normalize({}), { code: 'ERR_MISSING_ARGS' });
    } finally {
      for (const name of names) delete Object.prototype[name];
    }
  });
});

describe('isSame', () => {
  const CHANGES = {
    host: 'other.test',
    port: 81,
    path: '/run/slots.sock',
    family: 4,
    hints: dns.ALL,
    lookup() {},
    localAddress: '127.0.0.2',
    localPort: 4042,
    autoSelectFamily: false,
    autoSelectFamilyAttemptTimeout: 21,
    allowHalfOpen: false,
    noDelay: false,
    keepAlive: false,
    keepAliveInitialDelay: 3000,
    timeout: 5001,
    encoding: 'utf8',
    highWaterMark: 8,
  };

  for (const [name, value] of Object.entries(CHANGES)) {
    it(`notices a change of ${name} (row 4)`, () => {
      assert.equal(isSame(normalize(ALL_ON), normalize({ ...ALL_ON, [name]: value })), false);
    });
  }

  it('notices the first option of the socket, and that the last has gone (row 4)', () => {
    const plain = normalize({ port: 80 });
    const set = normalize({ port: 80, noDelay: true });
    assert.equal(isSame(plain, set), false);
    assert.equal(isSame(set, plain), false);
  });

  it('notices nothing in keys that are the business of the app (row 5)', () => {
    assert.equal(isSame(normalize(ALL_ON), normalize({ ...ALL_ON, weight: 3 })), true);
  });
});
