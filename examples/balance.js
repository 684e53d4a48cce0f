'use strict';

/**
 * Shows the load of several Callosum servers levelling out, with nobody in charge: real TCP on
 * loopback, a rover and a small pool in every client. Takes about ten seconds, prints what it
 * measured and draws balance.svg in the working directory. Exit code 1 if balance is not reached.
 *
 *     node examples/balance.js            node examples/balance.js | cat        plain lines
 */

const fs = require('node:fs');
const path = require('node:path');
const { BarView } = require('./balance/bar-view.js');
const { drawChart } = require('./balance/chart.js');
const { Monitor } = require('./balance/monitor.js');
const { PlainView } = require('./balance/plain-view.js');
const { formatReport } = require('./balance/report.js');
const { playScenario } = require('./balance/scenario.js');
const { Service } = require('./balance/service.js');

/** ms after which the demo gives up; a quiet machine needs about 9000. */
const TIME_LIMIT = 13500;

async function main() {
  const service = new Service({ clients: 60, poolSize: 5, rovingInterval: 200 });
  const monitor = new Monitor(service, { timeLimit: TIME_LIMIT });
  const view = BarView.fits(process.stdout) ? new BarView(process.stdout) : new PlainView(process.stdout);
  monitor.on('sample', (sample) => view.showSample(sample));
  monitor.on('event', (event) => view.showEvent(event));
  try {
    const phases = await playScenario(service, monitor);
    // Measured; from here on the bars would only shrink.
    monitor.stop();
    const picture = path.resolve('balance.svg');
    fs.writeFileSync(picture, drawChart(monitor.samples, phases, service));
    console.log(`\n${formatReport(phases, monitor.interval)}\n\nPicture: ${picture}`);
    for (const error of service.errors) console.error(`rover: ${error.message}`);
  } finally {
    monitor.stop();
    await service.close();
  }
}

// `| head` closes the pipe early, and the picture is still wanted.
process.stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error;
});

// Not process.exit: that the process ends by itself shows that nothing was left open.
main().catch((error) => {
  console.error(`\nbalance: ${error.message}`);
  process.exitCode = 1;
});
