'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const { setTimeout: delay } = require('node:timers/promises');

const { giveSlots } = require('callosum-client-tcp-rover/server');

const { Looks } = require('../../lib/cli/top/looks.js');
const { cut, row, stateOf, summary } = require('../../lib/cli/top/table.js');
const { cleanup } = require('../helpers/cleanup.js');
const { COMMAND, startCommand } = require('../helpers/command.js');
const { nameServer } = require('../helpers/dnsmasq.js');
const { TYPE_A, nameServer: scriptedNameServer } = require('../helpers/name-server.js');
const { listen, refusedPort, slotServer } = require('../helpers/slot-server.js');
const { onTerminal, visible } = require('../helpers/terminal.js');
const { until } = require('../helpers/wait.js');

const FAST = ['--interval', '50'];

const at = ({ port }) => `127.0.0.1:${port}`;

/** `callosum top --json`, and a promise of the next line in which all of this holds, by id. */
function startJson(...args) {
  const command = startCommand(['top', '--json', ...args]);
  return {
    ...command,
    async seen(isWanted = () => true) {
      for (;;) {
        const { servers } = JSON.parse(await command.nextLine());
        const byId = Object.fromEntries(servers.map((server) => [server.id, server]));
        if (isWanted(byId)) return byId;
      }
    },
  };
}

/** A server that gives slots. */
async function givingServer() {
  const server = net.createServer();
  const slots = giveSlots(server);
  await listen(server);
  cleanup(() => server.close());
  return { server, slots, port: server.address().port };
}

