'use strict';

const assert = require('node:assert/strict');
const util = require('node:util');

const { ClientRover, attempts, makeRover } = require('../helpers/rover.js');
const { refusedAddress } = require('../helpers/slot-server.js');

const host = '127.0.0.1';
const port = 4040;

/** Code, class, and the servers that are refused with them. */
const BAD = [
  ['ERR_MISSING_ARGS', TypeError, [{}, { host }, { host, port: undefined }]],
  [
    'ERR_SOCKET_BAD_PORT',
    RangeError,
    [65536, -1, 1.5, NaN, Infinity, '65536', '-1', 'http', '', ' ', '80x'].map((bad) => ({ host, port: bad })),
  ],
  [
    'ERR_INVALID_ARG_TYPE',
    TypeError,
    [
      ...[true, {}, []].map((bad) => ({ host, port: bad })),
      ...[42, true, {}, ['127.0.0.1'], Buffer.from(host)].map((bad) => ({ host: bad, port })),
      ...[42, true, {}].map((bad) => ({ path: bad })),
      ...[undefined, null, 'localhost:4040', port, true, Symbol('server')],
    ],
  ],
  [
    'ERR_INVALID_ARG_VALUE',
    TypeError,
    [
      { host, port, lookup() {} },
      { host, port, hints: 1 },
      { host, port, localPort: 4041 },
      { host, port, onread: { buffer: Buffer.alloc(1), callback() {} } },
      { host, port, signal: new AbortController().signal },
    ],
  ],
];

/** Every way to hand a server in. */
const WAYS = {
  'new ClientRover({ servers })': (_rover, bad) => new ClientRover({ servers: { fine: { host, port }, bad } }),
  addServer: (rover, bad) => rover.addServer('bad', bad),
  'addServer in the place of another': (rover, bad) => rover.addServer('a', bad),
  'rover.servers.x = …': (rover, bad) => {
    rover.servers.bad = bad;
  },
  'rover.servers.x = … in the place of another': (rover, bad) => {
    rover.servers.a = bad;
  },
  'rover.servers = {…}': (rover, bad) => {
    rover.servers = { fine: { host, port }, bad };
  },
};

for (const [way, handIn] of Object.entries(WAYS)) {
  describe(`a bad server handed in by ${way}`, () => {
    for (const [code, Class, servers] of BAD) {
      for (const bad of servers) {
        it(`throws ${code} on ${util.inspect(bad, { breakLength: Infinity })} and changes nothing (row 6)`, () => {
          const good = { a: { host, port }, b: { host, port } };
          const rover = new ClientRover({ servers: { ...good } });
          assert.throws(
            () => handIn(rover, bad),
            (error) => {
              assert.equal(error.code, code);
              assert.ok(error instanceof Class, `${error.name} is a ${Class.name}`);
              return true;
            },
          );
          assert.deepEqual(Object.keys(rover.servers), ['a', 'b']);
          assert.equal(rover.servers.a, good.a);
          assert.equal(rover.servers.b, good.b);
        });
      }
    }
  });
}

describe('a bad server', () => {
  it('is not picked: roving goes on with the servers from before (row 6)', async () => {
    const a = await refusedAddress();
    const rover = makeRover({ servers: { a } });
    for (const handIn of Object.values(WAYS)) assert.throws(() => handIn(rover, { host, port: 65536 }));
    const outcomes = await attempts(rover, 20);
    for (const { id, server } of outcomes) assert.deepEqual([id, server === a], ['a', true]);
  });

  for (const option of ['lookup', 'hints', 'localPort', 'onread', 'signal']) {
    it(`with the net.connect option ${option} gets an error that names it (row 5)`, () => {
      const rover = new ClientRover();
      assert.throws(() => rover.addServer('a', { host, port, [option]: 1 }), {
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_VALUE',
        message: new RegExp(`\\b${option}\\b`),
      });
    });
  }

  it('throws when no object is assigned to rover.servers (row 6)', () => {
    const a = { host, port };
    const rover = new ClientRover({ servers: { a } });
    for (const bad of [undefined, null, 'servers', 42]) {
      assert.throws(
        () => {
          rover.servers = bad;
        },
        { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' },
      );
    }
    assert.equal(rover.servers.a, a);
  });
});
