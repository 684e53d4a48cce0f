'use strict';

const { runInChild } = require('../helpers/child.js');
const { openDescriptors } = require('../helpers/footprint.js');
const { attemptAt, settle } = require('../helpers/rover.js');
const { refusedPort } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

// Outside of any describe these are hooks of the root suite: what they compare is before and after
// all files together. Only Linux has /proc.
if (process.platform === 'linux') {
  let atFirst;

  before(async function countDescriptors() {
    // What is opened once and then kept, by Node and by the rovers, belongs to the start.
    await settle();
    await attemptAt({ host: 'localhost', port: await refusedPort() });
    await runInChild(() => {});
    // On Deno, what the first signal to a child takes.
    process.on('SIGUSR2', () => {}).removeAllListeners('SIGUSR2');
    atFirst = new Set(openDescriptors());
  });

  after(async function compareDescriptors() {
    const added = () => openDescriptors().filter((target) => !atFirst.has(target));
    await until(() => added().length === 0, {
      explain: () => `still open after all tests: ${added().join(', ')}`,
    });
  });
}
