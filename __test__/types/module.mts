// Compiled by `npm run test:types`, never run: the import of an app that is an ES module.
import Rover from '../../index.js';
import type { Options, Server, Stats } from '../../index.js';

const server: Server = { host: 'slots.test', port: 4040 };
const options: Options = { ROVING_INTERVAL: 250, servers: { a: server } };
const rover = new Rover(options);
rover.on('connection', (slot, socket) => socket.write(slot.toFixed()));
const { attempts }: Stats = rover.stats();
console.log(attempts);
