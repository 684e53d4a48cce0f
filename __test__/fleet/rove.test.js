'use strict';

const assert = require('node:assert/strict');
const diagnostics = require('node:diagnostics_channel');
const { addAbortListener } = require('node:events');
const net = require('node:net');

const { printedBy } = require('../helpers/child.js');
const { cleanup } = require('../helpers/cleanup.js');
const { recordAll } = require('../helpers/events.js');
const { countSockets } = require('../helpers/footprint.js');
const { ClientRover, makeRover, record, settle, track } = require('../helpers/rover.js');
const { closed, refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { NOT_LINUX, skip } = require('../helpers/skip.js');
const { block, until } = require('../helpers/wait.js');

/** Asserts that all attempts are accounted for. */
function assertBalanced(stats) {
  const { attempts, connections, rejected, unreachable, closed: refused, errors, abandoned, pending } = stats;
  assert.equal(attempts, connections + rejected + unreachable + refused + errors + abandoned + pending);
}

/** The code and the message of what a promise is rejected with, and the error itself. */
async function rejection(promise) {
  return promise.then(
    ({ socket }) => {
      track(socket);
      assert.fail('fulfilled');
    },
    (error) => error,
  );
}

describe('rove', () => {
  it('brings the slot, an open socket, the id and the very server (row 41)', async () => {
    const { address } = await slotServer({ then: (socket) => socket.end('behind the line') });
    const rover = makeRover({ servers: { a: address } });
    const connection = await rover.rove();
    assert.deepEqual(Object.keys(connection), ['slot', 'socket', 'id', 'server']);
    assert.deepEqual({ ...connection, socket: null }, { slot: 13, socket: null, id: 'a', server: address });
    assert.equal(connection.server, address);
    assert.ok(connection.socket instanceof net.Socket);
    assert.equal(connection.socket.readyState, 'open');
    assert.equal(connection.socket.readableFlowing, true);
    let text = '';
    for await (const chunk of track(connection.socket)) text += chunk;
    assert.equal(text, 'behind the line');
  });

  it('gives two callers two sockets (row 41)', async () => {
    let n = 0;
    const { address } = await slotServer({ greeting: () => `${n++}\r\n` });
    const rover = makeRover({ servers: { a: address } });
    const [one, other] = await Promise.all([rover.rove(), rover.rove()]);
    assert.notEqual(track(one.socket), track(other.socket));
    assert.deepEqual([one.slot, other.slot].sort(), [0, 1]);
  });

  it('is told of by no event, and takes none of those of others (row 41)', async () => {
    const servers = {
      good: (await slotServer()).address,
      refused: await refusedAddress(),
      full: (await slotServer({ greeting: '', then: 'close' })).address,
      wrong: (await slotServer({ greeting: 'foo\r\n' })).address,
    };
    const codes = [];
    for (const [id, server] of Object.entries(servers)) {
      const rover = makeRover({ servers: { [id]: server } });
      const log = recordAll(rover);
      const outcome = await rover.rove().then(({ socket }) => track(socket) && 'fulfilled', (error) => {
        assert.deepEqual([error.id, error.server], [id, server]);
        return error.code;
      });
      codes.push(outcome);
      const outcomes = () => log.filter(([name]) => name !== 'down');
      assert.deepEqual(outcomes(), []);
      rover.connect();
      await until(() => outcomes().length === 1);
    }
    assert.deepEqual(codes, ['fulfilled', 'ECONNREFUSED', 'ERR_CALLOSUM_CLOSED', 'ERR_CALLOSUM_PROTOCOL']);
  });

  it('does not need a listener for error (rows 11 and 41)', async () => {
    const empty = await rejection(makeRover().rove());
    assert.deepEqual([empty.code, empty.message], ['ERR_CALLOSUM_NO_SERVERS', 'No servers to contact']);
    const wrong = await rejection(makeRover({ servers: { a: { port: 1e9 } } }).rove());
    assert.deepEqual([wrong.code, wrong.id], ['ERR_SOCKET_BAD_PORT', 'a']);
    const { address } = await slotServer({ greeting: 'foo\r\n' });
    const protocol = await rejection(makeRover({ servers: { a: address } }).rove());
    assert.equal(protocol.message, 'Invalid protocol');
    assert.equal(`${protocol.received}`, 'foo\r\n');
  });

  it('is rejected with the slot where that is above MAX_SLOT (rows 29 and 41)', async () => {
    const server = await slotServer();
    const rover = makeRover({ MAX_SLOT: 12, servers: { a: server.address } });
    const error = await rejection(rover.rove());
    assert.ok(error instanceof Error);
    const { code, slot, id } = error;
    assert.deepEqual({ code, slot, id }, { code: 'ERR_CALLOSUM_REJECTED', slot: 13, id: 'a' });
    assert.equal(error.server, rover.servers.a);
    await server.nextClosed();
    assert.equal(rover.stats().rejected, 1);
  });

  it('is rejected where MAX_PENDING is reached (rows 27 and 41)', async () => {
    const { address } = await slotServer({ greeting: '' });
    const rover = makeRover({ MAX_PENDING: 1, servers: { a: address } });
    const controller = new AbortController();
    const first = rejection(rover.rove({ signal: controller.signal }));
    assert.equal((await rejection(rover.rove())).code, 'ERR_CALLOSUM_PENDING');
    const { attempts, pending, skipped } = rover.stats();
    assert.deepEqual({ attempts, pending, skipped }, { attempts: 1, pending: 1, skipped: 1 });
    controller.abort();
    await first;
  });

  it('counts in stats(), and is gone from it when it settles (rows 31 and 41)', async () => {
    const { address } = await slotServer();
    const rover = makeRover({ servers: { a: address } });
    const promise = rover.rove();
    assert.equal(rover.stats().pending, 1);
    track((await promise).socket);
    const { attempts, connections, pending } = rover.stats();
    assert.deepEqual({ attempts, connections, pending }, { attempts: 1, connections: 1, pending: 0 });
  });

  it('moves down and up (rows 41 and 42)', async () => {
    let n = 0;
    const { address } = await slotServer({ greeting: () => (n++ === 0 ? 'foo\r\n' : '13\r\n') });
    const rover = makeRover({ MAX_SLOT: 12, servers: { a: address } });
    const log = recordAll(rover);
    const failure = await rejection(rover.rove());
    assert.deepEqual(log, [['down', 'a', address, failure]]);
    await rejection(rover.rove());
    assert.deepEqual(log.slice(1), [['up', 'a', address]]);
  });

  it('goes on where a listener of up or down throws (rows 19 and 42)', async () => {
    const printed = await printedBy(async ({ ClientRover: Rover, print }) => {
      process.on('uncaughtException', ({ message }) => print(message));
      const rover = new Rover({ servers: { a: { host: '127.0.0.1', port: 1 } } });
      rover.on('down', () => {
        throw new Error('of down');
      });
      rover.on('unreachable', () => print('unreachable'));
      rover.connect();
      await new Promise((resolve) => rover.once('unreachable', () => setImmediate(resolve)));
      await rover.rove().catch(({ code }) => print(code));
    });
    assert.deepEqual(printed, ['unreachable', 'of down', 'ECONNREFUSED']);
  });

  for (const [way, aborted] of Object.entries({
    'its signal': (rover, controller) => controller.abort(new Error('enough')),
    'stop()': (rover) => rover.stop(),
    'the signal of the rover': (rover, controller, own) => own.abort(),
  })) {
    it(`is rejected with an AbortError by ${way}, and closes its connection (rows 30 and 41)`, async () => {
      const server = await slotServer({ greeting: '1' });
      const [controller, own] = [new AbortController(), new AbortController()];
      const rover = makeRover({ servers: { a: server.address }, signal: own.signal });
      const log = recordAll(rover);
      const promise = rejection(rover.rove({ signal: controller.signal }));
      const socket = await server.nextSocket();
      aborted(rover, controller, own);
      const { abandoned, pending } = rover.stats();
      assert.deepEqual({ abandoned, pending }, { abandoned: 1, pending: 0 });
      const error = await promise;
      assert.deepEqual([error.name, error.code], ['AbortError', 'ABORT_ERR']);
      if (controller.signal.aborted) assert.equal(error.cause, controller.signal.reason);
      await closed(socket);
      await settle();
      assert.deepEqual(log, []);
    });
  }

  it('leaves other attempts alone when it is aborted (row 41)', async () => {
    const server = await slotServer({ greeting: '' });
    const rover = makeRover({ servers: { a: server.address } });
    const controller = new AbortController();
    const promise = rejection(rover.rove({ signal: controller.signal }));
    const log = record(rover);
    rover.connect();
    const sockets = [await server.nextSocket(), await server.nextSocket()];
    controller.abort();
    await promise;
    assert.equal(rover.stats().pending, 1);
    for (const socket of sockets) socket.end('7\r\n');
    const [{ event, slot }] = await log.until(1);
    assert.deepEqual([event, slot], ['connection', 7]);
  });

  it('makes no attempt where its signal, or that of the rover, is aborted already (row 41)', async () => {
    const { address } = await slotServer();
    const rover = makeRover({ servers: { a: address } });
    assert.equal((await rejection(rover.rove({ signal: AbortSignal.abort() }))).name, 'AbortError');
    const stopped = makeRover({ servers: { a: address }, signal: AbortSignal.abort() });
    assert.equal((await rejection(stopped.rove())).name, 'AbortError');
    assert.equal(rover.stats().attempts + stopped.stats().attempts, 0);
  });

  it('is rejected for a signal that is none (row 41)', async () => {
    const { address } = await slotServer();
    const rover = makeRover({ servers: { a: address } });
    assert.equal((await rejection(rover.rove({ signal: {} }))).code, 'ERR_INVALID_ARG_TYPE');
    assert.equal(rover.stats().attempts, 0);
  });

  it('is rejected where its signal is aborted while its outcome is delivered, and no other is touched (row 41)', async () => {
    let n = 0;
    const server = await slotServer({ greeting: () => (n++ === 0 ? 'foo\r\n' : '13\r\n') });
    const rover = makeRover({ servers: { a: server.address } });
    await rejection(rover.rove());
    await server.nextClosed();
    const controller = new AbortController();
    const next = new Promise((resolve) => {
      rover.once('up', () => {
        // Takes the place of the rove that is being delivered.
        resolve(rover.rove());
        controller.abort(new Error('enough'));
      });
    });
    const error = await rejection(rover.rove({ signal: controller.signal }));
    assert.deepEqual([error.name, error.cause.message], ['AbortError', 'enough']);
    await server.nextClosed();
    track((await next).socket);
    assertBalanced(rover.stats());
  });

  for (const [outcome, greeting] of [['connection', '13\r\n'], ['rejected', '99\r\n'], ['error', 'foo\r\n']]) {
    it(`is rejected with an AbortError where a subscriber of ${outcome} aborts it (rows 41 and 47)`, async () => {
      const server = await slotServer({ greeting });
      const rover = makeRover({ MAX_SLOT: 50, servers: { a: server.address } });
      const controller = new AbortController();
      const abort = () => controller.abort();
      diagnostics.subscribe(`callosum-client-tcp-rover:${outcome}`, abort);
      cleanup(() => diagnostics.unsubscribe(`callosum-client-tcp-rover:${outcome}`, abort));
      assert.equal((await rejection(rover.rove({ signal: controller.signal }))).name, 'AbortError');
      await server.nextClosed();
    });
  }

  it('has the reason of the signal of the rover for a cause, in flight and afterwards (row 41)', async () => {
    const server = await slotServer({ greeting: '' });
    const controller = new AbortController();
    const rover = makeRover({ servers: { a: server.address }, signal: controller.signal });
    const promise = rejection(rover.rove({ signal: new AbortController().signal }));
    const reason = new Error('enough');
    controller.abort(reason);
    assert.equal((await promise).cause, reason);
    assert.equal((await rejection(rover.rove())).cause, reason);
    const stopped = makeRover({ servers: { a: server.address }, signal: new AbortController().signal });
    const other = rejection(stopped.rove());
    stopped.stop();
    assert.equal('cause' in (await other), false);
  });

  it('hears of its signal, as does the rover, where a listener stops the event (rows 30 and 41)', async function () {
    if (addAbortListener === undefined) return skip(this, 'needs addAbortListener of node:events (Node 20.5)');
    const server = await slotServer({ greeting: '' });
    const controller = new AbortController();
    const { signal } = controller;
    signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
    const [rover, other] = [makeRover({ servers: { a: server.address }, signal }), makeRover({ servers: { a: server.address } })];
    rover.start();
    const roves = [rover, other].map((roving) => rejection(roving.rove({ signal })));
    controller.abort();
    assert.equal(rover.intervalId, null);
    assert.equal(other.stats().abandoned, 1);
    for (const { name } of await Promise.all(roves)) assert.equal(name, 'AbortError');
  });

  it('calls no stop() for a signal that was aborted before (row 30)', async () => {
    let stops = 0;
    class Rover extends ClientRover {
      stop() {
        stops++;
      }
    }
    makeRover({ signal: AbortSignal.abort() }, Rover);
    await settle();
    assert.equal(stops, 0);
  });

  it('is rejected, and its socket closed, where a listener of up stops the rover (rows 30 and 41)', async () => {
    let n = 0;
    const server = await slotServer({ greeting: () => (n++ === 0 ? 'foo\r\n' : '13\r\n') });
    const rover = makeRover({ servers: { a: server.address } });
    await rejection(rover.rove());
    await server.nextClosed();
    rover.once('up', () => rover.stop());
    assert.equal((await rejection(rover.rove())).name, 'AbortError');
    await server.nextClosed();
    assertBalanced(rover.stats());
  });

  it('keeps one listener on a signal that many wait for, and none afterwards (row 41)', async () => {
    const warnings = [];
    const warn = (warning) => warnings.push(warning.name);
    process.on('warning', warn);
    cleanup(() => process.off('warning', warn));
    const { address } = await slotServer({ greeting: '' });
    const rover = makeRover({ servers: { a: address } });
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args) => (listeners++, addEventListener.apply(signal, args));
    signal.removeEventListener = (...args) => (listeners--, removeEventListener.apply(signal, args));
    const roves = Array.from({ length: 100 }, () => rejection(rover.rove({ signal })));
    assert.equal(listeners, 1);
    rover.stop();
    await Promise.all(roves);
    assert.equal(listeners, 0);
    await settle();
    assert.deepEqual(warnings, []);
  });

  it('keeps the process alive until it settles, and no longer (rows 10 and 41)', async () => {
    const server = await slotServer({ greeting: () => new Promise((resolve) => setTimeout(resolve, 300, '13\r\n')) });
    const printed = await printedBy(({ ClientRover: Rover, print }, address) => {
      const rover = new Rover({ ROVING_INTERVAL: 1000, servers: { a: address } });
      rover.start();
      rover.intervalId.unref();
      rover.rove().then(({ slot, socket }) => {
        print(slot);
        socket.unref();
      });
    }, server.address);
    assert.deepEqual(printed, [13]);
  });

  it('keeps the process alive where an overridden connect calls it and the roving is unref-ed (rows 10 and 41)', async () => {
    const server = await slotServer({ greeting: '' });
    const printed = await printedBy(({ ClientRover: Rover, print }, address) => {
      class Roving extends Rover {
        connect() {
          this.rove().catch(({ code }) => print(code));
        }
      }
      const rover = new Roving({ ROVING_INTERVAL: 60_000, SLOT_TIMEOUT: 200, servers: { a: address } });
      rover.start();
      rover.intervalId.unref();
    }, server.address);
    assert.deepEqual(printed, ['ETIMEDOUT']);
  });

  it('settles each of 10,000 once, loses no socket and gives none twice (rows 31 and 41)', async function () {
    if (process.platform !== 'linux') return skip(this, NOT_LINUX);
    this.timeout(120_000);
    const answers = ['1\r\n', '2\r\n', '99\r\n', 'foo\r\n', ''];
    const server = await slotServer({
      greeting: (n) => answers[n % answers.length],
      then: (socket) => (socket.resume(), socket.once('end', () => socket.destroy())),
    });
    const rover = makeRover({ MAX_SLOT: 50, SLOT_TIMEOUT: 50, servers: { a: server.address, b: await refusedAddress() } });
    const before = countSockets();
    const given = new Set();
    const settled = { connection: 0, error: 0 };
    let left = 10_000;
    const one = async () => {
      while (left-- > 0) {
        const controller = new AbortController();
        const random = Math.random();
        const timer = random < 0.3 ? setTimeout(() => controller.abort(), random * 10) : null;
        if (random > 0.95) setImmediate(() => controller.abort());
        try {
          const { socket } = await rover.rove({ signal: controller.signal });
          assert.ok(!given.has(socket));
          given.add(socket);
          assert.equal(socket.readyState, 'open');
          settled.connection++;
          socket.resetAndDestroy();
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          settled.error++;
        }
        clearTimeout(timer);
        if (left % 50 === 0) block(2);
      }
    };
    await Promise.all(Array.from({ length: 200 }, one));
    assert.equal(settled.connection + settled.error, 10_000);
    assert.equal(given.size, settled.connection);
    const stats = rover.stats();
    assertBalanced(stats);
    assert.deepEqual([stats.attempts, stats.pending, stats.connections], [10_000, 0, settled.connection]);
    assert.ok(stats.abandoned > 100 && stats.rejected > 100 && stats.unreachable > 100, JSON.stringify(stats));
    await until(() => countSockets() <= before, { explain: () => `${countSockets()} sockets, ${before} before` });
  });

  it('can be collected with its rover, while a shared signal lives on (row 41)', async () => {
    const printed = await printedBy(
      async ({ ClientRover: Rover, collect, print }) => {
        const { signal } = new AbortController();
        const refs = [];
        for (let n = 0; n < 20; n++) {
          const rover = new Rover({ servers: { a: { host: '127.0.0.1', port: 1 } } });
          refs.push(new WeakRef(rover));
          await rover.rove({ signal }).catch(() => {});
        }
        print(await collect(refs));
        print(signal.aborted);
      },
      null,
      { nodeArgs: ['--expose-gc'] },
    );
    assert.ok(printed[0] <= 1, `${printed[0]} left`);
    assert.equal(printed[1], false);
  });

  it('is a method that a subclass inherits, and not one that for … in copies (rows 3 and 41)', () => {
    class Pool extends ClientRover {}
    assert.equal(new Pool().rove, ClientRover.prototype.rove);
    const names = [];
    for (const name in ClientRover.prototype) names.push(name);
    assert.ok(!names.includes('rove'));
  });
});
