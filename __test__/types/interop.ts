// Compiled and run by `npm run test:types`: an app of CommonJS with `esModuleInterop`.
import Rover, { type Options } from 'callosum-client-tcp-rover';

const options: Options = { ROVING_INTERVAL: 250, servers: { a: { host: 'slots.test', port: 4040 } } };
const rover: Rover = new Rover(options);
const { attempts }: Rover.Stats = rover.stats();
console.log(rover instanceof Rover, attempts);
// @ts-expect-error Not everything is `any`: a deliberate mistake is found.
rover.on('connection', (slot: string) => slot);
