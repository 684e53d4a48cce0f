'use strict';

// A root hook of mocha, see .mocharc.json: prints which tests were skipped, and why, and fails the run where
// one was skipped without a reason.

const { reasonOf } = require('./skip.js');

function skippedTests(suite) {
  const skipped = [];
  suite.eachTest((test) => {
    if (test.isPending()) skipped.push(test);
  });
  return skipped;
}

exports.mochaHooks = {
  afterAll: function tellWhatWasSkipped() {
    const skipped = skippedTests(this.test.parent);
    console.log(`\n  Skipped tests: ${skipped.length}`);
    for (const test of skipped) console.log(`    ${reasonOf(test) ?? 'NO REASON'}: ${test.fullTitle()}`);
    const silent = skipped.filter((test) => reasonOf(test) === undefined);
    if (silent.length > 0) throw new Error(`${silent.length} tests were skipped without a reason: see helpers/skip.js`);
  },
};
