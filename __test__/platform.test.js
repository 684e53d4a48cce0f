'use strict';

const assert = require('node:assert/strict');

const { run } = require('./helpers/child.js');

describe('loading the package', () => {
  it('says in one clear error that it does not run on Windows', async () => {
    const script = `
      Object.defineProperty(process, 'platform', { value: 'win32' });
      try {
        require('.');
      } catch (error) {
        console.log(error.message);
      }`;
    const { code, stdout } = await run(['-e', script]);
    assert.equal(code, 0);
    assert.match(stdout, /^callosum-client-tcp-rover does not run on Windows: .* Linux and macOS are supported\.\n$/);
  });
});
