'use strict';

const assert = require('node:assert/strict');

const { printedBy, runInChild } = require('../helpers/child.js');
const { NOT_LINUX, skip } = require('../helpers/skip.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');

/** Servers for every way an attempt can end, and one where it does not end for a while. */
async function motley() {
  const answering = await slotServer();
  const silent = await slotServer({ greeting: '' });
  const wrong = await slotServer({ greeting: 'foo\r\n' });
  return {
    answering: answering.address,
    byName: { host: 'localhost', port: answering.port },
    silent: silent.address,
    wrong: wrong.address,
    refused: await refusedAddress(),
  };
}

/**
 * What runs in each worker: two rovers, connections that are kept, and now and then a pause in which
 * outcomes pile up. Says so when the first connection is there, or just before such a pause.
 */
function roveInWorker() {
  const { parentPort, workerData } = require('node:worker_threads');
  const ClientRover = require(workerData.rover);
  let told = false;
  const tell = () => {
    if (!told) parentPort.postMessage('roving');
    told = true;
  };
  const kept = [];
  for (let n = 0; n < 2; n++) {
    const rover = new ClientRover({ ROVING_INTERVAL: 2, SLOT_TIMEOUT: 100, servers: workerData.servers });
    rover.on('error', () => {});
    rover.on('connection', (_slot, socket) => {
      socket.on('error', () => {});
      kept.push(socket);
      if (workerData.blocks && kept.length === 5) {
        tell();
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      }
      if (!workerData.blocks) tell();
      if (kept.length > 10) kept.shift().destroy();
    });
    for (let i = 0; i < 10; i++) rover.connect();
    rover.start();
  }
}

/** Terminates 200 workers in mid-rove, and prints what is left of them. */
const terminateMany = async ({ ClientRover, print }, { servers, source }) => {
  const { once } = require('node:events');
  const fs = require('node:fs');
  const { Worker } = require('node:worker_threads');
  const { isLookUp, openDescriptors, threadNames } = require('./__test__/helpers/footprint.js');
  const { until } = require('./__test__/helpers/wait.js');
  const WORKERS = 200;
  const BATCH = 10;

  const terminateOne = async (_, n) => {
    const blocks = n % 2 === 1;
    const workerData = { servers, rover: require.resolve('./index.js'), blocks };
    const worker = new Worker(source, { eval: true, workerData });
    await once(worker, 'message');
    // At any moment of the next beats: it is this randomness that the test is about.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
    const exited = once(worker, 'exit');
    worker.terminate();
    await exited;
    terminated++;
  };

  // What is begun once and for all is not what workers leave: libuv's threads, and the rovers' own.
  await fs.promises.readFile(process.execPath.slice(0, 1)).catch(() => {});
  const first = new ClientRover({ servers: { refused: servers.refused } });
  first.connect();
  await once(first, 'unreachable');
  const before = { descriptors: new Set(openDescriptors()), threads: threadNames().length };

  let terminated = 0;
  while (terminated < WORKERS) await Promise.all(Array.from({ length: BATCH }, terminateOne));

  const descriptors = () => openDescriptors().filter((target) => !before.descriptors.has(target));
  const lookUps = () => threadNames().filter(isLookUp).length;
  const threads = () => threadNames().length - lookUps() - before.threads;
  await until(() => descriptors().length === 0 && threads() <= 0).catch(() => {});
  print({ terminated, descriptors: descriptors(), threads: threads(), fewLookUps: lookUps() <= 8 });
};

/** Runs a function in a worker of a child process, and prints its exit code and what it posted. */
const runWorker = async ({ print }, { servers, source }) => {
  const { Worker } = require('node:worker_threads');
  const workerData = { servers, rover: require.resolve('./index.js') };
  const worker = new Worker(source, { eval: true, workerData });
  worker.on('message', (message) => print('message', message));
  worker.on('error', (error) => print('error', error.message));
  worker.on('exit', (code) => print('exit', code));
};

function sourceOf(body) {
  return `(${body})();`;
}

/** Roves with outcomes of all kinds in flight and waiting, then does something rash. */
async function dieWhileRoving(rash) {
  const body = `({ ClientRover }, servers) => {
    const rovers = Array.from({ length: 3 }, () => new ClientRover({ ROVING_INTERVAL: 1, servers }));
    let connections = 0;
    for (const rover of rovers) {
      rover.on('error', () => {});
      rover.on('connection', (_slot, socket) => {
        socket.on('error', () => {});
        if (++connections < 20) return;
        ${rash}
      });
      for (let i = 0; i < 20; i++) rover.connect();
      rover.start();
    }
  }`;
  return runInChild(body, await motley());
}

