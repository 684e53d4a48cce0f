'use strict';

// What Deno and Bun are tested by (`npm run test:deno`, `npm run test:bun`): all of the suite that is not
// about Node.js itself, nor about the insides, nor slow.

const FILES = [
  'servers/add-server',
  'servers/bad-server',
  'socket/clients',
  'client-rover/connect',
  'outcomes/connection',
  'client-rover/context',
  'servers/drop-server',
  'outcomes/error',
  'client-rover/event-emitter',
  'outcomes/exhaustion',
  'client-rover/interval-id',
  'client-rover/leaks',
  'client-rover/lifetime',
  'client-rover/limits',
  'client-rover/no-servers',
  'pool/fill',
  'pool/guard',
  'pool/leases',
  'pool/model',
  'pool/pool',
  'outcomes/protocol',
  'servers/server-options',
  'servers/servers',
  'socket/socket',
  'client-rover/start',
  'client-rover/stats',
  'client-rover/stop',
  'client-rover/subclass',
  'outcomes/unreachable',
  'client-rover/worker',
];

// Where these runtimes differ from Node.js on their own account. Titles, of which the beginning is enough.
const DIFFERENCES = [
  // Deno: its http server ends a connection that was handed to it by emit('connection') after a response.
  'an http.Agent keeps it for several requests',
  // Bun: nor is it with a socket of net.connect().
  'raises an uncaughtException for an error that nobody handles',
  // Bun: its dns.lookup() gives another error; the rover's is that of Node.js.
  'gives the error of dns.lookup for a name that does not resolve',
  // Deno: emits several outcomes before a loop over events.on() sees the first.
  'leaves nothing open at the `break` of a loop over events.on whose body does not wait',
  // Deno: its addAbortListener() does not hear of an abort after stopImmediatePropagation().
  'listens to a signal once, whoever waits with it, and hears it in any case',
  // Deno: a worker that waits in Atomics.wait() is never terminated. Bun: has one more thread afterwards.
  '200 of them, each terminated in mid-rove',
  // Deno: a worker's exception is printed, whoever listens for it; an exception in a native callback is lost.
  'may throw in mid-rove',
  'may throw: it ends with code 1',
];

module.exports = {
  spec: FILES.map((name) => `__test__/${name}.test.js`),
  require: './__test__/helpers/skipped.js',
  grep: new RegExp(DIFFERENCES.join('|')),
  invert: true,
  timeout: 20_000,
  forbidOnly: true,
};
