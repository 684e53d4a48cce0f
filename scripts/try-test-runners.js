'use strict';

// Tries this checkout in Jest, and with a tool that lists open handles: what an app's tests see of a rover. Both come
// from the npm registry, and are kept in target/runtimes.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const { ROOT } = require('./packing');
const { fetched } = require('./runtimes');

const LIMIT_MS = 60_000;

/** A slot server, for both. */
const SERVER = `
  const listen = () =>
    new Promise((resolve) => {
      const server = require('node:net').createServer((socket) => {
        socket.on('error', () => {});
        socket.resume();
        socket.write('13\\r\\n');
      });
      server.listen(0, '127.0.0.1', () => resolve(server));
    });
  const roverAt = (server, ROVING_INTERVAL) => {
    const { port } = server.address();
    return new Rover({ ROVING_INTERVAL, servers: { a: { host: '127.0.0.1', port } } });
  };`;

const JEST_TESTS = {
  'ends.test.js': `
    test.each(['stop', 'clear'])('%s', async (how) => {
      const server = await listen();
      const rover = roverAt(server, 10);
      expect(rover.stats()).toEqual({
        attempts: 0, connections: 0, rejected: 0, unreachable: 0, closed: 0, errors: 0, abandoned: 0, skipped: 0, pending: 0,
      });
      await new Promise((resolve) => {
        rover.on('connection', (slot, socket) => {
          socket.destroy();
          resolve();
        });
        rover.start();
      });
      if (how === 'stop') rover.stop();
      else clearInterval(rover.intervalId);
      await new Promise((resolve) => server.close(resolve));
    });
    test.each([{}, { legacyFakeTimers: true }])('fake timers: %j', async (options) => {
      const server = await listen();
      if (!options.legacyFakeTimers) options.doNotFake = ['nextTick', 'queueMicrotask', 'setImmediate'];
      jest.useFakeTimers(options);
      jest.spyOn(global, 'setInterval');
      const rover = roverAt(server, 60000);
      const connected = new Promise((resolve) => {
        let connections = 0;
        rover.on('connection', (slot, socket) => {
          socket.destroy();
          if (++connections === 4) resolve();
        });
      });
      rover.start();
      expect(setInterval).toHaveBeenCalledTimes(1);
      jest.advanceTimersByTime(180000);
      expect(rover.stats().attempts).toBe(4);
      clearInterval(rover.intervalId);
      jest.advanceTimersByTime(180000);
      expect(rover.stats().attempts).toBe(4);
      jest.useRealTimers();
      await connected;
      await new Promise((resolve) => server.close(resolve));
    });`,
  'leaves.test.js': `
    let server;
    beforeAll(async () => (server = (await listen()).unref()));
    // Not async: Jest finds out by the stack whose a handle is.
    test('leaves a rover', () => {
      const rover = roverAt(server, 10);
      rover.on('connection', (slot, socket) => socket.destroy());
      rover.start();
    });`,
};

const HANDLES = (how) => `
  require(process.env.WTFNODE);
  (async () => {
    const server = await listen();
    const rover = roverAt(server, 10);
    await new Promise((resolve) => {
      rover.on('connection', (slot, socket) => {
        socket.destroy();
        resolve();
      });
      rover.start();
    });
    server.close();
    ${how}
    setTimeout(() => {
      require(process.env.WTFNODE).dump();
      process.exit();
    }, 100);
  })();`;

/** Runs Node.js, and resolves with its output: until it ends, or there is enough. */
function run(cwd, args, isEnough = () => false) {
  const env = { ...process.env, CI: 'true', WTFNODE: fetched('wtfnode', '0.10') };
  const child = spawn(process.execPath, args, { cwd, env, timeout: LIMIT_MS, killSignal: 'SIGKILL' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
      if (isEnough(output)) child.kill('SIGKILL');
    });
  }
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}

async function tryJest(folder) {
  for (const [name, source] of Object.entries(JEST_TESTS)) {
    writeFileSync(join(folder, name), `const Rover = require(${JSON.stringify(ROOT)});${SERVER}${source}`);
  }
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "jest": { "transform": {} } }');
  const jest = [join(fetched('jest', '30'), 'bin/jest.js'), '--detectOpenHandles'];

  const { code, output } = await run(folder, [...jest, 'ends']);
  assert.equal(code, 0, output);
  assert.doesNotMatch(output, /open handle/);

  const { output: found } = await run(folder, [...jest, 'leaves'], (text) => text.includes('●  Timeout'));
  assert.match(found, /● {2}ClientRover\n/, found);
  assert.doesNotMatch(found, /TypeError/);
}

async function tryHandles(folder) {
  const list = async (how) => {
    writeFileSync(join(folder, 'app.js'), `const Rover = require(${JSON.stringify(ROOT)});${SERVER}${HANDLES(how)}`);
    return (await run(folder, ['app.js'])).output;
  };
  assert.match(await list(''), /clientRover/);
  assert.doesNotMatch(await list('rover.stop();'), /clientRover/);
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'try-test-runners-'));
  try {
    await tryJest(folder);
    await tryHandles(folder);
    console.log('Jest and wtfnode find a rover that roves, and nothing of one that was stopped.');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

main();
