'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');

const { printedBy } = require('../helpers/child.js');
const { skip } = require('../helpers/skip.js');
const { slotServer } = require('../helpers/slot-server.js');

/** Attempts at a name while the process may have no more threads, when it may again, and when it has one for names. */
const runOutOfThreads = async ({ ClientRover, print }, servers) => {
  const { spawn } = require('node:child_process');
  const { once } = require('node:events');
  const { until } = require('./__test__/helpers/wait.js');

  // The limit does not hold for root.
  const uid = process.getuid() === 0 ? 65_534 : process.getuid();
  // It has to be there before the limit is.
  const limiter = spawn('sh', ['-c', `while read n; do prlimit --pid ${process.pid} --nproc=$n: && echo; done`], {
    stdio: ['pipe', 'pipe', 'inherit'],
    uid,
  });
  const limitTo = async (threads) => {
    limiter.stdin.write(`${threads}\n`);
    await once(limiter.stdout, 'data');
  };
  const rover = new ClientRover({ servers: { byAddress: servers.byAddress } });
  const attempt = async (label) => {
    const outcome = Promise.race([
      once(rover, 'connection').then(([, socket]) => {
        socket.destroy();
        return ['connection'];
      }),
      once(rover, 'unreachable').then(([, , error]) => ['unreachable', error.code]),
      new Promise((resolve) => {
        rover.once('error', ({ code, errno, syscall, id }) => resolve(['error', code, errno, syscall, id]));
      }),
    ]);
    rover.connect();
    print(label, ...(await outcome));
    rover.removeAllListeners();
  };
  await attempt('before');
  process.setuid(uid);
  rover.dropServer('byAddress');
  rover.addServer('byName', servers.byName);
  await limitTo(1);
  await attempt('limited');
  await attempt('limited');
  await limitTo(10_000);
  await attempt('unlimited');
  await limitTo(1);
  await attempt('limited again');
  await until(() => rover.stats().pending === 0);
  limiter.stdin.end();
};

describe('a process that may have no more threads', () => {
  it('looks names up with those that it has, or else it is error with EAGAIN and no server is blamed (row 28)', async function () {
    if (spawnSync('prlimit', ['--version']).status !== 0) return skip(this, 'prlimit is not installed');
    const { port, address } = await slotServer();
    const servers = { byAddress: address, byName: { host: 'localhost', port } };
    // A panic would be seen on stderr.
    assert.deepEqual(await printedBy(runOutOfThreads, servers), [
      ['before', 'connection'],
      ['limited', 'error', 'EAGAIN', -11, 'getaddrinfo', 'byName'],
      ['limited', 'error', 'EAGAIN', -11, 'getaddrinfo', 'byName'],
      ['unlimited', 'connection'],
      ['limited again', 'connection'],
    ]);
  });
});
