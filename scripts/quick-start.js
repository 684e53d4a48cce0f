'use strict';

// The quick start of the README, as programs that can be run.

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const { ROOT } = require('./packing');

/** The ports that the README names. */
const PORTS = ['4040', '4041', '4042'];

/**
 * Returns the programs by the names that the README gives them.
 *
 * @param {(string | number)[]} [ports=PORTS] In place of those that it names.
 * @returns {Record<string, string>}
 */
function quickStart(ports = PORTS) {
  const [, section] = /^## Quick start.*?\n(.*?)^## /ms.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'));
  const programs = Array.from(section.matchAll(/^`(\w+\.js)`.*?^```js\n(.*?)^```$/gms), ([, name, code]) => [
    name,
    PORTS.reduce((text, port, n) => text.replaceAll(port, String(ports[n])), code),
  ]);
  assert.deepEqual(programs.map(([name]) => name), ['server.js', 'client.js']);
  return Object.fromEntries(programs);
}

/**
 * Resolves when the client has heard from all servers.
 *
 * @param {AsyncIterable<string>} lines What the client prints.
 * @param {(string | number)[]} ports
 */
async function heardFromAll(lines, ports) {
  const missing = new Set(ports.map((port) => `hello from ${port}`));
  for await (const line of lines) {
    missing.delete(line);
    if (missing.size === 0) return;
  }
  assert.fail(`The client has ended before it heard: ${[...missing]}`);
}

module.exports = { heardFromAll, quickStart };
