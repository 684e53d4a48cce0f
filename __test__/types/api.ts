// Compiled by `npm run test:types`, never run: what an app in TypeScript may write, and what not.
import { EventEmitter, errorMonitor, on, once } from 'node:events';
import * as net from 'node:net';

import ClientRover = require('callosum-client-tcp-rover');

const controller = new AbortController();

// Options, each of them.
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
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: 50,
      weight: 3,
    },
  },
  signal: controller.signal,
  captureRejections: true,
});
new ClientRover();
new ClientRover({});
new ClientRover(null);
new ClientRover({
  ROVING_INTERVAL: null,
  CONNECT_TIMEOUT: null,
  SLOT_TIMEOUT: null,
  MAX_PENDING: null,
  MAX_SLOT: null,
  servers: null,
  signal: null,
});
const options: ClientRover.Options = { ROVING_INTERVAL: 250 };
new ClientRover(options);

// @ts-expect-error The interval is a number.
new ClientRover({ ROVING_INTERVAL: '1000' });
// @ts-expect-error So is the limit for connecting.
new ClientRover({ CONNECT_TIMEOUT: '1000' });
// @ts-expect-error So is the limit for the slot line.
new ClientRover({ SLOT_TIMEOUT: true });
// @ts-expect-error So is the limit of attempts.
new ClientRover({ MAX_PENDING: '16' });
// @ts-expect-error So is the limit of slots.
new ClientRover({ MAX_SLOT: 'ten' });
// @ts-expect-error Servers go by their ids.
new ClientRover({ servers: [{ port: 4040 }, 'b'] });
// @ts-expect-error A signal is an AbortSignal.
new ClientRover({ signal: controller });
// @ts-expect-error It is or it is not.
new ClientRover({ captureRejections: 'yes' });
// @ts-expect-error There is no such option.
new ClientRover({ INTERVAL: 1000 });

// Servers, and their options.
const server: ClientRover.Server = { host: '127.0.0.1', port: 4040, family: 'IPv4' };
const bare: ClientRover.ServerOptions = { port: 4040 };
const table: ClientRover.Servers = { a: server, b: bare };
rover.addServer('a', server);
rover.dropServer('a');
rover.servers.b = { port: 4040 };
rover.servers = table;
delete rover.servers.b;

// @ts-expect-error A host is a string.
rover.addServer('a', { host: 42, port: 4040 });
// @ts-expect-error A port is a number or a numeric string.
rover.addServer('a', { port: true });
// @ts-expect-error A path is a string.
rover.addServer('a', { path: 42 });
// @ts-expect-error There are two families.
rover.addServer('a', { port: 4040, family: 5 });
// @ts-expect-error A local address is a string.
rover.addServer('a', { port: 4040, localAddress: 127 });
// @ts-expect-error It is or it is not.
rover.addServer('a', { port: 4040, noDelay: 1 });
// @ts-expect-error It is or it is not.
rover.addServer('a', { port: 4040, keepAlive: 1 });
// @ts-expect-error A delay is a number.
rover.addServer('a', { port: 4040, keepAliveInitialDelay: '1s' });
// @ts-expect-error It is or it is not.
rover.addServer('a', { port: 4040, allowHalfOpen: 'no' });
// @ts-expect-error A timeout is a number.
rover.addServer('a', { port: 4040, timeout: '1s' });
// @ts-expect-error It is or it is not.
rover.addServer('a', { port: 4040, autoSelectFamily: 1 });
// @ts-expect-error A head start is a number.
rover.addServer('a', { port: 4040, autoSelectFamilyAttemptTimeout: '1s' });
// @ts-expect-error A bare set of options has no keys of the app's own.
const misspelt: ClientRover.ServerOptions = { port: 4040, wieght: 3 };
// @ts-expect-error A server is an object.
rover.addServer('a', 'localhost:4040');
// @ts-expect-error One is needed.
rover.addServer('a');
// @ts-expect-error An id is a string.
rover.dropServer(4040);
// @ts-expect-error A server is an object here as well.
rover.servers.a = 4040;

// Properties and methods.
const emitter: EventEmitter = rover;
const nothing: void[] = [rover.start(), rover.connect(), rover.stop(), rover[Symbol.dispose]()];
const maxSlot: number = (rover.MAX_SLOT = 12);
const interval: number = (rover.ROVING_INTERVAL = 500);
const timer: NodeJS.Timeout | null = rover.intervalId;
rover.intervalId?.unref();
clearInterval(rover.intervalId ?? undefined);

// @ts-expect-error The limit of slots is a number.
rover.MAX_SLOT = 'ten';
// @ts-expect-error The interval is a number.
rover.ROVING_INTERVAL = '1000';
// @ts-expect-error Before start() there is no timer.
rover.intervalId.unref();
// @ts-expect-error A rover is made by `new`.
ClientRover({ ROVING_INTERVAL: 250 });

const stats: ClientRover.Stats = rover.stats();
const balance: number =
  stats.attempts -
  (stats.connections + stats.rejected + stats.unreachable + stats.errors + stats.abandoned + stats.pending);
const skipped: number = stats.skipped;
// @ts-expect-error A rover counts nothing of that name.
console.log(rover.stats().retries);

