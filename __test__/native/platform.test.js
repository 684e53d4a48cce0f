'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');

const { printedBy } = require('../helpers/child.js');

const FILE = path.resolve(__dirname, '../../lib/native/platform.js');

describe('the platform of this process', () => {
  it('looks for musl where it may not look, by asking Node for the C library (row 36)', async () => {
    const printed = await printedBy(({ print }, file) => {
      Object.defineProperty(process, 'platform', { value: 'linux' });
      Object.defineProperty(process, 'arch', { value: 'x64' });
      require('node:fs').existsSync = () => {
        throw Object.assign(new Error('Access to this API has been restricted'), { code: 'ERR_ACCESS_DENIED' });
      };
      delete require.cache[file];
      const { target } = require(file);
      for (const header of [{ glibcVersionRuntime: '2.36' }, {}]) {
        process.report.getReport = () => ({ header });
        print(target());
      }
    }, FILE);
    assert.deepEqual(printed, ['linux-x64-gnu', 'linux-x64-musl']);
  });

  it('takes it for glibc where it may not ask for that either, as on Deno without --allow-sys', async () => {
    const printed = await printedBy(({ print }, file) => {
      Object.defineProperty(process, 'platform', { value: 'linux' });
      Object.defineProperty(process, 'arch', { value: 'x64' });
      require('node:fs').existsSync = () => true;
      process.report.getReport = () => {
        throw new Error('Requires sys access to "cpus", run again with the --allow-sys flag');
      };
      delete require.cache[file];
      const { description, target } = require(file);
      print(target(), description());
    }, FILE);
    assert.deepEqual(printed, [['linux-x64-gnu', 'linux, x64']]);
  });

  it('asks for the C library without looking up the names of peers, and leaves that setting as it was', async () => {
    const printed = await printedBy(({ print }, file) => {
      const { getReport } = process.report;
      process.report.excludeNetwork = false;
      process.report.getReport = () => {
        print(process.report.excludeNetwork);
        return getReport.call(process.report);
      };
      print(require(file).glibcVersion() === (getReport.call(process.report).header.glibcVersionRuntime ?? null));
      print(process.report.excludeNetwork);
    }, FILE);
    assert.deepEqual(printed, [true, true, false]);
  });
});