describe('callosum top', () => {
  it('tells slot, times, failures and state of each server, in a line of JSON each time (row 91)', async () => {
    const [one, other] = [await slotServer({ greeting: '3\r\n' }), await slotServer({ greeting: '14\r\n' })];
    const refused = { port: await refusedPort() };
    const { seen } = startJson(...FAST, ...[one, other, refused].map(at));
    const servers = await seen((all) => Object.values(all).every(({ looks }) => looks > 3));
    assert.deepEqual(Object.keys(servers), [one, other, refused].map(at));
    for (const [server, slot] of [[one, 3], [other, 14]]) {
      const { connectTime, slotTime, ...rest } = servers[at(server)];
      const { looks } = rest;
      assert.deepEqual(rest, { id: at(server), isDown: false, slot, looks, failed: 0, failures: 0, lastError: null });
      for (const times of [connectTime, slotTime]) {
        assert.ok(times.count >= looks - 1 && times.p50 > 0 && times.p50 <= times.p99, JSON.stringify(times));
      }
    }
    const { isDown, slot, looks, failed, failures, lastError } = servers[at(refused)];
    assert.deepEqual([isDown, slot, lastError], [true, null, 'ECONNREFUSED']);
    assert.ok(failed >= looks - 1 && failed === failures, `${failed} of ${looks}`);
  });

  it('looks at each server once an interval, and keeps no connection (row 91)', async () => {
    const servers = [await slotServer(), await slotServer()];
    const { exit, seen } = startJson('--interval', '100', '--count', '8', ...servers.map(at));
    await seen();
    assert.deepEqual(await exit(), { code: 0, stderr: '' });
    for (const server of servers) {
      assert.ok(server.accepted >= 6 && server.accepted <= 10, `${server.accepted} looks`);
      for (let n = server.accepted; n > 0; n--) await server.nextClosed();
    }
  });

  it('takes no slot of a server for longer than a look (row 91)', async () => {
    const { slots, port } = await givingServer();
    const { child, exit, seen } = startJson(...FAST, at({ port }));
    await seen((all) => all[at({ port })].slot !== null);
    for (let line = 0; line < 10; line++) assert.equal((await seen())[at({ port })].slot, 0);
    child.kill('SIGINT');
    await exit();
    await until(() => slots.used === 0);
  });

  it('sees a server die and come back (row 91)', async () => {
    const { server, port } = await givingServer();
    const { seen } = startJson(...FAST, at({ port }));
    const stateIs = (isDown) => (all) => all[at({ port })].isDown === isDown && all[at({ port })].looks > 0;
    await seen(stateIs(false));
    server.close();
    assert.equal((await seen(stateIs(true)))[at({ port })].lastError, 'ECONNREFUSED');
    await once(server.listen(port, '127.0.0.1'), 'listening');
    const back = (await seen(stateIs(false)))[at({ port })];
    assert.deepEqual([back.slot, back.failures], [0, 0]);
    assert.ok(back.failed > 0);
  });

  it('is not held up by a server that gives no slot, and does not pile up upon it (row 91)', async () => {
    const [silent, good] = [await slotServer({ greeting: '' }), await slotServer()];
    const { seen } = startJson(...FAST, at(silent), at(good));
    const servers = await seen((all) => all[at(good)].looks > 10);
    assert.equal(servers[at(silent)].looks, 1);
    assert.equal(silent.accepted, 1);
  });

  it('tells one that is full, and one that speaks another protocol (row 91)', async () => {
    const [full, other] = [await slotServer({ greeting: '', then: 'close' }), await slotServer({ greeting: 'SSH-2.0\r\n' })];
    const { seen } = startJson(...FAST, at(full), at(other));
    const servers = await seen((all) => Object.values(all).every(({ isDown }) => isDown));
    assert.deepEqual(
      [full, other].map((server) => [servers[at(server)].lastError, stateOf(servers[at(server)])]),
      [['ERR_CALLOSUM_CLOSED', 'CLOSED'], ['ERR_CALLOSUM_PROTOCOL', 'PROTOCOL']],
    );
  });

  it('takes a server once, however often it is named (row 91)', async () => {
    const server = await slotServer();
    const { seen } = startJson(...FAST, at(server), at(server));
    assert.deepEqual(Object.keys(await seen()), [at(server)]);
  });

  it('prints plain lines into a pipe, names uncut (row 91)', async () => {
    const server = await slotServer({ greeting: '7\r\n' });
    const long = `a-server-with-a-name-that-is-longer-than-any-terminal.invalid:${server.port}`;
    const { nextLine } = startCommand(['top', ...FAST, at(server), long]);
    assert.match(await nextLine(), /^ {9}ms +connect +slot line$/);
    assert.match(await nextLine(), /^UTC {6}server +slot +p50 +p99 +p50 +p99 +fail state$/);
    const lines = [];
    while (!lines.some((line) => line.endsWith(' up'))) lines.push(await nextLine(), await nextLine());
    const [seen, unseen] = lines.slice(-2);
    assert.match(seen, new RegExp(`^\\d\\d:\\d\\d:\\d\\d ${at(server)} +7( +[\\d.]+){4} +0 up$`));
    assert.ok(unseen.slice('13:04:05 '.length).startsWith(`${long} `), unseen);
  });

  for (const [type, records, name] of [
    ['A', ['host-record=slots.test,127.0.0.1'], (port) => `slots.test:${port}`],
    ['SRV', (port) => [`srv-host=_slots._tcp.test,localhost,${port}`], () => '_slots._tcp.test'],
  ]) {
    it(`follows a name: ${type} (rows 81 and 91)`, async function () {
      const server = await slotServer({ greeting: '5\r\n' });
      const { address, serve } = await nameServer(this);
      await serve(typeof records === 'function' ? records(server.port) : records);
      const { seen } = startJson(...FAST, '--dns', name(server.port), '--name-server', address);
      const servers = Object.values(await seen((all) => Object.values(all).some(({ slot }) => slot !== null)));
      assert.deepEqual(servers.map(({ id, slot }) => [id.endsWith(`:${server.port}`), slot]), [[true, 5]]);
    });
  }

  it('says once why a name has no servers (rows 81 and 91)', async function () {
    const { address, serve } = await nameServer(this);
    await serve(['local=/slots.test/']);
    const { nextLine, stderr } = startCommand(['top', '--json', ...FAST, '--dns', '_a._tcp.slots.test', '--name-server', address]);
    await until(() => stderr() !== '');
    for (let line = 0; line < 3; line++) assert.deepEqual(JSON.parse(await nextLine()).servers, []);
    assert.match(stderr(), /^.*ENOTFOUND.*\n$/);
  });

  it('does not complain of a name that has addresses of one kind only, whichever answer comes first (rows 81 and 91)', async () => {
    const server = await slotServer({ greeting: '5\r\n' });
    const names = await scriptedNameServer((_name, _n, type) => (type === TYPE_A ? delay(300, '127.0.0.1') : '127.0.0.1'), 0);
    cleanup(() => names.close());
    const nameServer = ['--name-server', `127.0.0.1:${names.address().port}`];
    const { seen, stderr } = startJson(...FAST, '--dns', `slots.test:${server.port}`, ...nameServer);
    assert.equal((await seen((all) => all[at(server)]?.slot !== undefined))[at(server)].id, at(server));
    assert.equal(stderr(), '');
  });

  it('says once why one of several names has no servers, neither as IPv4 nor as IPv6 (rows 81 and 91)', async () => {
    const server = await slotServer();
    const names = await scriptedNameServer(() => null, 0);
    cleanup(() => names.close());
    const nameServer = ['--name-server', `127.0.0.1:${names.address().port}`];
    const { stderr, seen } = startJson(...FAST, at(server), '--dns', 'slots.test:4040', ...nameServer);
    await until(() => stderr() !== '');
    for (let line = 0; line < 3; line++) await seen();
    assert.equal(stderr(), 'queryA ENOTFOUND slots.test\n');
  });

  it('ends when nobody reads any more (row 91)', async () => {
    const { child, exit, nextLine } = startCommand(['top', ...FAST, at(await slotServer())]);
    await nextLine();
    child.stdout.destroy();
    assert.deepEqual(await exit(), { code: 0, stderr: '' });
  });

  for (const signal of ['SIGINT', 'SIGTERM']) {
    it(`ends at ${signal} (row 91)`, async () => {
      const { child, exit, seen } = startJson(...FAST, at(await slotServer()));
      await seen();
      child.kill(signal);
      assert.deepEqual(await exit(), { code: 0, stderr: '' });
    });
  }

  describe('on a terminal', () => {
    const topOn = (test, size, args) => onTerminal(test, [COMMAND, 'top', ...args], size);

    it('draws a table in 60 columns again and again, and leaves it there at Ctrl-C (row 91)', async function () {
      const servers = [await slotServer({ greeting: '99999\r\n' }), { port: await refusedPort() }];
      const long = 'a-server-with-a-name-that-is-longer-than-any-terminal.invalid:65000';
      const terminal = topOn(this, { columns: 60, rows: 20 }, [...FAST, ...servers.map(at), long]);
      await until(() => terminal.printed().split('\x1b[H').length > 3 && /ENOTFOUND|EAI_AGAIN/.test(terminal.printed()));
      terminal.type('\x03');
      const [code] = await terminal.exit;
      assert.equal(code, 0);
      const [frames, last] = terminal.printed().split('\x1b[?25h\x1b[?1049l');
      assert.ok(frames.startsWith('\x1b[?1049h\x1b[?25l'));
      for (const line of [...frames.split('\x1b[H'), last].flatMap((text) => visible(text).split(/\r?\n/))) assert.ok(line.length <= 60, line);
      const [top, empty, , titles, up, down, unknown] = visible(last).split(/\r?\n/);
      assert.equal(top, 'callosum top: 3 servers, 1 up, slots 99999 to 99999, mean 99');
      assert.equal(empty, '');
      assert.match(titles, /^server +slot +p50 +p99 +p50 +p99 +fail state$/);
      assert.match(up, /^127\.0\.0\.1:\d+ +99999( +[\d.]+){4} +0 up$/);
      assert.match(down, /^127\.0\.0\.1:\d+ +-( +-){4} +\d+ ECONNREFUSED$/);
      assert.match(unknown, /^a-serve…d:65000 +-( +-){4} +\d+ E\w+$/);
    });

    it('shows as many servers as there is room for (row 91)', async function () {
      const { port } = await slotServer();
      const servers = Array.from({ length: 9 }, (_, n) => `127.0.0.${n + 1}:${port}`);
      const terminal = topOn(this, { columns: 80, rows: 10 }, [...FAST, '--count', '2', ...servers]);
      await terminal.exit;
      const frame = visible(terminal.printed().split('\x1b[H')[1]).split(/\r?\n/);
      assert.deepEqual([frame.length, frame.at(-1)], [9, 'and 5 more']);
    });
  });

  describe('its table', () => {
    const times = (ms) => ({ count: 1, min: ms, mean: ms, max: ms, p50: ms, p90: ms, p99: ms });
    const server = { id: 'a:1', isDown: false, slot: 5, looks: 1, failed: 0, failures: 0, lastError: null };
    const rowOf = (changes) => row({ ...server, connectTime: times(1), slotTime: times(1), ...changes }, 3);

    it('has times in four characters (row 91)', () => {
      for (const [ms, text] of [
        [0.0004, '.000'], [0.1234, '.123'], [0.9996, '1.00'], [9.994, '9.99'], [9.996, '10.0'], [99.94, '99.9'],
        [99.96, ' 100'], [9999.4, '9999'], [9999.6, ' 10s'],
      ]) {
        assert.equal(rowOf({ connectTime: times(ms) }).slice(9, 14), ` ${text}`, `${ms}`);
      }
    });

    it('has counts in five characters (row 91)', () => {
      for (const [count, text] of [[99_999, '99999'], [100_000, ' 100k'], [9_999_999, '9999k'], [1e9 + 3, '1000M'], [1e15, ' many']]) {
        assert.equal(rowOf({ slot: count }).slice(3, 9), ` ${text}`);
      }
    });

    it('tells a server that drains, which says nothing of the load of the others (rows 63 and 91)', async () => {
      const { slots, port } = await givingServer();
      const held = net.connect(port).on('error', () => {});
      cleanup(() => held.destroy());
      await once(held, 'data');
      slots.drain({ over: 60_000, end() {} });
      const looks = new Looks(50);
      cleanup(() => looks.stop());
      looks.addServer('a', { port });
      await until(() => looks.seen()[0].slot !== null);
      assert.equal(stateOf(looks.seen()[0]), 'draining');
      const up = { ...server, slot: 4 };
      assert.equal(summary([looks.seen()[0], up, { ...up, slot: 7 }]), '3 servers, 2 up, slots 4 to 7, mean 5.5');
    });

    it('cuts names in the middle (row 91)', () => {
      assert.equal(cut('127.0.0.1:4040', 14), '127.0.0.1:4040');
      assert.equal(cut('slots-17.example.com:4040', 16), 'slots-1…com:4040');
    });
  });
});
