'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const path = require('node:path');

const { cleanup } = require('../helpers/cleanup.js');
const { startProgram } = require('../helpers/command.js');
const { textOf } = require('../helpers/slot-client.js');

const ALL = 8;

/** The example, when all that it starts listens: the processes and their addresses by name. */
async function startExample() {
  const { child, nextLine, ...rest } = startProgram([path.resolve(__dirname, '../../examples/gateway')]);
  const processes = {};
  // Killed alone, it would leave them behind.
  cleanup(() => Object.values(processes).forEach(({ pid }) => kill(pid)));
  const nextProcess = async () => {
    const line = await nextLine();
    const [, name, pid, url] = /^(\w+ \d) is process (\d+) at (.*)$/.exec(line) ?? [];
    if (name !== undefined) processes[name] = { pid: Number(pid), url };
    return line;
  };
  while (Object.keys(processes).length < ALL) await nextProcess();
  return { child, processes, nextProcess, ...rest };
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

async function ask(url, options, body) {
  const request = http.request(url, options).end(body);
  const [response] = await once(request, 'response');
  return { status: response.statusCode, text: await textOf(response) };
}

/** What has answered a request for each of these paths. */
async function services(gateway, paths) {
  const answers = await Promise.all(paths.map((each) => ask(`${gateway.url}${each}`)));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  return answers.map(({ text }) => JSON.parse(text));
}

describe('examples/gateway', () => {
  it('spreads requests over the processes of each service, and loses none when one is killed', async function () {
    this.timeout(60_000);
    const { child, exit, processes, nextProcess } = await startExample();
    const gateways = [processes['gateway 0'], processes['gateway 1']];
    const paths = ['users', 'orders', 'prices'].flatMap((name) => Array.from({ length: 20 }, (_, n) => `/${name}/${n}?a=b`));
    for (const gateway of gateways) {
      // The first answers may all come by the first connection of each pool.
      const ports = new Set();
      while (ports.size <= 3) {
        const answers = await services(gateway, paths);
        assert.deepEqual(answers.map(({ service, path }) => `/${service}${path}`), paths);
        for (const { port } of answers) ports.add(port);
      }
    }

    process.kill(processes['users 0'].pid, 'SIGKILL');
    for (let round = 0; round < 10; round++) for (const gateway of gateways) await services(gateway, paths);
    const { url } = processes['users 0'];
    assert.equal(await nextProcess(), 'users 0 has died');
    await nextProcess();
    assert.equal(processes['users 0'].url, url);

    assert.deepEqual((await ask(`${gateways[0].url}/nothing`)).status, 404);
    const posted = await ask(`${gateways[0].url}/orders`, { method: 'POST' }, 'body');
    assert.deepEqual([posted.status, JSON.parse(posted.text).path], [200, '/']);

    child.kill('SIGTERM');
    assert.deepEqual(await exit(), { code: 0, stderr: '' });
  });
});
