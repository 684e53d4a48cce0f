'use strict';

/** A process with all the clients of a fleet: a rover and a pool each. Told what to do by bench/simulate/real.js. */

const { Pool } = require('../../lib/pool');

const [size, sampling] = process.argv.slice(2).map(Number);

/** Every server that there ever was, by id. */
const known = [];
/** Those that clients know of: all have the same. */
const table = new Map();
const pools = [];
/** Connections in pools, by server. */
const held = [];
let kept = 0;
let swaps = 0;

function addClient() {
  let hasRetired = false;
  const retire = (socket) => {
    // At a swap another one enters in the same turn. The others that leave alive are of servers that left the table.
    hasRetired = true;
    queueMicrotask(() => (hasRetired = false));
    socket.end();
  };
  const pool = new Pool({ servers: Object.fromEntries(table), size, retire });
  pool.on('keep', (_slot, _socket, id) => {
    held[id]++;
    kept++;
    if (hasRetired) swaps++;
    hasRetired = false;
  });
  pool.on('drop', (_slot, _socket, id) => held[id]--);
  pools.push(pool);
}

function list(ids) {
  for (const id of ids) {
    table.set(id, known[id]);
    for (const { rover } of pools) rover.addServer(id, known[id]);
  }
}

const VERBS = {
  servers(ports) {
    const first = known.length;
    for (const port of ports) known.push({ host: '127.0.0.1', port });
    held.push(...ports.map(() => 0));
    list(ports.map((_, index) => first + index));
  },
  clients([count]) {
    for (let n = 0; n < count; n++) addClient();
  },
  drop(ids) {
    for (const id of ids) {
      table.delete(id);
      for (const { rover } of pools) rover.dropServer(id);
    }
  },
  list,
};

function sample() {
  const sum = { attempts: 0, unreachable: 0, pending: 0 };
  for (const { rover } of pools) {
    const { attempts, unreachable, closed, errors, pending } = rover.stats();
    sum.attempts += attempts;
    sum.unreachable += unreachable + closed + errors;
    sum.pending += pending;
  }
  const { attempts, unreachable, pending } = sum;
  // Those that the rover turned away, and those that the pool did.
  const rejected = attempts - unreachable - pending - kept;
  const { user, system } = process.cpuUsage();
  process.send({ attempts, kept, swaps, rejected, unreachable, held, cpu: user + system });
}

process.on('message', ({ verb, numbers }) => VERBS[verb](numbers));
process.on('disconnect', () => process.exit());
setInterval(sample, sampling);
