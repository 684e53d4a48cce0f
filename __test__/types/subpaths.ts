// Compiled and run by `npm run test:types`: an app that uses the subpaths.
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import * as net from 'node:net';

import { follow, type FollowOptions, type Follower } from 'callosum-client-tcp-rover/dns';
import { connector, RoverAgent, type RoverAgentOptions } from 'callosum-client-tcp-rover/http';
import { Pool, type Lease, type PoolOptions } from 'callosum-client-tcp-rover/pool';
import { giveSlots, type DrainOptions, type SlotOptions, type Slots } from 'callosum-client-tcp-rover/server';

import type ClientRover = require('callosum-client-tcp-rover');

const options: SlotOptions = { weight: 2 };
const slots: Slots = giveSlots(net.createServer(), options);
const drainOptions: DrainOptions = { over: 1000, grace: 100, end: (socket) => socket.end('bye') };

/** Compiled only. */
async function serve() {
  giveSlots(https.createServer());
  giveSlots(http2.createServer());
  giveSlots(http2.createSecureServer());
  const nothing: void = await slots.drain(drainOptions);
  // @ts-expect-error It is read only.
  slots.used = 1;
  // @ts-expect-error A weight is a number.
  giveSlots(net.createServer(), { weight: '2' });
  // @ts-expect-error That is no server.
  giveSlots(new net.Socket());
  return nothing;
}

/** Compiled only. */
function discover(rover: ClientRover, signal: AbortSignal) {
  const options: FollowOptions = { type: 'SRV', interval: 1000, nameServers: ['127.0.0.1:53'], signal };
  const follower: Follower = follow(rover, 'slots.test', options);
  follower.on('update', (added, dropped) => console.log(added.join(), dropped.length));
  follower.once('failure', (error) => console.log(error.code?.trim(), error.message));
  // @ts-expect-error There is no such event.
  follower.on('updated', () => {});
  // @ts-expect-error There is no such type of record.
  follow(rover, 'slots.test', { type: 'MX' });
  follower.stop();
}

/** Compiled only. */
async function lend(rover: ClientRover) {
  const options: PoolOptions = { size: 4, probation: 500, keepAlive: false, retire: (socket) => socket.end() };
  const pool = new Pool(rover, options);
  await using own = new Pool({ ...options, servers: { a: { port: 4040 } }, ROVING_INTERVAL: 100 });
  pool.on('keep', (slot, socket, id) => console.log(slot.toFixed(), socket.remotePort, id.trim()));
  pool.once('drop', (slot) => slot.toFixed());
  // @ts-expect-error There is no such event.
  pool.on('kept', () => {});
  // @ts-expect-error A size is a number.
  new Pool(rover, { size: '4' });
  const lease: Lease = await pool.acquire({ signal: AbortSignal.timeout(1000) });
  console.log(lease.slot.toFixed(), lease.id.trim(), lease.isRetired, lease.socket.remoteAddress);
  lease.destroy(new Error('no use'));
  pool.tryAcquire()?.release();
  // @ts-expect-error Only a pool makes them.
  new Lease();
  const sockets: net.Socket[] = own.sockets;
  await pool.close({ timeout: 1000 });
  return [pool.isFull, pool.lent, pool.waiting, pool.size, pool.rover.MAX_SLOT, sockets];
}

/** Compiled only. */
function request(pool: Pool) {
  const options: RoverAgentOptions = { protocol: 'https:', maxSockets: 4, timeout: 1000, ca: 'PEM' };
  const agent: http.Agent = new RoverAgent(pool, options);
  https.get('https://slot.test', { agent: new RoverAgent({ servers: { a: 4040 }, size: 2 }) });
  connector(pool, { timeout: 500, ca: 'PEM' })(
    { hostname: 'slot.test', protocol: 'https:' },
    (error, socket) => console.log(error?.message, socket?.remotePort),
  );
  // @ts-expect-error There is no such protocol.
  new RoverAgent(pool, { protocol: 'ftp:' });
  return agent;
}

console.log([serve, discover, lend, request].every((one) => typeof one === 'function'), slots.used);
