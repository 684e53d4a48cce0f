'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');

const { printedBy } = require('../helpers/child.js');
const { namespace, shell } = require('../helpers/namespace.js');
const { NO_NAMESPACE, skip } = require('../helpers/skip.js');
const { EXHIBITS, visit } = require('../helpers/zoo.js');

/** How long an attempt may take beyond its time limit on a machine that is busy with other things. */
const SLACK = 5000;

/** A visit in a child process, in a network of its own. */
async function visitInNamespace(test, { name, namespace: { setup = 'true', needs6 = false, ...files } }) {
  if (needs6 && !fs.existsSync('/proc/net/if_inet6')) return skip(test, 'no IPv6 on this machine');
  const prefix = namespace(files);
  if (prefix === null) return skip(test, NO_NAMESPACE);
  const [result] = await printedBy(
    async ({ print }, name) => {
      const { EXHIBITS, visit } = require('./__test__/helpers/zoo.js');
      print(await visit(EXHIBITS.find((exhibit) => exhibit.name === name)));
    },
    name,
    { prefix: [...prefix, ...shell(setup)] },
  );
  return result;
}

/** Asserts that an attempt came to what it should have come to. */
function assertOutcome(outcome, { outcomes, sent }) {
  const { received, ...facts } = outcome;
  const isExpected = (expected) => {
    return Object.entries(expected).every(([name, value]) => facts[name] === value);
  };
  assert.ok(outcomes.some(isExpected), `${JSON.stringify(outcome)} is none of ${JSON.stringify(outcomes)}`);
  if (sent === undefined) return;
  const all = Buffer.from(sent).toString('latin1');
  assert.ok(received.length > 0 && received.length <= 32, `${received.length} bytes received`);
  assert.ok(all.startsWith(received) || received.startsWith(all), `${JSON.stringify(received)} was never sent`);
}

describe('the zoo', () => {
  for (const exhibit of EXHIBITS) {
    const { name, options = {}, atLeast = 0 } = exhibit;
    it(`${name}: one outcome, the right one, in time, and no descriptor left`, async function () {
      const { seen, elapsed, left } = await (exhibit.namespace ? visitInNamespace(this, exhibit) : visit(exhibit));
      assert.equal(seen.length, 3, JSON.stringify(seen));
      for (const outcome of seen) assertOutcome(outcome, exhibit);
      const limit = options.CONNECT_TIMEOUT ?? options.SLOT_TIMEOUT ?? 0;
      // A timer may be early by a fraction of its tick.
      const least = seen.some(({ code }) => code === 'ETIMEDOUT') ? limit * 0.8 : atLeast;
      assert.ok(elapsed >= least && elapsed <= limit + SLACK, `${elapsed} ms`);
      assert.deepEqual(left, []);
    });
  }
});
