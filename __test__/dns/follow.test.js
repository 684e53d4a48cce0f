'use strict';

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { addAbortListener, getEventListeners, once } = require('node:events');

const { follow } = require('callosum-client-tcp-rover/dns');

const { cleanup } = require('../helpers/cleanup.js');
const { printedBy } = require('../helpers/child.js');
const { nameServer } = require('../helpers/dnsmasq.js');
const { nameServer: scriptedNameServer } = require('../helpers/name-server.js');
const { attempt, makeRover } = require('../helpers/rover.js');
const { skip } = require('../helpers/skip.js');
const { slotServer } = require('../helpers/slot-server.js');

const NAME = 'slots.test';
const EMPTY = ['local=/slots.test/', `host-record=${NAME},::1`];
const NXDOMAIN = ['local=/slots.test/'];

/** A code of DNS. */
const SERVFAIL = 2;

const addresses = (...ips) => ips.map((ip) => `host-record=${NAME},${ip}`);

/** Follows a name until the end of the test. */
function following(rover, server, options, name = NAME) {
  const follower = follow(rover, name, { port: 4040, interval: 20, nameServers: [server.address], ...options });
  cleanup(() => follower.stop());
  return follower;
}

/** A name server that answers as this says, `n` being how often it was asked before; and fails, once told to. */
async function scripted(answer) {
  let isFailing = false;
  const server = await scriptedNameServer((name, n) => (isFailing ? SERVFAIL : answer(name, n)), 0);
  cleanup(() => server.close());
  return {
    address: `127.0.0.1:${server.address().port}`,
    fail() {
      isFailing = true;
    },
  };
}

/** The ids that came and went at the next change. */
async function nextUpdate(follower) {
  const [added, dropped] = await once(follower, 'update');
  return { added: added.sort(), dropped: dropped.sort() };
}

/** The codes of the next failures. */
async function nextFailures(follower, count) {
  const codes = [];
  while (codes.length < count) codes.push((await once(follower, 'failure'))[0].code);
  return codes;
}

/** A name server that answers, a rover that follows a name of it, and has heard the answer. */
async function followed(test, records, options) {
  const server = await nameServer(test);
  await server.serve(records);
  const rover = makeRover();
  const follower = following(rover, server, options);
  const update = await nextUpdate(follower);
  return { server, rover, follower, update };
}

