'use strict';

const assert = require('node:assert/strict');

const { run } = require('../helpers/child.js');
const { skip } = require('../helpers/skip.js');
const { refusedPort, slotServer } = require('../helpers/slot-server.js');
const { NO_USING, parsesUsing } = require('../helpers/syntax.js');

const APPS = {
  'classic.js': { style: 'an app in the style of 2013', canRun: () => true },
  'modern.mjs': { style: 'an app of today', canRun: parsesUsing },
};

for (const [file, { style, canRun }] of Object.entries(APPS)) {
  describe(`examples/${file}, ${style}`, () => {
    before(function () {
      if (!canRun()) skip(this, NO_USING);
    });

    const start = (ports) => run([`examples/${file}`, ...ports.map(String)]);

    it('keeps the connection with the lowest slot, closes the others, and ends (rows 3, 9, 13 and 30)', async () => {
      const slots = [7, 5, 9, 2, 2];
      const server = await slotServer({ greeting: (n) => `${slots[n] ?? 0}\r\n` });
      const { code, stdout, stderr } = await start([server.port]);
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: `slot 2 at port ${server.port}\n`, stderr: '' });
      const { accepted } = server;
      for (let n = 0; n < accepted; n++) await server.nextClosed();
    });

    it('does without a server that cannot be reached (row 17)', async () => {
      const server = await slotServer({ greeting: '3\r\n' });
      const { code, stdout, stderr } = await start([server.port, await refusedPort()]);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.match(stdout, new RegExp(`^(port \\d+ is unreachable.*\\n)?slot 3 at port ${server.port}\\n$`));
    });

    it('says so when it has no server (row 11)', async () => {
      const { code, stdout, stderr } = await start([]);
      assert.deepEqual({ code, stdout, stderr }, { code: 1, stdout: '', stderr: 'No servers to contact\n' });
    });

    it('gives up at a server that speaks another protocol (row 18)', async () => {
      const server = await slotServer({ greeting: 'HTTP/1.1 400 Bad Request\r\n' });
      const { code, stdout, stderr } = await start([server.port]);
      assert.deepEqual({ code, stdout, stderr }, { code: 1, stdout: '', stderr: 'Invalid protocol\n' });
    });
  });
}