describe('worker threads', () => {
  it('200 of them, each terminated in mid-rove, leave no descriptor and no thread (row 34)', async function () {
    if (process.platform !== 'linux') return skip(this, NOT_LINUX);
    // Two hundred workers are a lot of work for a machine that is busy with other things.
    this.timeout(120_000);
    const data = { servers: await motley(), source: sourceOf(roveInWorker) };
    const [result] = await printedBy(terminateMany, data, { timeout: 115_000 });
    const { terminated, descriptors, threads, fewLookUps } = result;
    assert.deepEqual({ terminated, descriptors, fewLookUps }, { terminated: 200, descriptors: [], fewLookUps: true });
    assert.ok(threads <= 0, `${threads} threads are left`);
  });

  it('end by themselves when their rovers have stopped (row 34)', async () => {
    const source = sourceOf(() => {
      const { parentPort, workerData } = require('node:worker_threads');
      const ClientRover = require(workerData.rover);
      const rover = new ClientRover({ ROVING_INTERVAL: 1, servers: { a: workerData.servers.answering } });
      let connections = 0;
      rover.on('connection', (_slot, socket) => {
        socket.destroy();
        if (++connections !== 10) return;
        rover.stop();
        parentPort.postMessage(connections);
      });
      rover.start();
    });
    const printed = await printedBy(runWorker, { servers: await motley(), source });
    assert.deepEqual(printed, [
      ['message', 10],
      ['exit', 0],
    ]);
  });

  it('may call process.exit() in mid-rove (row 34)', async () => {
    const source = sourceOf(() => {
      const { workerData } = require('node:worker_threads');
      const ClientRover = require(workerData.rover);
      const rover = new ClientRover({ ROVING_INTERVAL: 1, servers: workerData.servers });
      rover.on('error', () => {});
      rover.on('connection', () => process.exit(3));
      rover.start();
    });
    assert.deepEqual(await printedBy(runWorker, { servers: await motley(), source }), [['exit', 3]]);
  });

  it('may throw in mid-rove: the worker ends, the process lives (rows 19 and 34)', async () => {
    const source = sourceOf(() => {
      const { workerData } = require('node:worker_threads');
      const ClientRover = require(workerData.rover);
      const rover = new ClientRover({ ROVING_INTERVAL: 1, servers: workerData.servers });
      rover.on('error', () => {});
      rover.on('connection', () => {
        throw new Error('thrown on purpose');
      });
      rover.start();
    });
    assert.deepEqual(await printedBy(runWorker, { servers: await motley(), source }), [
      ['error', 'thrown on purpose'],
      ['exit', 1],
    ]);
  });

  it('have room for several rovers each, whose events do not mix (row 34)', async () => {
    const source = sourceOf(async () => {
      const { parentPort, workerData } = require('node:worker_threads');
      const ClientRover = require(workerData.rover);
      const { answering, refused, wrong } = workerData.servers;
      const roverAt = (server) => {
        const rover = new ClientRover({ servers: { server } });
        for (let i = 0; i < 10; i++) rover.connect();
        return rover;
      };
      const counts = await Promise.all(
        [roverAt(answering), roverAt(refused), roverAt(wrong)].map(async (rover) => {
          const count = { connection: 0, unreachable: 0, error: 0 };
          await new Promise((resolve) => {
            for (const event of Object.keys(count)) {
              rover.on(event, (_, socket) => {
                if (event === 'connection') socket.destroy();
                if (++count[event] === 10) resolve();
              });
            }
          });
          return count;
        }),
      );
      parentPort.postMessage(counts);
    });
    const [[, counts], exit] = await printedBy(runWorker, { servers: await motley(), source });
    assert.deepEqual(counts, [
      { connection: 10, unreachable: 0, error: 0 },
      { connection: 0, unreachable: 10, error: 0 },
      { connection: 0, unreachable: 0, error: 10 },
    ]);
    assert.deepEqual(exit, ['exit', 0]);
  });
});

describe('a process in mid-rove', () => {
  it('may call process.exit() (row 34)', async () => {
    const { code, signal, stderr } = await dieWhileRoving('process.exit(0);');
    assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  });

  it('may throw: it ends with code 1, by no signal (rows 19 and 34)', async () => {
    const { code, signal, stderr } = await dieWhileRoving("throw new Error('thrown on purpose');");
    assert.deepEqual({ code, signal }, { code: 1, signal: null });
    assert.match(stderr, /thrown on purpose/);
  });

  it('may fork a child: that roves as well, and has none of the connections (row 34)', async function () {
    if (process.platform !== 'linux') return skip(this, NOT_LINUX);
    const printed = await printedBy(
      async ({ ClientRover, print }, servers) => {
        const { fork } = require('node:child_process');
        const { once } = require('node:events');
        const { openDescriptors } = require('./__test__/helpers/footprint.js');
        const { until } = require('./__test__/helpers/wait.js');
        const before = openDescriptors();
        const rover = new ClientRover({ ROVING_INTERVAL: 1, servers });
        const kept = [];
        rover.on('error', () => {});
        rover.on('connection', (_slot, socket) => {
          socket.on('error', () => {});
          kept.push(socket);
        });
        rover.start();
        await until(() => kept.length >= 20);
        const child = fork('./__test__/helpers/forked-rover.js');
        const descriptors = openDescriptors().filter((target) => !before.includes(target));
        child.send({ server: servers.answering, descriptors });
        const [message] = await once(child, 'message');
        const [code] = await once(child, 'exit');
        // The parent roves on, before and after.
        const { length } = kept;
        await until(() => kept.length > length);
        rover.stop();
        for (const socket of kept) socket.destroy();
        print({ ...message, code, many: descriptors.length >= 20 });
      },
      await motley(),
    );
    assert.deepEqual(printed, [{ inherited: [], slot: 13, code: 0, many: true }]);
  });
});
