'use strict';

const assert = require('node:assert/strict');

const { run } = require('../helpers/child.js');
const { COMMAND } = require('../helpers/command.js');

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
    const { stdout: ofCommand } = await callosum('slots', '-h');
    assert.match(ofCommand, /^Usage: callosum slots --listen HOST:PORT --to HOST:PORT\n/);
    for (const line of `${stdout}${ofCommand}`.split('\n')) assert.ok(line.length <= 80, line);
  });

  it('says each option of a command in its help (row 91)', async () => {
    const { stdout } = await callosum('slots', '--help');
    for (const name of Object.keys(require('../../lib/cli/slots.js').options)) {
      assert.match(stdout, new RegExp(`^ {2}--${name} `, 'm'), name);
    }
  });

  const ADDRESSES = ['--listen', '127.0.0.1:0', '--to', '127.0.0.1:1'];
  for (const [args, message] of [
    [[], 'a command is missing'],
    [['slot'], 'there is no command slot'],
    [['constructor'], 'there is no command constructor'],
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
