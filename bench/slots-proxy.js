'use strict';

/**
 * Compares `callosum slots` with the plainest proxy there is, `a.pipe(b).pipe(a)` in Node.js: each in a process of its
 * own, in front of the same server. Prints medians. Exit code 1 where the command has less than half of the throughput.
 *
 *     node bench/slots-proxy.js [--rounds 5] [--mb 512]
 */

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const path = require('node:path');
const { createInterface } = require('node:readline');
const { parseArgs } = require('node:util');

const COMMAND = path.resolve(__dirname, '../lib/cli/index.js');
const FLOOR = 0.5;

/** Connections that send at the same time. */
const STREAMS = 4;
/** Connections that send a message and wait for it to come back. */
const CALLERS = 64;
const CALL_MS = 1000;
const SMALL = Buffer.alloc(64, 'x');
const CHUNK = Buffer.alloc(256 * 1024, 'x');

/** All that the plain proxy is; it says where it listens, as the command does. */
const PLAIN = `
const net = require('node:net');
const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const upstream = net.connect({ port: Number(process.argv[1]), host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
  client.pipe(upstream).pipe(client);
});
server.listen(0, '127.0.0.1', () => console.log('listening on 127.0.0.1:' + server.address().port));
`;

/** What is compared: the arguments of node, and whether a slot line comes first. */
const CONTESTANTS = {
  'plain proxy': { args: (port) => ['-e', PLAIN, port], hasSlots: false },
  'callosum slots': { args: (port) => [COMMAND, 'slots', '--listen', '127.0.0.1:0', '--to', `127.0.0.1:${port}`], hasSlots: true },
};

async function start(args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface(child.stdout), 'line');
  return { child, port: Number(/listening on [\d.]+:(\d+)/.exec(line)[1]) };
}

async function connect({ port, hasSlots }) {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  if (hasSlots) {
    const [line] = await once(socket, 'data');
    assert.match(`${line}`, /^\d+\r\n$/);
  } else {
    await once(socket, 'connect');
  }
  return socket;
}

/** MB a second to a server and back again, which echoes. */
async function throughput(target, megabytes) {
  const share = (megabytes * 1e6) / STREAMS;
  const sockets = await Promise.all(Array.from({ length: STREAMS }, () => connect(target)));
  const began = performance.now();
  await Promise.all(sockets.map((socket) => new Promise((resolve) => {
    let sent = 0;
    let received = 0;
    const send = () => {
      while (sent < share) {
        sent += CHUNK.length;
        if (!socket.write(CHUNK)) return void socket.once('drain', send);
      }
      socket.end();
    };
    socket.on('data', (data) => {
      received += data.length;
    });
    socket.on('end', () => {
      assert.equal(received, sent);
      resolve();
    });
    send();
  })));
  return megabytes / ((performance.now() - began) / 1000);
}

/** Messages a second that went there and back. */
async function calls(target) {
  const sockets = await Promise.all(Array.from({ length: CALLERS }, () => connect(target)));
  let count = 0;
  for (const socket of sockets) {
    socket.on('data', () => {
      count++;
      socket.write(SMALL);
    });
    socket.write(SMALL);
  }
  await new Promise((resolve) => setTimeout(resolve, CALL_MS));
  const result = count / (CALL_MS / 1000);
  for (const socket of sockets) socket.destroy();
  return result;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

async function main() {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' }, mb: { type: 'string', default: '512' } } });
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const port = `${server.address().port}`;

  const figures = {};
  for (let round = 0; round < Number(values.rounds); round++) {
    const names = Object.keys(CONTESTANTS);
    if (round % 2 === 1) names.reverse();
    for (const name of names) {
      const { args, hasSlots } = CONTESTANTS[name];
      const { child, port: at } = await start(args(port));
      const target = { port: at, hasSlots };
      figures[name] ??= { 'MB/s': [], 'messages/s': [] };
      figures[name]['MB/s'].push(await throughput(target, Number(values.mb)));
      figures[name]['messages/s'].push(await calls(target));
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  server.close();

  console.log(`Node.js ${process.version}, ${values.rounds} rounds, medians`);
  for (const unit of ['MB/s', 'messages/s']) {
    const [plain, ours] = Object.keys(CONTESTANTS).map((name) => median(figures[name][unit]));
    const ratio = ours / plain;
    console.log(`${unit}: plain proxy ${Math.round(plain)}, callosum slots ${Math.round(ours)}, ratio ${ratio.toFixed(2)}`);
    if (ratio < FLOOR) process.exitCode = 1;
  }
}

main();
