// Compiled and run by `npm run test:types`: an app that uses the subpaths.
import * as http2 from 'node:http2';
import * as https from 'node:https';
import * as net from 'node:net';

import { follow, type FollowOptions, type Follower } from 'callosum-client-tcp-rover/dns';
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

console.log([serve, discover].every((one) => typeof one === 'function'), slots.used);