// The event `connection`.
rover.on('connection', function (slot, socket) {
  const typedSlot: number = slot;
  const typedSocket: net.Socket = socket;
  const self: ClientRover = this;
  if (slot > 10) typedSocket.end(`${typedSlot}`);
  self.stop();
});
rover.once('connection', (slot, socket) => socket.write(slot.toFixed()));
rover.addListener('connection', (slot, socket) => socket.write(slot.toFixed()));
rover.prependListener('connection', (slot, socket) => socket.write(slot.toFixed()));
rover.prependOnceListener('connection', (slot, socket) => socket.write(slot.toFixed()));
rover.off('connection', (slot, socket) => socket.write(slot.toFixed()));
rover.removeListener('connection', (slot, socket) => socket.write(slot.toFixed()));
const heard: boolean = rover.emit('connection', 13, new net.Socket());
rover.on('connection', () => {}).on('connection', (slot) => slot.toFixed()).start();

// @ts-expect-error A slot is a number.
rover.on('connection', (slot: string) => console.log(slot));
// @ts-expect-error The second argument is a socket.
rover.on('connection', (slot, socket: string) => console.log(slot, socket));
// @ts-expect-error There is no third one.
rover.on('connection', (slot, socket, id) => console.log(slot, socket, id));
// @ts-expect-error Nor is a string a slot here.
rover.emit('connection', '13', new net.Socket());

// The event `unreachable`, and its error.
rover.on('unreachable', (id, server, error) => {
  const typedId: string = id;
  const typedServer: ClientRover.Server = server;
  const port: number | string | undefined = server.port;
  const host: string | undefined = server.host;
  const path: string | undefined = server.path;
  const typedError: ClientRover.UnreachableError = error;
  const code: string = error.code;
  const details: [number?, string?, string?, number?, string?] = [
    error.errno,
    error.syscall,
    error.address,
    error.port,
    error.hostname,
  ];
  const causes: Error[] = error.errors ?? [];
  console.log(typedId, typedServer, port, host, path, typedError, code, details, causes, error.message);
  // @ts-expect-error Not every one of these errors is about a port.
  console.log(error.port.toFixed());
  // @ts-expect-error An error of `unreachable` has received nothing.
  console.log(error.received);
});
rover.once('unreachable', (id) => id.trim());
rover.prependListener('unreachable', (id, server, error) => console.log(id.trim(), server, error.stack));

// @ts-expect-error An id is a string.
rover.on('unreachable', (id: number) => console.log(id));
// @ts-expect-error The error comes third.
rover.on('unreachable', (id, error: Error) => console.log(id, error));
// @ts-expect-error Its code is a string.
rover.on('unreachable', (id, server, error) => console.log(id, server, error.code.toFixed()));

// The event `error`, and its errors.
rover.on('error', (error) => {
  const typedError: ClientRover.RoverError = error;
  switch (error.code) {
    case 'ERR_CALLOSUM_PROTOCOL': {
      const received: Buffer | undefined = error.received;
      console.log(error.id?.trim(), error.server?.port, received?.toString('latin1'));
      break;
    }
    case 'ERR_CALLOSUM_NO_SERVERS':
    case 'ERR_CALLOSUM_INTERNAL':
      console.log(error.message);
      break;
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOBUFS':
    case 'ENOMEM':
      console.log(error.errno?.toFixed(), error.syscall?.trim(), error.address?.trim(), error.port?.toFixed());
      break;
    default:
      console.log(typedError.stack);
  }
  // @ts-expect-error With captureRejections, an error of the app's own may have no code.
  console.log(error.code.length);
  // @ts-expect-error Not every error is about what a server sent.
  console.log(error.received.length);
});
rover.off('error', (error) => console.log(error.message));
rover.emit('error', new Error('of the app'));

// @ts-expect-error The error comes first.
rover.on('error', (id: string, error: Error) => console.log(id, error));
// @ts-expect-error What is received are bytes.
rover.on('error', (error) => error.received?.trim());
// @ts-expect-error A listener is a function.
rover.on('error', 'listener');
// @ts-expect-error There is no such event.
rover.on('conection', () => {});

// The events of any emitter, and an app's own.
const ours = Symbol('ours');
rover.on(errorMonitor, (error) => console.log(error.message));
rover.once('newListener', (event) => console.log(event));
rover.off(ours, console.log);
rover.emit(ours, 1, 2);
(rover as EventEmitter).on('grown', console.log).emit('grown', 3);
// @ts-expect-error One that is called by a string is not among them.
rover.emit('grown', 3);

// What takes any emitter.
once(rover, 'connection').then(([slot, socket]) => console.log(slot, socket));
async function iterate() {
  for await (const [slot, socket] of on(rover, 'connection', { signal: controller.signal })) console.log(slot, socket);
}

// Subclasses, and a rover that stops at the end of a block.
class Pool extends ClientRover {
  override connect(): void {
    super.connect();
  }
}
new Pool({ ROVING_INTERVAL: 100 }).start();
{
  using scoped = new Pool();
  scoped.start();
}

export { balance, emitter, heard, interval, iterate, maxSlot, misspelt, nothing, skipped, timer };
