'use strict';

const assert = require('node:assert/strict');

const { run } = require('../helpers/child.js');
const { COMMAND, startCommand } = require('../helpers/command.js');

const callosum = (...args) => run([COMMAND, ...args]);

describe('callosum', () => {
  it('says its version, which is that of the package (row 91)', async () => {
    for (const flag of ['--version', '-v']) {
      const { code, stdout, stderr } = await callosum(flag);
      assert.deepEqual([code, stdout, stderr], [0, `${require('../../package.json').version}\n`, '']);
    }
  });

  it('says how it is used, in 80 columns, and names each command (row 91)', async () => {
    const { code, stdout } = await callosum('--help');
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: callosum COMMAND \[OPTIONS\]\n[^]*^ {2}slots {2}\S/m);
    for (const name of ['demo', 'top']) assert.match(stdout, new RegExp(`^ {2}${name} +\\S`, 'm'));
    const { stdout: ofCommand } = await callosum('slots', '-h');
    assert.match(ofCommand, /^Usage: callosum slots --listen HOST:PORT --to HOST:PORT\n/);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  });

  for (const command of ['demo', 'slots', 'top']) {
    it(`says each option of a command in its help, in 80 columns: ${command} (row 91)`, async () => {
      const { stdout } = await callosum(command, '--help');
      const { options } = require(`../../lib/cli/${command}`);
      for (const name of Object.keys(options)) assert.match(stdout, new RegExp(`^ {2}--${name} `, 'm'), name);
      for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
    });
  }

  it('takes --help before a command, too (row 91)', async () => {
    for (const flag of ['--help', '-h']) {
      const { code, stdout, stderr } = await callosum(flag, 'top');
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^Usage: callosum top /);
    }
  });

  for (const args of [['--help'], ['top', '--help'], ['--version']]) {
    it(`ends in peace where nobody reads what it says: callosum ${args.join(' ')} (row 91)`, async () => {
      const { child, exit } = startCommand(args);
      child.stdout.destroy();
      assert.deepEqual(await exit(), { code: 0, stderr: '' });
    });
  }

  it('ends with code 2 for wrong arguments also where nobody reads why (row 91)', async () => {
    const { child, exit } = startCommand(['slot']);
    child.stderr.destroy();
    assert.equal((await exit()).code, 2);
  });

  const ADDRESSES = ['--listen', '127.0.0.1:0', '--to', '127.0.0.1:1'];
  for (const [args, message] of [
    [[], 'a command is missing'],
    [['slot'], 'there is no command slot'],
    [['constructor'], 'there is no command constructor'],
    [['--help', 'slot'], 'there is no command slot'],
    [['--verbose'], /^Unknown option '--verbose'/],
    [['slots'], '--listen is missing'],
    [['slots', '--listen', '127.0.0.1:0'], '--to is missing'],
    [['slots', '--listen', 'here', '--to', '4040'], '--listen must be HOST:PORT, or the path of a Unix socket: here'],
    [['slots', '--listen', '4040', '--to', '127.0.0.1:65536'], /^--to must be HOST:PORT/],
    [['slots', ...ADDRESSES, '--weight', '0'], '--weight must be a number above 0: 0'],
    [['slots', ...ADDRESSES, '--max', '1.5'], '--max must be an integer from 1 up: 1.5'],
    [['slots', ...ADDRESSES, '--drain', ''], '--drain must be a number of ms: '],
    [['slots', ...ADDRESSES, 'more'], 'what is more?'],
    [['slots', ...ADDRESSES, '--wait', '1'], /^Unknown option '--wait'/],
    [['top'], 'HOST:PORT of a server is missing'],
    [['top', 'here'], 'a server must be HOST:PORT, or the path of a Unix socket: here'],
    [['top', '4040', '--interval', '49'], '--interval must be a number of ms from 50 up: 49'],
    [['top', '4040', '--count', '0'], '--count must be an integer from 1 up: 0'],
    [['top', '--dns', 'slots.test:0'], 'port must be an integer from 1 to 65535: 0'],
    [['top', '--dns', 'slots.test:1', '--name-server', 'here'], /here/],
    [['demo', 'more'], 'what is more?'],
  ]) {
    it(`ends with code 2 and one message for: callosum ${args.join(' ')} (row 91)`, async () => {
      const { code, stdout, stderr } = await callosum(...args);
      assert.deepEqual([code, stdout], [2, '']);
      const [first, ...rest] = stderr.split('\n');
      assert.match(first, /^callosum: /);
      if (message instanceof RegExp) assert.match(first.slice('callosum: '.length), message);
      else assert.equal(first, `callosum: ${message}`);
      assert.deepEqual(rest, ['`callosum --help` shows how it is used.', '']);
    });
  }
});
