'use strict';

// What Windows is tested by: on Windows itself (the workflow), and under Wine (`npm run test:windows`). It is all of
// the suite but for what is named here, and what skips itself for want of Linux or of a program.

/** See scripts/test-windows.js, which sets this and ROVER_TESTS: the files to run, if not all. */
const isWine = process.env.ROVER_UNDER_WINE === '1';

const FILES = [
  // Its servers are ended by signals, which there are none of on Windows.
  'cli/**',
  // A name server, dnsmasq, which is not to be had.
  'dns/**',
  // They run a shell, and are about texts that are the same on every system.
  'docs/**',
  // They end programs by signals, and run servers that are not to be had.
  'examples/**',
  // It runs mocha in a child process by its path on Unix.
  'helpers/skipped.test.js',
  // They lay out packages for every platform, and pack them by npm: where from does not matter.
  'native/**',
  // They lower limits by a shell. Windows has no limit of descriptors, of threads or for child processes.
  'outcomes/exhaustion.test.js',
  'outcomes/few-descriptors.test.js',
  // Redis and PostgreSQL are not to be had.
  'socket/databases.test.js',
];

// Titles, of which the beginning is enough.
const TITLES = [
  // libuv has accepts under way before anybody asks, so no queue is ever full.
  'the zoo a full accept queue',
  // Of net.connect() they are others, EBADF and ENOENT; the rover has it dial.
  'the zoo a path that is no socket',
  'the zoo a path that is too long',
  // setEncoding() spells it in its own way, and is what decodes a named pipe.
  'the socket of a connection is that of net.connect with {"encoding":"UTF-16LE"} at a path',
  // They count attempts at intervals of 2 and 5 ms; the clock of Windows ticks every 15.6 ms.
  'start lets no failure wait where MAX_PENDING would keep the next attempt',
  'MAX_INTERVAL doubles the interval',
  'MAX_INTERVAL is the longest interval',
  'JITTER is off by default: rovers that start together rove in step',
];

const TITLES_UNDER_WINE = [
  // Wine 8 gives the end of a connection for its reset, unless a read was under way. So it does for `net.connect()`: see
  // docs/windows.md.
  'closed is not said of a server that resets',
  'an attempt has one event when the server resets',
  'unreachable gives the very object when the server',
  'unreachable gives ECONNRESET when the server resets',
  'the zoo half a number, then a reset',
  'the zoo a number, then a reset',
  'the zoo a number and CR, then a reset',
  'the zoo resets at once',
  'the zoo resets right behind the line',
];

const titles = isWine ? [...TITLES, ...TITLES_UNDER_WINE] : TITLES;

module.exports = {
  spec: process.env.ROVER_TESTS?.split(' ') ?? '__test__/**/*.test.js',
  ignore: FILES.map((name) => `__test__/${name}`),
  require: './__test__/helpers/skipped.js',
  grep: new RegExp(`^(${titles.map((title) => title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`),
  invert: true,
  timeout: 20_000,
  forbidOnly: true,
};
