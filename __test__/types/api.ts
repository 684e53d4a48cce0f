// Compiled by `npm run test:types`, never run: what an app in TypeScript may write, and what not.
import * as diagnostics from 'node:diagnostics_channel';
import { EventEmitter, errorMonitor, on, once } from 'node:events';
import * as net from 'node:net';

import ClientRover = require('callosum-client-tcp-rover');

const controller = new AbortController();

// Options, each of them.
const rover = new ClientRover({
  ROVING_INTERVAL: 250,
  MAX_INTERVAL: 1000,
  JITTER: 0.1,
  CONNECT_TIMEOUT: 5000,
  SLOT_TIMEOUT: 0,
  MAX_PENDING: 16,
  MAX_SLOT: Infinity,
  servers: {
    byPort: { port: 4040 },
    byHost: { host: 'slots.test', port: '4040' },
    byPath: { path: '/run/slots.sock' },
    barePort: 4040,
    barePath: '/run/slots.sock',
    tuned: {
      host: '::1',
      port: 4040,
      family: 6,
      hints: 0,
      lookup: (host, options, callback) => callback(null, [{ address: '::1', family: 6 }]),
      localAddress: '::1',
      localPort: 0,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 1000,
      allowHalfOpen: true,
      timeout: 1000,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: 50,
      encoding: 'utf8',
      highWaterMark: 16384,
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
  MAX_INTERVAL: null,
  JITTER: null,
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
// @ts-expect-error So is the longest one.
new ClientRover({ MAX_INTERVAL: '1s' });
// @ts-expect-error So is the jitter.
new ClientRover({ JITTER: true });
// @ts-expect-error So is the limit for connecting.
new ClientRover({ CONNECT_TIMEOUT: '1000' });
// @ts-expect-error So is the limit for the slot line.
new ClientRover({ SLOT_TIMEOUT: true });
// @ts-expect-error So is the limit of attempts.
new ClientRover({ MAX_PENDING: '16' });
// @ts-expect-error So is the limit of slots.
new ClientRover({ MAX_SLOT: 'ten' });
// @ts-expect-error A server is no truth value.
new ClientRover({ servers: { a: true } });
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
// @ts-expect-error A misspelt key is found where the object is a literal.
const misspelt: ClientRover.Server = { hots: 'slots.test', port: 4040 };
// @ts-expect-error So it is here.
rover.addServer('a', { prot: 4040, host: 'slots.test' });
// @ts-expect-error And here.
new ClientRover({ servers: { a: { port: 4040, keepAliv: true } } });
// @ts-expect-error And here.
rover.servers.b = { port: 4040, noDealy: true };
// @ts-expect-error A server is no list.
rover.addServer('a', [4040]);
// @ts-expect-error One is needed.
rover.addServer('a');
// @ts-expect-error An id is a string.
rover.dropServer(4040);
rover.servers.c = 4040;
// @ts-expect-error A server is a server here as well.
rover.servers.a = null;

// The app's own kind of server, an interface, which a listener gets back.
interface MyServer {
  host: string;
  port: number;
  zone: string;
}
declare const mine: MyServer;
declare const fleet: Record<string, MyServer>;
declare const listed: { [id: string]: MyServer };
const asServer: ClientRover.Server = mine;
const asServers: ClientRover.Servers = fleet;
rover.addServer('mine', mine);
rover.servers = listed;
new ClientRover({ servers: fleet }).addServer('mine', mine);

const own = new ClientRover<MyServer>({ servers: { a: { host: 'slots.test', port: 4040, zone: 'north' } } });
own.addServer('b', mine);
own.servers = fleet;
own.servers.a.zone.trim();
own.on('connection', (slot, socket, id, server) => console.log(slot, socket, id, server.zone.trim()));
own.on('unreachable', (id, server, error) => console.log(id, server.zone.trim(), error.code));
own.once('closed', (id, server, error) => console.log(id, server.zone.trim(), error.code));
own.on('down', (id, server, error) => console.log(id, server.zone.trim(), error.message));
own.on('up', (id, server) => console.log(id, server.zone.trim()));
own.on('error', (error) => console.log(error.server?.zone.trim()));
own.rove().then(({ server }) => server.zone.trim());
own.on('up', function () {
  const zone: string = this.servers.a.zone;
  console.log(zone);
});
const anyRover: ClientRover = own;
function report(one: ClientRover): void {
  one.stats();
}
report(own);
// @ts-expect-error It has no such key.
own.on('up', (id, server) => server.region);
// @ts-expect-error A server of this app has a zone.
own.addServer('c', { host: 'slots.test', port: 4040 });
// @ts-expect-error Every key of a server of this app is known.
own.addServer('c', { host: 'slots.test', port: 4040, zone: 'north', regoin: 'x' });
// @ts-expect-error A server of any app has nothing of a zone.
rover.on('up', (id, server: MyServer) => server.zone.trim().length.nothing);
// @ts-expect-error Nothing of it is a server.
new ClientRover<{ address: string }>();
// @ts-expect-error Its port is none.
new ClientRover<{ port: boolean }>();

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

// Without `new`, as in 2013.
const called: ClientRover = ClientRover({ ROVING_INTERVAL: 250 });
const ownCalled: ClientRover<MyServer> = ClientRover<MyServer>({ servers: fleet });
ClientRover();
// @ts-expect-error The interval is a number here as well.
ClientRover({ ROVING_INTERVAL: '1000' });

// An attempt of its own.
async function attempt(): Promise<void> {
  const { slot, socket, id, server } = await rover.rove({ signal: controller.signal });
  const typed: [number, net.Socket, string, ClientRover.Server] = [slot, socket, id, server];
  const connection: ClientRover.Connection = await rover.rove();
  console.log(typed, connection);
  try {
    await rover.rove({});
  } catch (error) {
    const { code, slot: rejected } = error as ClientRover.RoveError;
    if (code === 'ERR_CALLOSUM_REJECTED') console.log(rejected?.toFixed());
    if (code === 'ERR_CALLOSUM_PENDING' || code === 'ABORT_ERR' || code === 'ECONNREFUSED') console.log(code);
    // @ts-expect-error There is no such code.
    if (code === 'ERR_CALLOSUM_REJECT') console.log(code);
  }
}
// @ts-expect-error A signal is an AbortSignal.
rover.rove({ signal: controller });
// @ts-expect-error There is no such option.
rover.rove({ timeout: 100 });
// @ts-expect-error There is no more than these four.
rover.rove().then(({ port }) => port);

rover.rest('a', 1000);
// @ts-expect-error How long?
rover.rest('a');
// @ts-expect-error A time is a number.
rover.rest('a', '1s');

const stats: ClientRover.Stats = rover.stats();
const balance: number =
  stats.attempts -
  (stats.connections + stats.rejected + stats.unreachable + stats.closed + stats.errors + stats.abandoned + stats.pending);
const skipped: number = stats.skipped;
// @ts-expect-error A rover counts nothing of that name.
console.log(rover.stats().retries);
// @ts-expect-error Without being asked, it has nothing by server.
console.log(rover.stats().servers);

const byServer = rover.stats({ servers: true });
const totals: ClientRover.Stats = byServer;
const ofServer: ClientRover.ServerStats | undefined = byServer.servers.get('a');
if (ofServer !== undefined) {
  const { attempts, connections, rejected, unreachable, closed, errors, pending, failures } = ofServer;
  const counts: number[] = [attempts, connections, rejected, unreachable, closed, errors, pending, failures];
  const last: [ClientRover.ErrorCode | null, number | null] = [ofServer.lastError, ofServer.lastSlot];
  const isDown: boolean = ofServer.isDown;
  const { count, min, mean, max, p50, p90, p99 }: ClientRover.Times = ofServer.connectTime;
  console.log(counts, last, isDown, [count, min, mean, max, p50, p90, p99], ofServer.slotTime.p50.toFixed());
  // @ts-expect-error There need not have been an error.
  console.log(ofServer.lastError.length);
  // @ts-expect-error There is no such percentile.
  console.log(ofServer.slotTime.p75);
}
// @ts-expect-error An id may be unknown.
console.log(byServer.servers.get('a').attempts);

// The channels.
diagnostics.subscribe('callosum-client-tcp-rover:connection', (message) => {
  const { rover: whose, id, server, slot, socket } = message as ClientRover.Channels['callosum-client-tcp-rover:connection'];
  console.log(whose.MAX_SLOT, id.trim(), server, slot.toFixed(), socket.localPort);
});
diagnostics.subscribe('callosum-client-tcp-rover:rejected', (message) => {
  const { slot, ...rest } = message as ClientRover.Channels['callosum-client-tcp-rover:rejected'];
  // @ts-expect-error The connection is closed.
  console.log(slot.toFixed(), rest.socket);
});
diagnostics.subscribe('callosum-client-tcp-rover:error', (message) => {
  const { id, error } = message as ClientRover.Channels['callosum-client-tcp-rover:error'];
  console.log(error.message);
  // @ts-expect-error Where there are no servers, there is no id.
  console.log(id.trim());
});
type ChannelName = keyof ClientRover.Channels;
const channels: ChannelName[] = [
  'callosum-client-tcp-rover:attempt',
  'callosum-client-tcp-rover:unreachable',
  'callosum-client-tcp-rover:closed',
];
// @ts-expect-error There is no such channel.
const channel: ChannelName = 'callosum-client-tcp-rover:abandoned';

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
const heard: boolean = rover.emit('connection', 13, new net.Socket(), 'a', 4040);
rover.on('connection', () => {}).on('connection', (slot) => slot.toFixed()).start();

// @ts-expect-error A slot is a number.
rover.on('connection', (slot: string) => console.log(slot));
// @ts-expect-error The second argument is a socket.
rover.on('connection', (slot, socket: string) => console.log(slot, socket));
rover.on('connection', (slot, socket, id, server) => console.log(id.trim(), server));
// @ts-expect-error There is no fifth one.
rover.on('connection', (slot, socket, id, server, error) => console.log(error));
// @ts-expect-error Nor is a string a slot here.
rover.emit('connection', '13', new net.Socket(), 'a', 4040);

// The event `unreachable`, and its error.
rover.on('unreachable', (id, server, error) => {
  const typedId: string = id;
  const typedServer: ClientRover.Server = server;
  if (typeof server !== 'object') return;
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
rover.on('unreachable', (id, server, error) => {
  if (error.code === 'ECONNREFUSED' || error.code === 'ENOTFOUND' || error.code === 'ETIMEDOUT') console.log(id);
  // @ts-expect-error A misspelt code is found.
  if (error.code === 'ECONREFUSED') console.log(id);
});

// The event `closed`.
rover.on('closed', (id, server, error) => {
  const code: 'ERR_CALLOSUM_CLOSED' = error.code;
  console.log(id.trim(), server, code, error.message);
});
// @ts-expect-error An id is a string.
rover.on('closed', (id: number) => console.log(id));
// @ts-expect-error It has one code.
rover.on('closed', (id, server, error) => error.code === 'ECONNREFUSED');

// The events `down` and `up`.
rover.on('down', (id, server, error) => console.log(id.trim(), server, error.message, error.code));
rover.once('up', (id, server) => console.log(id.trim(), server));
// @ts-expect-error What is up has no error.
rover.on('up', (id, server, error) => console.log(error));
// @ts-expect-error An id is a string.
rover.on('down', (id: number) => console.log(id));

// The event `error`, and its errors.
rover.on('error', (error) => {
  const typedError: ClientRover.RoverError = error;
  switch (error.code) {
    case 'ERR_CALLOSUM_PROTOCOL': {
      const received: Buffer | undefined = error.received;
      console.log(error.id?.trim(), error.server, received?.toString('latin1'));
      break;
    }
    // @ts-expect-error A misspelt code is found.
    case 'ERR_CALLOSUM_NO_SERVER':
    case 'ERR_CALLOSUM_NO_SERVERS':
    case 'ERR_SOCKET_BAD_PORT':
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
class Zoned extends ClientRover<MyServer> {
  get zones(): string[] {
    return Object.values(this.servers).map(({ zone }) => zone);
  }
}
console.log(new Zoned({ servers: fleet }).zones);
{
  using scoped = new Pool();
  scoped.start();
}


export {
  anyRover,
  asServer,
  asServers,
  attempt,
  called,
  channel,
  channels,
  ownCalled,
  totals,
};
export { balance, emitter, heard, interval, iterate, maxSlot, misspelt, nothing, skipped, timer };
