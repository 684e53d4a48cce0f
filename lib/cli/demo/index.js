'use strict';

/**
 * Shows the load of several Callosum servers levelling out, with nobody in charge: real TCP on loopback, a pool in every
 * client.
 */

const fs = require('node:fs');
const path = require('node:path');

const { UsageError } = require('../usage-error.js');

const { BarView } = require('./bar-view.js');
const { drawChart } = require('./chart.js');
const { Monitor } = require('./monitor.js');
const { PlainView } = require('./plain-view.js');
const { formatReport } = require('./report.js');
const { playScenario } = require('./scenario.js');
const { Service } = require('./service.js');

/** ms after which the demo gives up; a quiet machine needs about 12,000. */
const TIME_LIMIT = 20_000;

const PICTURE = 'balance.svg';

async function run(values, positionals) {
  if (positionals.length > 0) throw new UsageError(`what is ${positionals[0]}?`);
  const picture = path.resolve(values.picture ?? PICTURE);
  // Not after ten seconds.
  fs.accessSync(path.dirname(picture), fs.constants.W_OK);
  const { stdout } = process;
  const service = new Service({ clients: 60, poolSize: 5 });
  const monitor = new Monitor(service, { timeLimit: TIME_LIMIT });
  const view = BarView.fits(stdout) ? new BarView(stdout) : new PlainView(stdout);
  monitor.on('sample', (sample) => view.showSample(sample));
  monitor.on('event', (event) => view.showEvent(event));
  try {
    const phases = await playScenario(service, monitor);
    // Measured; from here on the bars would only shrink.
    monitor.stop();
    console.log(`\n${formatReport(phases, monitor.interval)}`);
    fs.writeFileSync(picture, drawChart(monitor.samples, phases, service));
    console.log(`\nPicture: ${picture}`);
    for (const error of service.errors) console.error(`rover: ${error.message}`);
  } finally {
    monitor.stop();
    // Not process.exit: that the process ends by itself shows that nothing was left open.
    await service.close();
  }
}

module.exports = {
  usage: '[--picture FILE]',
  summary: 'Shows the load of servers levelling out, in about ten seconds.',
  help: `
  --picture FILE  where to draw it (default ${PICTURE})
  -h, --help      this text

Servers and clients are on this machine, in this process. Exit code 1 means that
balance was not reached in time.
`.slice(1),
  options: { picture: { type: 'string' } },
  run,
};
