'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: delay } = require('node:timers/promises');

const { startProgram } = require('../helpers/command.js');
const { etcdRegistry, redisRegistry } = require('../helpers/registry.js');
const { slotServer } = require('../helpers/slot-server.js');
const { temporaryDirectory } = require('../helpers/temporary.js');

const exampleAt = (name) => path.resolve(__dirname, '../../examples/discovery', name);

/** ms: the shortest that etcd takes. */
const LEASE = 2000;

/** A client of a recipe, and a promise of the next table that it prints. */
function startClient(args, env) {
  const client = startProgram(args, env);
  /** The lines that tell of connections. */
  const kept = [];
  return {
    ...client,
    kept,
    async nextTable() {
      for (;;) {
        const line = await client.nextLine();
        const [, servers] = /^servers: (.*)$/.exec(line) ?? [];
        if (servers !== undefined) return servers === 'none' ? [] : servers.split(' ');
        kept.push(line);
      }
    },
    /** The next table with so many servers. */
    async tableOf(length) {
      for (;;) {
        const table = await this.nextTable();
        if (table.length === length) return table;
      }
    },
  };
}

/** A server of a recipe, and where it listens. */
async function startServer(file, env) {
  const program = startProgram([file, 'server'], env);
  const [, id] = /^listening on (.*)$/.exec(await program.nextLine());
  return { ...program, id };
}

for (const [name, registryFor] of [['redis.js', redisRegistry], ['etcd.js', etcdRegistry]]) {
  describe(`examples/discovery/${name}`, () => {
    const file = exampleAt(name);

    it('finds servers, forgets those that die within their lease, and outlives the registry', async function () {
      this.timeout(60_000);
      const registry = await registryFor(this);
      await registry.start();
      const env = { ...registry.env, LEASE: `${LEASE}` };
      const client = startClient([file, 'client'], env);
      assert.deepEqual(await client.nextTable(), []);
      const [stays, dies] = [await startServer(file, env), await startServer(file, env)];
      assert.deepEqual(await client.tableOf(2), [stays.id, dies.id].sort());
      dies.child.kill('SIGKILL');
      const death = performance.now();
      assert.deepEqual(await client.nextTable(), [stays.id]);
      const gone = performance.now() - death;
      assert.ok(client.kept.some((line) => line.endsWith(` of ${stays.id}`)), `${client.kept}`);
      // etcd looks for leases that have ended twice a second.
      assert.ok(gone < LEASE + LEASE / 6 + 1500, `${gone} ms`);

      await registry.stop();
      // Longer than the lease; what the client says meanwhile is seen below.
      await delay(LEASE * 1.5);
      assert.notEqual(client.stderr(), '');
      // It says only later that it is there still.
      stays.child.kill('SIGSTOP');
      await registry.start();
      const comes = await startServer(file, env);
      assert.deepEqual(await client.nextTable(), [stays.id, comes.id].sort());
      stays.child.kill('SIGCONT');

      comes.child.kill('SIGTERM');
      assert.deepEqual(await client.nextTable(), [stays.id]);
      assert.deepEqual(await comes.exit(), { code: 0, stderr: '' });
      client.child.kill('SIGTERM');
      assert.equal((await client.exit()).code, 0);
    });

    it('waits for a registry that is not there yet', async function () {
      this.timeout(60_000);
      const registry = await registryFor(this);
      const env = { ...registry.env, LEASE: `${LEASE}` };
      const client = startClient([file, 'client'], env);
      const server = await startServer(file, env);
      assert.deepEqual(await client.nextTable(), []);
      await registry.start();
      assert.deepEqual(await client.nextTable(), [server.id]);
    });
  });
}

describe('examples/discovery/file.js', () => {
  it('follows a file that is changed, replaced, broken and away', async function () {
    this.timeout(30_000);
    const pathOf = temporaryDirectory();
    const file = pathOf('servers.json');
    const client = startClient([exampleAt('file.js'), 'client', file]);
    assert.deepEqual(await client.nextTable(), []);
    const { address } = await slotServer();
    const away = { host: '127.0.0.1', port: 1 };
    fs.writeFileSync(file, JSON.stringify({ a: address }));
    assert.deepEqual(await client.nextTable(), ['a']);
    // As editors and Kubernetes do it.
    fs.writeFileSync(pathOf('new.json'), JSON.stringify({ a: address, b: away }));
    fs.renameSync(pathOf('new.json'), file);
    assert.deepEqual(await client.nextTable(), ['a', 'b']);
    for (const text of ['{ "a": ', '[1]']) {
      fs.writeFileSync(file, text);
      await delay(1500);
    }
    fs.rmSync(file);
    await delay(1500);
    fs.writeFileSync(file, JSON.stringify({ b: away, c: address }));
    assert.deepEqual(await client.nextTable(), ['b', 'c']);
    assert.equal(client.kept[0], 'slot 13 of a');
    assert.match(client.stderr(), /^ENOENT.*\n.*JSON.*\nthe file must have an object of servers by id\nENOENT.*\n$/);
  });
});
