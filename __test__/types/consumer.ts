// Compiled by `npm run test:types`, never run: what an app in TypeScript may write, and what not.
import { EventEmitter, once } from 'node:events';
import * as net from 'node:net';

import ClientRover = require('../..');

const controller = new AbortController();
const rover = new ClientRover({
  ROVING_INTERVAL: 250,
  CONNECT_TIMEOUT: 5000,
  SLOT_TIMEOUT: 0,
  MAX_PENDING: 16,
  MAX_SLOT: Infinity,
  servers: {
    byPort: { port: 4040 },
    byHost: { host: 'slots.test', port: '4040' },
    byPath: { path: '/run/slots.sock' },
    tuned: {
      host: '::1',
      port: 4040,
      family: 6,
      localAddress: '::1',
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 1000,
      allowHalfOpen: true,
      timeout: 1000,
    },
  },
  signal: controller.signal,
});
new ClientRover();
new ClientRover({});
const emitter: EventEmitter = rover;

rover.on('connection', (slot, socket) => {
  const isLow: boolean = slot < 10;
  const typedSlot: number = slot;
  const typedSocket: net.Socket = socket;
  if (!isLow) typedSocket.end(`${typedSlot}`);
});
rover.on('unreachable', (id, server, error) => {
  const typedId: string = id;
  const port: number | string | undefined = server.port;
  const host: string | undefined = server.host;
  const message: string = error.message;
  console.log(typedId, port, host, message);
});
rover.on('error', (error) => {
  const typedError: Error = error;
  console.log(typedError.message);
});
rover.once('connection', (slot, socket) => socket.write(slot.toFixed()));
rover.addListener('connection', (slot, socket) => socket.write(slot.toFixed()));
rover.prependListener('unreachable', (id, server, error) => console.log(id.trim(), server, error.stack));
rover.off('error', (error) => console.log(error.message));
once(rover, 'connection').then(([slot, socket]) => console.log(slot, socket));

rover.addServer('a', { host: '127.0.0.1', port: 4040 });
rover.dropServer('a');
rover.servers.b = { port: 4040 };
rover.servers = { c: { port: 4041 } };
delete rover.servers.c;
rover.start();
rover.connect();
rover.MAX_SLOT = 12;
rover.ROVING_INTERVAL = 500;
clearInterval(rover.intervalId ?? undefined);
rover.intervalId?.unref();
rover.stop();
rover[Symbol.dispose]();

const stats = rover.stats();
const balance: number =
  stats.attempts -
  (stats.connections + stats.rejected + stats.unreachable + stats.errors + stats.abandoned + stats.pending);
const skipped: number = stats.skipped;
console.log(emitter, balance, skipped);

class Pool extends ClientRover {
  override connect(): void {
    super.connect();
  }
}
new Pool({ ROVING_INTERVAL: 100 }).start();

// @ts-expect-error There is no such event.
rover.on('conection', () => {});
// @ts-expect-error A slot is a number.
rover.on('connection', (slot: string) => console.log(slot));
// @ts-expect-error The second argument is a socket.
rover.on('connection', (slot, socket: string) => console.log(slot, socket));
// @ts-expect-error An id is a string.
rover.on('unreachable', (id: number) => console.log(id));
// @ts-expect-error A listener is a function.
rover.on('error', 'listener');
// @ts-expect-error The interval is a number.
new ClientRover({ ROVING_INTERVAL: '1000' });
// @ts-expect-error So is the limit of slots.
new ClientRover({ MAX_SLOT: 'ten' });
// @ts-expect-error Servers go by their ids.
new ClientRover({ servers: [{ port: 4040 }, 'b'] });
// @ts-expect-error There is no such option.
new ClientRover({ INTERVAL: 1000 });
// @ts-expect-error A signal is an AbortSignal.
new ClientRover({ signal: controller });
// @ts-expect-error A host is a string.
rover.addServer('a', { host: 42, port: 4040 });
// @ts-expect-error A server is an object.
rover.addServer('a', 'localhost:4040');
// @ts-expect-error An address is needed.
rover.addServer('a');
// @ts-expect-error So it is here.
rover.servers.a = 4040;
// @ts-expect-error A rover counts nothing of that name.
console.log(rover.stats().retries);