describe('follow', () => {
  it('makes a server of each address (row 81)', async function () {
    const { rover, update } = await followed(this, addresses('127.0.0.1', '127.0.0.2'));
    assert.deepEqual(update, { added: ['127.0.0.1:4040', '127.0.0.2:4040'], dropped: [] });
    assert.deepEqual({ ...rover.servers }, {
      '127.0.0.1:4040': { host: '127.0.0.1', port: 4040 },
      '127.0.0.2:4040': { host: '127.0.0.2', port: 4040 },
    });
  });

  it('reads IPv6 addresses with AAAA (row 81)', async function () {
    const { rover } = await followed(this, addresses('127.0.0.1', '2001:db8::1'), { type: 'AAAA' });
    assert.deepEqual({ ...rover.servers }, { '[2001:db8::1]:4040': { host: '2001:db8::1', port: 4040 } });
  });

  it('leads the rover to a real server (row 81)', async function () {
    const { port } = await slotServer({ greeting: '7\r\n' });
    const { rover } = await followed(this, addresses('127.0.0.1'), { port });
    assert.equal((await attempt(rover)).slot, 7);
  });

  it('adds what comes, drops what goes, and leaves the others as they are (row 81)', async function () {
    const { server, rover, follower } = await followed(this, addresses('127.0.0.1', '127.0.0.2'));
    const kept = rover.servers['127.0.0.2:4040'];
    await server.serve(addresses('127.0.0.2', '127.0.0.3'));
    assert.deepEqual(await nextUpdate(follower), { added: ['127.0.0.3:4040'], dropped: ['127.0.0.1:4040'] });
    assert.equal(rover.servers['127.0.0.2:4040'], kept);
    assert.deepEqual(Object.keys(rover.servers).sort(), ['127.0.0.2:4040', '127.0.0.3:4040']);
  });

  it('never empties the table between two answers (row 81)', async function () {
    const { server, rover, follower } = await followed(this, addresses('127.0.0.1'));
    let fewest = Infinity;
    const { dropServer } = rover;
    rover.dropServer = (id) => {
      dropServer.call(rover, id);
      fewest = Math.min(fewest, Object.keys(rover.servers).length);
    };
    await server.serve(addresses('127.0.0.2'));
    await nextUpdate(follower);
    assert.equal(fewest, 1);
  });

  it('reads again at the TTL where there is no interval (row 81)', async function () {
    const { server, follower } = await followed(this, [...addresses('127.0.0.1'), 'local-ttl=1'], { interval: undefined });
    const began = performance.now();
    await server.serve([...addresses('127.0.0.2'), 'local-ttl=60']);
    assert.deepEqual(await nextUpdate(follower), { added: ['127.0.0.2:4040'], dropped: ['127.0.0.1:4040'] });
    const took = performance.now() - began;
    assert.ok(took > 500 && took < 5000, `${took} ms`);
  });

  for (const [what, act, code] of [
    ['refuses', (server) => server.serve([]), 'EREFUSED'],
    ['is gone', (server) => server.stop(), 'ECONNREFUSED'],
  ]) {
    it(`keeps the last good answer while the name server ${what}, and goes on when it is back (row 81)`, async function () {
      const { server, rover, follower } = await followed(this, addresses('127.0.0.1'));
      await act(server);
      assert.deepEqual(await nextFailures(follower, 5), new Array(5).fill(code));
      assert.deepEqual(Object.keys(rover.servers), ['127.0.0.1:4040']);
      await server.serve(addresses('127.0.0.2'));
      assert.deepEqual(await nextUpdate(follower), { added: ['127.0.0.2:4040'], dropped: ['127.0.0.1:4040'] });
    });
  }

  it('keeps the last good answer while the name server is silent (row 81)', async function () {
    this.timeout(30_000);
    const { server, rover, follower } = await followed(this, addresses('127.0.0.1'));
    await server.stop();
    const silent = dgram.createSocket('udp4').bind(Number(server.address.split(':')[1]), '127.0.0.1');
    await once(silent, 'listening');
    await once(silent, 'message');
    // One that came while nothing listened may be on its way.
    let code = 'ECONNREFUSED';
    while (code === 'ECONNREFUSED') [code] = await nextFailures(follower, 1);
    silent.close();
    assert.equal(code, 'ETIMEOUT');
    assert.deepEqual(Object.keys(rover.servers), ['127.0.0.1:4040']);
  });

  for (const [lie, records, code] of [['an empty answer', EMPTY, 'ENODATA'], ['NXDOMAIN', NXDOMAIN, 'ENOTFOUND']]) {
    it(`does not believe ${lie} at once (row 81)`, async function () {
      const { server, rover, follower } = await followed(this, addresses('127.0.0.1'), { interval: 300 });
      await server.serve(records);
      assert.deepEqual(await nextFailures(follower, 2), [code, code]);
      const answered = nextUpdate(follower);
      await server.serve(addresses('127.0.0.1', '127.0.0.2'));
      assert.deepEqual(await answered, { added: ['127.0.0.2:4040'], dropped: [] });
      // That answer has made the two before it forgotten.
      await server.serve(records);
      assert.deepEqual(await nextFailures(follower, 2), [code, code]);
      assert.equal(Object.keys(rover.servers).length, 2);
    });

    it(`believes ${lie} when it has come three times in a row (row 81)`, async function () {
      const { server, rover, follower } = await followed(this, addresses('127.0.0.1'));
      const failures = [];
      follower.on('failure', (error) => failures.push(error.code));
      await server.serve(records);
      assert.deepEqual(await nextUpdate(follower), { added: [], dropped: ['127.0.0.1:4040'] });
      assert.deepEqual(failures.filter((one) => one === code), [code, code]);
      assert.deepEqual(Object.keys(rover.servers), []);
      await server.serve(addresses('127.0.0.1'));
      assert.deepEqual(await nextUpdate(follower), { added: ['127.0.0.1:4040'], dropped: [] });
    });
  }

  it('begins to count again where an answer fails between empty ones (row 81)', async () => {
    const NOTHING = null;
    const answers = ['127.0.0.1', NOTHING, NOTHING, SERVFAIL, NOTHING, NOTHING, SERVFAIL, NOTHING, NOTHING, NOTHING];
    const follower = following(makeRover(), await scripted((_name, n) => answers[n]));
    const events = [];
    follower.on('failure', ({ code }) => events.push(code));
    await nextUpdate(follower);
    assert.deepEqual(await nextUpdate(follower), { added: [], dropped: ['127.0.0.1:4040'] });
    const [E, F] = ['ENOTFOUND', 'ESERVFAIL'];
    assert.deepEqual(events, [E, E, F, E, E, F, E, E]);
  });

  it('says so where there has been no answer yet, and goes on trying (row 81)', async function () {
    const server = await nameServer(this);
    const rover = makeRover();
    const follower = following(rover, server);
    assert.deepEqual(await nextFailures(follower, 2), ['ECONNREFUSED', 'ECONNREFUSED']);
    await server.serve(addresses('127.0.0.1'));
    assert.deepEqual(await nextUpdate(follower), { added: ['127.0.0.1:4040'], dropped: [] });
  });

  describe('with SRV', () => {
    const SRV = { type: 'SRV', port: undefined };
    const service = (target, port, priority, weight) => `srv-host=${NAME},${target},${port},${priority},${weight}`;

    it('makes a server of each target, with its port (row 81)', async function () {
      const records = [service('a.test', 4040, 0, 1), service('b.test', 4041, 0, 1), service('b.test', 4042, 0, 9)];
      const { rover } = await followed(this, records, SRV);
      assert.deepEqual(Object.keys(rover.servers).sort(), ['a.test:4040', 'b.test:4041', 'b.test:4042']);
      assert.deepEqual(rover.servers['b.test:4041'], { host: 'b.test', port: 4041 });
    });

    it('takes the targets of the first priority only (row 81)', async function () {
      const records = [service('spare.test', 4040, 20, 0), service('a.test', 4040, 10, 0), service('b.test', 4040, 10, 0)];
      const { server, rover, follower } = await followed(this, records, SRV);
      assert.deepEqual(Object.keys(rover.servers).sort(), ['a.test:4040', 'b.test:4040']);
      await server.serve(records.slice(0, 1));
      assert.deepEqual((await nextUpdate(follower)).added, ['spare.test:4040']);
    });

    it('leaves targets of weight 0 out where there are others (row 81)', async function () {
      const { rover } = await followed(this, [service('a.test', 4040, 0, 5), service('b.test', 4040, 0, 0)], SRV);
      assert.deepEqual(Object.keys(rover.servers), ['a.test:4040']);
    });

    it('takes the target `.` for no servers (row 81)', async function () {
      const { server, rover, follower } = await followed(this, [service('a.test', 4040, 0, 0)], SRV);
      await server.serve([`srv-host=${NAME}`]);
      assert.deepEqual(await nextFailures(follower, 2), ['ENODATA', 'ENODATA']);
      assert.deepEqual(await nextUpdate(follower), { added: [], dropped: ['a.test:4040'] });
      assert.deepEqual(Object.keys(rover.servers), []);
    });
  });

  describe('among servers of others', () => {
    it('leaves them alone (row 81)', async function () {
      const server = await nameServer(this);
      await server.serve(addresses('127.0.0.1', '127.0.0.2'));
      const own = { host: '127.0.0.1', port: 4040, noDelay: true };
      const rover = makeRover({ servers: { '127.0.0.1:4040': own, other: { port: 4041 } } });
      const follower = following(rover, server);
      assert.deepEqual(await nextUpdate(follower), { added: ['127.0.0.2:4040'], dropped: [] });
      await server.serve(addresses('127.0.0.3'));
      assert.deepEqual(await nextUpdate(follower), { added: ['127.0.0.3:4040'], dropped: ['127.0.0.2:4040'] });
      assert.deepEqual(Object.keys(rover.servers).sort(), ['127.0.0.1:4040', '127.0.0.3:4040', 'other']);
      assert.equal(rover.servers['127.0.0.1:4040'], own);
    });

    it('does not drop one that the app has put in the place of its own (row 81)', async function () {
      const { server, rover, follower } = await followed(this, addresses('127.0.0.1', '127.0.0.2'));
      rover.addServer('127.0.0.1:4040', { host: '127.0.0.1', port: 4040, keepAlive: true });
      await server.serve(addresses('127.0.0.3'));
      assert.deepEqual(await nextUpdate(follower), { added: ['127.0.0.3:4040'], dropped: ['127.0.0.2:4040'] });
      assert.ok(rover.servers['127.0.0.1:4040'].keepAlive);
    });

    it('adds one again that the app has dropped, as at `unreachable` (row 81)', async function () {
      const { rover, follower } = await followed(this, addresses('127.0.0.1'));
      rover.dropServer('127.0.0.1:4040');
      assert.deepEqual(await nextUpdate(follower), { added: ['127.0.0.1:4040'], dropped: [] });
      rover.servers = {};
      assert.deepEqual(await nextUpdate(follower), { added: ['127.0.0.1:4040'], dropped: [] });
    });
  });

  describe('several names for one rover', () => {
    const OTHER = 'other.test';
    const ids = (...ns) => ns.map((n) => `127.0.0.${n}:4040`);
    const records = (name, ns) => ns.map((n) => `host-record=${name},127.0.0.${n}`);
    const both = (one, other) => [...records(NAME, one), ...records(OTHER, other)];

    const [COMMON] = ids(2);

    /** A rover that follows two names, which have an address in common. */
    async function followedTwice(test) {
      const { server, rover, follower } = await followed(test, both([1, 2], [2, 3]));
      const other = following(rover, server, {}, OTHER);
      assert.deepEqual(await nextUpdate(other), { added: ids(3), dropped: [] });
      return { server, rover, follower, other };
    }

    it('keeps a server that the name which brought it loses until the other one does (row 81)', async function () {
      const { server, rover, follower, other } = await followedTwice(this);
      const kept = rover.servers[COMMON];
      await server.serve(both([1, 4], [2, 3]));
      assert.deepEqual(await nextUpdate(follower), { added: ids(4), dropped: [] });
      assert.equal(rover.servers[COMMON], kept);
      await server.serve(both([1, 4], [3]));
      assert.deepEqual(await nextUpdate(other), { added: [], dropped: [COMMON] });
      assert.deepEqual(Object.keys(rover.servers).sort(), ids(1, 3, 4));
    });

    it('keeps a server that the other name loses until the one which brought it does (row 81)', async function () {
      const { server, rover, follower, other } = await followedTwice(this);
      await server.serve(both([1, 2], [3, 4]));
      assert.deepEqual(await nextUpdate(other), { added: ids(4), dropped: [] });
      await server.serve(both([1], [3, 4]));
      assert.deepEqual(await nextUpdate(follower), { added: [], dropped: [COMMON] });
      assert.deepEqual(Object.keys(rover.servers).sort(), ids(1, 3, 4));
    });

    it('leaves one alone that the app has put in its place (row 81)', async function () {
      const { server, rover, follower, other } = await followedTwice(this);
      rover.addServer(COMMON, { host: '127.0.0.2', port: 4040, keepAlive: true });
      const updates = [nextUpdate(follower), nextUpdate(other)];
      await server.serve(both([1, 4], [3, 5]));
      assert.deepEqual(await Promise.all(updates), [{ added: ids(4), dropped: [] }, { added: ids(5), dropped: [] }]);
      assert.ok(rover.servers[COMMON].keepAlive);
    });

    it('adds one again that the app has dropped, and still drops it only with the last (row 81)', async function () {
      const { server, rover, follower, other } = await followedTwice(this);
      const again = Promise.race([nextUpdate(follower), nextUpdate(other)]);
      rover.dropServer(COMMON);
      assert.deepEqual(await again, { added: [COMMON], dropped: [] });
      await server.serve(both([1, 4], [2, 3]));
      assert.deepEqual(await nextUpdate(follower), { added: ids(4), dropped: [] });
      await server.serve(both([1, 4], [3]));
      assert.deepEqual(await nextUpdate(other), { added: [], dropped: [COMMON] });
    });

    it('keeps what one of them had when it was stopped (row 81)', async function () {
      const { server, rover, follower, other } = await followedTwice(this);
      follower.stop();
      await server.serve(both([1], [4]));
      assert.deepEqual(await nextUpdate(other), { added: ids(4), dropped: ids(3) });
      assert.deepEqual(Object.keys(rover.servers).sort(), ids(1, 2, 4));
    });
  });

  for (const [how, stop] of Object.entries({
    'stop()': ({ follower }) => follower.stop(),
    'Symbol.dispose': ({ follower }) => follower[Symbol.dispose](),
    'its signal': ({ controller }) => controller.abort(),
  })) {
    it(`reads no more after ${how}, and leaves the table as it is (row 81)`, async function () {
      const controller = new AbortController();
      const { server, rover, follower } = await followed(this, addresses('127.0.0.1'), { signal: controller.signal });
      const heard = [];
      for (const event of ['update', 'failure']) follower.on(event, () => heard.push(event));
      stop({ follower, controller });
      await server.serve(addresses('127.0.0.2'));
      // Another one with the same interval has read it several times.
      const other = following(makeRover(), server);
      await nextUpdate(other);
      await server.stop();
      await nextFailures(other, 3);
      assert.deepEqual(heard, []);
      assert.deepEqual(Object.keys(rover.servers), ['127.0.0.1:4040']);
    });
  }

  it('gives up a question that is under way at stop(), and says nothing of it (row 81)', async function () {
    const server = await nameServer(this);
    await server.serve(addresses('127.0.0.1'));
    const rover = makeRover();
    const follower = following(rover, server);
    const heard = [];
    for (const event of ['update', 'failure']) follower.on(event, () => heard.push(event));
    follower.stop();
    await nextUpdate(following(makeRover(), server));
    assert.deepEqual([heard, Object.keys(rover.servers)], [[], []]);
  });

  it('does not begin with a signal that is aborted (row 81)', async function () {
    const server = await nameServer(this);
    await server.serve(addresses('127.0.0.1'));
    const rover = makeRover();
    following(rover, server, { signal: AbortSignal.abort() });
    await nextUpdate(following(makeRover(), server));
    assert.deepEqual(Object.keys(rover.servers), []);
  });

  describe('with one signal for many', () => {
    /** Twelve that follow a name with one signal, and have heard the first answer. */
    async function twelve(signal) {
      const server = await scripted(() => '127.0.0.1');
      const followers = Array.from({ length: 12 }, () => following(makeRover(), server, { signal }));
      await Promise.all(followers.map(nextUpdate));
      return { server, followers };
    }

    it('listens to it once, until the last one has stopped (row 81)', async () => {
      const warnings = [];
      const onWarning = (warning) => warnings.push(warning.name);
      process.on('warning', onWarning);
      cleanup(() => process.off('warning', onWarning));
      const { signal } = new AbortController();
      const { followers } = await twelve(signal);
      const count = () => getEventListeners(signal, 'abort').length;
      assert.deepEqual([warnings, count()], [[], 1]);
      for (const follower of followers.slice(1)) follower.stop();
      assert.equal(count(), 1);
      followers[0].stop();
      assert.equal(count(), 0);
    });

    it('stops them all, whatever a listener of the app does (row 81)', async function () {
      if (addAbortListener === undefined) return skip(this, 'events.addAbortListener is there from Node.js 20.5 on');
      const controller = new AbortController();
      controller.signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
      const { server, followers } = await twelve(controller.signal);
      const failed = [];
      for (const follower of followers) follower.on('failure', () => failed.push(follower));
      controller.abort();
      server.fail();
      await nextFailures(following(makeRover(), server), 3);
      assert.deepEqual(failed, []);
    });
  });

  it('does not keep the process alive (row 81)', async function () {
    const server = await nameServer(this);
    await server.serve(addresses('127.0.0.1'));
    const body = async ({ ClientRover, print }, nameServers) => {
      const { once } = require('node:events');
      const { follow } = require('callosum-client-tcp-rover/dns');
      const rover = new ClientRover();
      await once(follow(rover, 'slots.test', { port: 4040, interval: 60_000, nameServers }), 'update');
      print(Object.keys(rover.servers));
    };
    assert.deepEqual(await printedBy(body, [server.address]), [['127.0.0.1:4040']]);
  });

  it('says what is wrong with its arguments (row 81)', () => {
    const rover = makeRover();
    assert.throws(() => follow({}, NAME, { port: 1 }), { name: 'TypeError', message: 'rover must be a ClientRover' });
    for (const name of [undefined, '', 1]) assert.throws(() => follow(rover, name, { port: 1 }), TypeError);
    for (const port of [undefined, 0, 65_536, '4040']) assert.throws(() => follow(rover, NAME, { port }), RangeError);
    assert.throws(() => follow(rover, NAME, { port: 1, type: 'MX' }), TypeError);
    for (const interval of [0, -1, NaN, 2 ** 31]) assert.throws(() => follow(rover, NAME, { port: 1, interval }), RangeError);
    assert.throws(() => follow(rover, NAME, { port: 1, signal: 'now' }), TypeError);
    assert.throws(() => follow(rover, NAME, { port: 1, nameServers: ['nowhere'] }), { code: 'ERR_INVALID_IP_ADDRESS' });
  });
});
