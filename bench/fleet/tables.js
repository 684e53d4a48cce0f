'use strict';

/** The results as tables of Markdown. */

const { ADDED, CLIENTS, CONNECTIONS, SERVERS } = require('./service.js');

const whole = (value) => Math.round(value).toLocaleString('en-US');
const ratio = (value) => (value === null ? '–' : value.toFixed(2));

/** Heading, and the figure of a way. */
const COST = {
  'p50, µs': ({ rest }) => whole(rest.p50),
  'p99, µs': ({ rest }) => whole(rest.p99),
  'CPU a request, µs': ({ rest }) => whole(rest.cpu),
  'of it, the client': ({ rest }) => whole(rest.clientCpu),
  'requests/s': ({ flood }) => whole(flood.rate),
  'p99, µs ': ({ flood }) => whole(flood.p99),
  'CPU a request, µs ': ({ flood }) => whole(flood.cpu),
};

const AFTER = {
  'at rest': 'rest',
  'flat out': 'flood',
  '5 s after a restart': 'restart-5',
  '30 s after': 'restart-30',
  '5 s after two were added': 'added-5',
  '5 s after a rolling deploy': 'rolling-5',
};

const columns = (key) => Object.fromEntries(Object.entries(AFTER).map(([title, window]) => {
  return [title, (windows) => ratio(windows[window][key])];
}));

const failed = ({ failed: count, requests }) => (count === 0 ? 'none' : `${whole(count)} of ${whole(requests + count)}`);

const TROUBLE = {
  'failed: one server is killed': ({ restart }) => failed(restart),
  'rolling deploy': ({ rolling }) => failed(rolling),
  'p99 of it, µs': ({ rolling }) => whole(rolling.p99),
  'one server slow: p50, µs': ({ slow }) => whole(slow.p50),
  'p99, µs': ({ slow }) => whole(slow.p99),
  'requests of the fullest server': ({ slow }) => ratio(slow.worstRequests),
};

function table(ways, fields) {
  const rows = Object.values(ways).map(({ title, windows }) => {
    return [title, ...Object.values(fields).map((read) => read(windows))];
  });
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = `|---|${'---:|'.repeat(Object.keys(fields).length)}`;
  return [line(['', ...Object.keys(fields)]), rule, ...rows.map(line)].join('\n');
}

/**
 * @param {{ machine: object, ways: Record<string, { title: string, windows: object }> }} results
 * @returns {string}
 */
function tables({ machine, ways }) {
  const { node, cpu, cores, os, loadBefore } = machine;
  const isBusy = loadBefore > cores;
  const caveat = isBusy ? ' **The machine was busy with other work: latencies and CPU at rest are not comparable.**' : '';
  return `${SERVERS} servers, ${CLIENTS} clients, ${CONNECTIONS} connections of each client where that can be said. Node ${node},
${cpu}, ${cores} cores, ${os}; load of the machine before the run: ${loadBefore.toFixed(1)}.${caveat}

**Cost**: the first four columns at 1,000 requests a second, the last three as fast as it goes. CPU is that of all
processes: clients, balancer, servers.

${table(ways, COST)}

**Connections** of the fullest server, to the mean (at the end there are ${SERVERS + ADDED} servers). gRPC has one from
each client to each server.

${table(ways, columns('worstConnections'))}

**Requests** of the server that got most, to the mean.

${table(ways, columns('worstRequests'))}

**Trouble**: a server is killed and comes back; a rolling deploy of all; one server takes 5 ms where the others take
about a half.

${table(ways, TROUBLE)}

`;
}

module.exports = { tables };
