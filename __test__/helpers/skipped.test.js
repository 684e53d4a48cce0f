'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');

const { run } = require('./child.js');
const { temporaryDirectory } = require('./temporary.js');

const SKIP = require.resolve('./skip.js');

/** Runs a test file with the root hook, by the mocha that runs this. */
async function runMocha(source) {
  const file = temporaryDirectory()('some.test.js');
  fs.writeFileSync(file, `const { skip } = require(${JSON.stringify(SKIP)});\n${source}`);
  const hook = require.resolve('./skipped.js');
  const { code, stdout } = await run([process.argv[1], '--no-config', '--require', hook, '--reporter', 'dot', file]);
  return { code, stdout };
}

describe('the list of skipped tests', () => {
  it('has each with its reason, skipped by itself or by a hook', async () => {
    const { code, stdout } = await runMocha(`
      it('runs', () => {});
      it('skips itself', function () { skip(this, 'needs a key'); });
      describe('a suite', () => {
        before(function () { skip(this, 'needs a lock'); });
        it('is skipped', () => {});
        describe('within', () => it('is skipped, too', () => {}));
      });
      describe('another suite', () => {
        beforeEach(function () { skip(this, 'needs a door'); });
        it('is skipped', () => {});
      });`);
    assert.match(
      stdout,
      /^ {2}Skipped tests: 4\n {4}needs a key: skips itself\n {4}needs a lock: a suite is skipped\n {4}needs a lock: a suite within is skipped, too\n {4}needs a door: another suite is skipped\n/m,
    );
    assert.equal(code, 0);
  });

  it('says that there is none', async () => {
    const { code, stdout } = await runMocha("it('runs', () => {});");
    assert.match(stdout, /^ {2}Skipped tests: 0\n/m);
    assert.equal(code, 0);
  });

  for (const [way, source] of [
    ['this.skip()', "it('is skipped', function () { this.skip(); });"],
    ['it.skip()', "it.skip('is skipped', () => {});"],
    ['having no body', "it('is skipped');"],
    ['describe.skip()', "describe.skip('a suite', () => it('is skipped', () => {}));"],
  ]) {
    it(`fails the run where a test is skipped without a reason, by ${way}`, async () => {
      const { code, stdout } = await runMocha(`it('runs', () => {});\n${source}`);
      assert.match(stdout, /^ {4}NO REASON: (a suite )?is skipped$/m);
      assert.notEqual(code, 0);
    });
  }
});
