'use strict';

// The quick start of the README, and that of docs/, as programs that can be run.

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const { ROOT } = require('./packing');

/** The ports that the pages name. */
const PORTS = ['4040', '4041', '4042'];

/**
 * Returns a text with other ports in it.
 *
 * @param {string} text
 * @param {(string | number)[]} ports In place of those that it names.
 */
function withPorts(text, ports) {
  return text.replace(new RegExp(`\\b(?:${PORTS.join('|')})\\b`, 'g'), (port) => String(ports[PORTS.indexOf(port)]));
}

/**
 * Returns the programs of a page by the names that it gives them, each in front of its code.
 *
 * @param {string} page
 * @returns {Record<string, string>}
 */
function programsOf(page) {
  const programs = Array.from(page.matchAll(/^`(\w+\.js)`(?:(?!^```).)*^```js\n(.*?)^```$/gms), ([, name, code]) => [name, code]);
  assert.deepEqual(programs.map(([name]) => name), ['server.js', 'client.js']);
  return Object.fromEntries(programs);
}

/**
 * Returns those of the README.
 *
 * @param {(string | number)[]} [ports=PORTS] In place of those that it names.
 * @returns {Record<string, string>}
 */
function quickStart(ports = PORTS) {
  const [, section] = /^## Quick start.*?\n(.*?)^## /ms.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'));
  return programsOf(withPorts(section, ports));
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

module.exports = { PORTS, heardFromAll, programsOf, quickStart, withPorts };
