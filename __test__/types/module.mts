// Compiled and run by `npm run test:types`: an app that is an ES module.
import Rover from 'callosum-client-tcp-rover';
import type { Options, Server, Stats } from 'callosum-client-tcp-rover';

const server: Server = { host: 'slots.test', port: 4040 };
const options: Options = { ROVING_INTERVAL: 250, servers: { a: server } };
const rover: Rover = new Rover(options);
const { attempts }: Stats = rover.stats();
console.log(rover instanceof Rover, attempts);
// @ts-expect-error Not everything is `any`: a deliberate mistake is found.
rover.on('connection', (slot: string) => slot);
