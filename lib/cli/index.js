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
 * @property {(values: any, positionals: string[], unread: AbortSignal) => Promise<void> | void} run `unread` is aborted
 *   when nobody reads what it prints any more
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
  const { usage, summary, help } = commandNamed(name);
  return `Usage: callosum ${name} ${usage}\n\n${summary}\n\nOptions:\n${help.trimEnd()}\n`;
}

function commandNamed(name) {
  if (!Object.hasOwn(COMMANDS, name)) throw new UsageError(`there is no command ${name}`);
  return COMMANDS[name]();
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

/**
 * Has it go on where nobody reads its output any more, as with `| head`: what it is to do beside that, such as to pass
 * bytes on or to draw a picture, is still to be done.
 *
 * @returns {AbortSignal} aborted when that is so of stdout
 */
function outliveReaders() {
  const unread = new AbortController();
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPIPE') throw error;
      if (stream === process.stdout) unread.abort();
    });
  }
  return unread.signal;
}

/**
 * @param {string[]} args behind `callosum`
 * @param {AbortSignal} unread
 */
async function main([name, ...args], unread) {
  if (name === undefined || name.startsWith('-')) {
    const options = { help: HELP, version: { type: /** @type {const} */ ('boolean'), short: 'v' } };
    const config = { args: name === undefined ? [] : [name, ...args], options, allowPositionals: true };
    const { values, positionals: [command] } = parse(config);
    if (values.version) return void console.log(require('callosum-client-tcp-rover/package.json').version);
    if (values.help) return void process.stdout.write(command === undefined ? overview() : commandHelp(command));
    throw new UsageError('a command is missing');
  }
  const { options, run } = commandNamed(name);
  const { values, positionals } = parse({ args, options: { ...options, help: HELP }, allowPositionals: true });
  if (values.help) return void process.stdout.write(commandHelp(name));
  await run(values, positionals, unread);
}

main(process.argv.slice(2), outliveReaders()).catch((error) => {
  const isUsage = error instanceof UsageError;
  console.error(`callosum: ${error.message}`);
  if (isUsage) console.error('`callosum --help` shows how it is used.');
  process.exitCode = isUsage ? USAGE : 1;
});
