#!/usr/bin/env node
'use strict';

/** The command `callosum`: finds the command that is asked for, and says what went wrong. */

const { parseArgs } = require('node:util');

const { UsageError } = require('./usage-error.js');

/**
 * @typedef {object} Command
 * @property {string} usage its arguments
 * @property {string} summary one line
 * @property {string} help what its options do
 * @property {import('node:util').ParseArgsConfig['options']} options as of `parseArgs`
 * @property {(values: any, positionals: string[]) => Promise<void> | void} run
 */

/** @type {{ [name: string]: () => Command }} Loaded when needed: each brings what only it needs. */
const COMMANDS = {
  demo: () => require('./demo/index.js'),
  slots: () => require('./slots.js'),
  top: () => require('./top/index.js'),
};

const HELP = { type: /** @type {const} */ ('boolean'), short: 'h' };

/** Exit code for arguments that are wrong, as most commands have it. */
const USAGE = 2;

function overview() {
  const names = Object.keys(COMMANDS);
  const width = Math.max(...names.map((name) => name.length));
  const commands = names.map((name) => `  ${name.padEnd(width)}  ${COMMANDS[name]().summary}`);
  return `Usage: callosum COMMAND [OPTIONS]

Commands:
${commands.join('\n')}

Options:
  -h, --help     this text; that of a command behind its name
  -v, --version  the version of the package
`;
}

function commandHelp(name) {
  const { usage, summary, help } = COMMANDS[name]();
  return `Usage: callosum ${name} ${usage}\n\n${summary}\n\nOptions:\n${help.trimEnd()}\n`;
}

/** `parseArgs`, whose errors are the user's. */
function parse(config) {
  try {
    return parseArgs(config);
  } catch (error) {
    if (!`${error.code}`.startsWith('ERR_PARSE_ARGS_')) throw error;
    throw new UsageError(error.message);
  }
}

/** @param {string[]} args behind `callosum` */
async function main([name, ...args]) {
  if (name === undefined || name.startsWith('-')) {
    const options = { help: HELP, version: { type: /** @type {const} */ ('boolean'), short: 'v' } };
    const { values } = parse({ args: name === undefined ? [] : [name, ...args], options });
    if (values.version) return void console.log(require('callosum-client-tcp-rover/package.json').version);
    if (values.help) return void process.stdout.write(overview());
    throw new UsageError('a command is missing');
  }
  if (!Object.hasOwn(COMMANDS, name)) throw new UsageError(`there is no command ${name}`);
  const { options, run } = COMMANDS[name]();
  const { values, positionals } = parse({ args, options: { ...options, help: HELP }, allowPositionals: true });
  if (values.help) return void process.stdout.write(commandHelp(name));
  await run(values, positionals);
}

main(process.argv.slice(2)).catch((error) => {
  const isUsage = error instanceof UsageError;
  console.error(`callosum: ${error.message}`);
  if (isUsage) console.error('`callosum --help` shows how it is used.');
  process.exitCode = isUsage ? USAGE : 1;
});
