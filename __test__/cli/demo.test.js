'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const { drawChart } = require('../../lib/cli/demo/chart.js');
const { run } = require('../helpers/child.js');
const { COMMAND } = require('../helpers/command.js');
const { temporaryDirectory } = require('../helpers/temporary.js');

const ROOT = path.resolve(__dirname, '../..');

/** The table of connections that docs/quick-start.md shows. */
function tableOfPage() {
  const page = fs.readFileSync(path.join(ROOT, 'docs/quick-start.md'), 'utf8');
  return /^```text\n(Connections per server.*?\n)```$/ms.exec(page)[1];
}

/** A text in which all numbers are alike, and all gaps between them. */
const withoutNumbers = (text) => text.replace(/\d+(\.\d+)?/g, 'n').replace(/ +/g, ' ');

describe('callosum demo', () => {
  it('shows the load levelling out, in tables of 60 columns, and draws a picture (row 91)', async function () {
    this.timeout(60_000);
    const picture = temporaryDirectory()('balance.svg');
    const { code, stdout, stderr } = await run([COMMAND, 'demo', '--picture', picture], { timeout: 50_000 });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    const report = stdout.slice(stdout.indexOf('\nConnections'));
    for (const phase of ['C, D, E added', 'A stopped', 'F started']) {
      const [, worst] = new RegExp(`^  ${phase} .* to (\\d\\.\\d\\d)$`, 'm').exec(report);
      assert.ok(Number(worst) < 1.2, `${phase}: ${worst}`);
    }
    for (const line of stdout.split('\n')) assert.ok(line.length <= 60 || line.startsWith('Picture: '), line);
    assert.ok(withoutNumbers(report).startsWith(`\n${withoutNumbers(tableOfPage())}`), report);
    assert.ok(report.endsWith(`\nPicture: ${picture}\n`));
    assert.match(fs.readFileSync(picture, 'utf8'), /^<svg [^]*<\/svg>\n$/);
  });

  it('says at once where it cannot draw, with code 1 (row 91)', async () => {
    const { code, stdout, stderr } = await run([COMMAND, 'demo', '--picture', temporaryDirectory()('no-folder/balance.svg')]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^callosum: ENOENT: .*no-folder'\n$/);
  });

  it('draws what the fair share is: the mean over all running servers (row 91)', () => {
    const sampleAt = (time, counts) => ({ time, counts: new Map(Object.entries(counts)), clients: 2 });
    const picture = drawChart([sampleAt(0, { A: 10, B: 0 }), sampleAt(1000, { A: 6, B: 4 })], [], { poolSize: 5 });
    assert.match(picture, />fair share: the mean over all running servers ± 10 %</);
    // 5 ± 10 %, and 0 at the bottom of the plot, 10 at its top.
    const [, upper, lower] = /class="fair" d="M60 ([\d.]+)L.*L60 ([\d.]+)Z"/.exec(picture);
    assert.deepEqual([upper, lower], ['274.6', '305.4']);
  });

  it('has a picture in the package that it could have drawn (row 91)', () => {
    const picture = fs.readFileSync(path.join(ROOT, 'balance.svg'), 'utf8');
    assert.match(picture, />fair share: the mean over all running servers ± 10 %</);
    assert.ok(require('../../package.json').files.includes('balance.svg'));
    assert.match(fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8'), /\]\(balance\.svg\)/);
  });
});
