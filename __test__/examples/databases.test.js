'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');

const { run } = require('../helpers/child.js');
const { startPostgres, startRedis } = require('../helpers/database.js');
const { temporaryDirectory } = require('../helpers/temporary.js');

for (const [name, start, what, env] of [
  ['redis', startRedis, 'reads from', {}],
  ['postgres', startPostgres, 'queries to', { PGUSER: 'postgres', PGDATABASE: 'postgres' }],
]) {
  describe(`examples/databases/${name}.js`, () => {
    let running;
    before(async function () {
      this.timeout(60_000);
      running = await start(this);
    });
    after(() => running?.stop());

    it('spreads over servers behind callosum slots (row 64)', async function () {
      this.timeout(60_000);
      // One server by two names does for two of them.
      const other = temporaryDirectory()('other.sock');
      fs.symlinkSync(running.path, other);
      const { code, stdout, stderr } = await run([`examples/databases/${name}.js`, running.path, other], { env, timeout: 50_000 });
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      const counts = stdout.trimEnd().split('\n').map((line) => Number(new RegExp(`^(\\d+) ${what} /`).exec(line)[1]));
      assert.equal(counts.length, 2);
      const all = counts[0] + counts[1];
      assert.ok(all >= 200 && Math.min(...counts) > all * 0.1, stdout);
    });
  });
}
