'use strict';

const { createHash } = require('node:crypto');
const dgram = require('node:dgram');
const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: delay } = require('node:timers/promises');
const tls = require('node:tls');

const ClientRover = require('../../index.js');

const { openDescriptors } = require('./footprint.js');
const { hang } = require('./hanging-listener.js');
const { until } = require('./wait.js');

// The zoo: servers that do wrong what a server can do wrong, some that do right in an odd way, and
// what an attempt at each of them must come to. Knows no mocha, since scripts/soak.js roves over it
// as well.

/**
 * @typedef {object} Exhibit
 * @property {string} name
 * @property {() => Promise<Opened>} open
 * @property {object} [options] Of the rover.
 * @property {object[]} outcomes What an attempt may come to, as `visit` describes it, most often one.
 * @property {string | Buffer} [sent] What a wrong server says: `received` must be its beginning.
 * @property {number} [atLeast] What an attempt takes, in ms, where that shows that it went the long way.
 * @property {boolean} [hail] The client says something as soon as it has its slot.
 * @property {{hosts?: string, resolv: string, setup?: string, needs6?: boolean}} [namespace] The files
 *   in /etc and the commands of sh that make the network it lives in, which is nobody else's.
 */

/**
 * @typedef {object} Opened
 * @property {object} server To hand to a rover.
 * @property {() => Promise<void>} close
 */

/** What is cut short where something hangs: short for the test, long for a loaded machine. */
const LIMIT = 250;

const HOST = '127.0.0.1';
const MEBIBYTE = Buffer.alloc(2 ** 20, 'callosum\0\xff\r\n13\r\n');

const PROTOCOL = { event: 'error', code: 'ERR_CALLOSUM_PROTOCOL' };
const CLOSED = { event: 'closed', code: 'ERR_CALLOSUM_CLOSED' };
const RESET = { event: 'unreachable', code: 'ECONNRESET' };
const REFUSED = { event: 'unreachable', code: 'ECONNREFUSED' };
const NOT_FOUND = { event: 'unreachable', code: 'ENOTFOUND' };
const SILENT = { event: 'unreachable', code: 'ETIMEDOUT', syscall: 'read' };
const NO_CONNECTION = { event: 'unreachable', code: 'ETIMEDOUT', syscall: 'connect' };
const NO_ADDRESS = { event: 'unreachable', code: 'ETIMEDOUT', syscall: 'getaddrinfo' };

const slot = (number, ending, rest = '') => {
  return { event: 'connection', slot: number, ...(ending && { ending, rest: digest(rest) }) };
};

/** A line that is no slot line, in one segment, by what is wrong with it. */
const WRONG_LINES = {
  'a NUL before the number': '\x0013\r\n',
  'a NUL behind the number': '13\0\r\n',
  'Arabic digits': '١٣\r\n',
  'full-width digits': '１３\r\n',
  'a byte order mark': '\ufeff13\r\n',
  'a plus sign': '+13\r\n',
  'a minus sign': '-13\r\n',
  'a leading blank': ' 13\r\n',
  'a trailing blank': '13 \r\n',
  'a leading tab': '\t13\r\n',
  'a blank within the number': '1 3\r\n',
  'an empty line': '\r\n',
  'an empty line before the slot': '\r\n13\r\n',
  'a bare LF': '13\n',
  'LF and CR in the wrong order': '13\n\r',
  'a bare CR and the next line': '13\r14\r\n',
  'CR twice': '13\r\r\n',
  'a fraction': '1.5\r\n',
  'an exponent': '1e3\r\n',
  'a hexadecimal number': '0x1\r\n',
  'a separator of thousands': '1,024\r\n',
  'a number that JavaScript cannot hold': '9007199254740992\r\n',
  'a line of 65 bytes': `${'0'.repeat(62)}7\r\n`,
  'a million digits': '7'.repeat(1e6),
  'a million zeros': '0'.repeat(1e6),
  'a mebibyte of 0xff': Buffer.alloc(2 ** 20, 0xff),
  'the greeting of HTTP': 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n',
  'the greeting of SMTP': '220 mail.test ESMTP\r\n',
  'the greeting of SSH': 'SSH-2.0-OpenSSH_9.2\r\n',
  'an alert of TLS': Buffer.from('15030100020246', 'hex'),
};

/** A server that breaks off within the line, by what it has said. */
const BROKEN_LINES = { 'half a number': '1', 'a number': '13', 'a number and CR': '13\r' };

/** @type {Exhibit[]} */
const EXHIBITS = [
  ...Object.entries(WRONG_LINES).map(([name, sent]) => ({
    name: `${name} instead of a slot line`,
    open: () => serve((socket) => socket.write(sent)),
    outcomes: [PROTOCOL],
    sent,
  })),
  ...Object.entries(BROKEN_LINES).flatMap(([name, sent]) => [
    {
      name: `${name}, then the end`,
      open: () => serve((socket) => socket.end(sent)),
      outcomes: [PROTOCOL],
      sent,
    },
    {
      name: `${name}, then silence`,
      open: () => serve((socket) => socket.write(sent)),
      options: { SLOT_TIMEOUT: LIMIT },
      outcomes: [SILENT],
    },
    {
      name: `${name}, then a reset`,
      open: () => serve((socket) => socket.write(sent, () => socket.resetAndDestroy())),
      outcomes: [RESET],
    },
  ]),
  {
    name: 'never answers',
    open: () => serve(() => {}),
    options: { SLOT_TIMEOUT: LIMIT },
    outcomes: [SILENT],
  },
  {
    name: 'closes at once',
    open: () => serve((socket) => socket.end()),
    outcomes: [CLOSED],
  },
  {
    name: 'closes after a while',
    open: () => serve((socket) => setTimeout(() => socket.end(), 50)),
    outcomes: [CLOSED],
  },
  {
    name: 'is full',
    open: full,
    outcomes: [CLOSED],
  },
  {
    name: 'resets at once',
    open: () => serve((socket) => socket.resetAndDestroy()),
    outcomes: [RESET],
  },
  {
    name: 'closes behind the line',
    open: () => serve((socket) => socket.end('13\r\n')),
    outcomes: [slot(13, 'end')],
  },
  {
    name: 'resets once the client has the line',
    open: () => serve((socket) => socket.on('data', () => socket.resetAndDestroy()).write('13\r\n')),
    hail: true,
    outcomes: [slot(13, 'ECONNRESET')],
  },
  {
    name: 'resets right behind the line',
    open: () => serve((socket) => socket.write('13\r\n', () => socket.resetAndDestroy())),
    // Which of the two came first decides where the client learns of it: a reset that is there before
    // the client knows that it is connected takes the line with it, as it does for net.connect().
    outcomes: [slot(13, 'ECONNRESET'), RESET],
  },
  {
    name: 'one byte a second',
    open: () => serve((socket) => write(socket, Array(30).fill('0'), 1000)),
    options: { SLOT_TIMEOUT: 1500 },
    outcomes: [SILENT],
  },
  {
    name: 'one byte a segment',
    open: () => serve((socket) => write(socket, [...'0173\r\n'], 5)),
    outcomes: [slot(173)],
  },
  {
    name: 'LF in a segment of its own, with more behind it',
    open: () => serve((socket) => write(socket, ['13\r', '\nmore'], 5)),
    outcomes: [slot(13, 'end', 'more')],
  },
  {
    name: 'two lines',
    open: () => serve((socket) => socket.end('13\r\n14\r\n')),
    outcomes: [slot(13, 'end', '14\r\n')],
  },
  {
    name: 'a line and a mebibyte behind it',
    open: () => serve((socket) => socket.end(Buffer.concat([Buffer.from('13\r\n'), MEBIBYTE]))),
    outcomes: [slot(13, 'end', MEBIBYTE)],
  },
  {
    name: 'leading zeros',
    open: () => serve((socket) => socket.write('007\r\n')),
    outcomes: [slot(7)],
  },
  {
    name: 'the longest line there is',
    open: () => serve((socket) => socket.write(`${'0'.repeat(61)}7\r\n`)),
    outcomes: [slot(7)],
  },
  {
    name: 'the highest number there is',
    open: () => serve((socket) => socket.write(`${Number.MAX_SAFE_INTEGER}\r\n`)),
    outcomes: [slot(Number.MAX_SAFE_INTEGER)],
  },
  {
    name: 'a slot above MAX_SLOT',
    open: () => serve((socket) => socket.write('13\r\n')),
    options: { MAX_SLOT: 12 },
    outcomes: [{ event: 'rejected' }],
  },
  {
    name: 'chatty behind a bad line',
    open: () => serve((socket) => chat(socket, 'foo\r\n')),
    outcomes: [PROTOCOL],
    sent: 'foo\r\n',
  },
  {
    name: 'chatty behind a slot above MAX_SLOT',
    open: () => serve((socket) => chat(socket, '13\r\n')),
    options: { MAX_SLOT: 12 },
    outcomes: [{ event: 'rejected' }],
  },
  {
    name: 'an HTTP server',
    open: () => serveBy(http.createServer()),
    options: { SLOT_TIMEOUT: LIMIT },
    outcomes: [SILENT],
  },
  {
    name: 'a TLS server',
    open: () => serveBy(tls.createServer()),
    options: { SLOT_TIMEOUT: LIMIT },
    outcomes: [SILENT],
  },
  {
    name: 'a full accept queue',
    open: () => hang(),
    options: { CONNECT_TIMEOUT: LIMIT },
    outcomes: [NO_CONNECTION],
  },
  {
    name: 'a port that refuses',
    open: refuse,
    outcomes: [{ ...REFUSED, syscall: 'connect' }],
  },
  {
    name: 'port 0',
    open: () => nowhere({ host: HOST, port: 0 }),
    outcomes: [REFUSED],
  },
  {
    name: 'a local address that is not of this machine',
    // Of TEST-NET-1 (RFC 5737), which is nobody's. Nothing is sent.
    open: () => nowhere({ host: HOST, port: 1, localAddress: '192.0.2.1' }),
    outcomes: [{ event: 'unreachable', code: 'EADDRNOTAVAIL', syscall: 'bind' }],
  },
  {
    name: 'a name with an empty label',
    open: () => nowhere({ host: 'slots..test', port: 1 }),
    outcomes: [NOT_FOUND],
  },
  {
    name: 'a name that is too long',
    open: () => nowhere({ host: 'x'.repeat(300), port: 1 }),
    outcomes: [{ event: 'unreachable', code: 'EINVAL', syscall: 'getaddrinfo' }],
  },
  {
    name: 'localhost with a server on one of its addresses',
    async open() {
      const { server, close } = await serve((socket) => socket.write('13\r\n'));
      return { server: { host: 'localhost', port: server.port }, close };
    },
    outcomes: [slot(13)],
  },
  {
    name: 'a Unix socket',
    open: () => serve((socket) => socket.write('13\r\n'), { path: unixPath('socket') }),
    outcomes: [slot(13)],
  },
  {
    name: 'a Unix socket that never answers',
    open: () => serve(() => {}, { path: unixPath('silent') }),
    options: { SLOT_TIMEOUT: LIMIT },
    outcomes: [SILENT],
  },
  {
    name: 'a Unix socket that is not there',
    open: () => nowhere({ path: unixPath('missing') }),
    outcomes: [{ event: 'unreachable', code: 'ENOENT', syscall: 'connect' }],
  },
  {
    name: 'a path that is no socket',
    open: () => nowhere({ path: __filename }),
    outcomes: [REFUSED],
  },
  {
    name: 'a path that is too long',
    open: () => nowhere({ path: `/${'x'.repeat(200)}` }),
    outcomes: [{ event: 'unreachable', code: 'EINVAL', syscall: 'connect' }],
  },
  ...[
    { name: 'a name that the name server does not know', rcode: 3, outcomes: [NOT_FOUND] },
    { name: 'a name without an address', rcode: 0, outcomes: [NOT_FOUND] },
    {
      name: 'a name server that fails',
      rcode: 2,
      outcomes: [{ event: 'unreachable', code: 'EAI_AGAIN', syscall: 'getaddrinfo' }],
    },
  ].map(({ name, rcode, outcomes }) => ({
    name,
    open: () => nameServer((query) => answer(query, rcode)),
    outcomes,
    namespace: { resolv: 'nameserver 127.0.0.1\n' },
  })),
  ...[
    { name: 'a name server that never answers', reply: () => null },
    { name: 'a name server that answers nonsense', reply: (query) => Buffer.alloc(query.length, 0xff) },
  ].map(({ name, reply }) => ({
    name,
    open: () => nameServer(reply),
    options: { CONNECT_TIMEOUT: LIMIT },
    outcomes: [NO_ADDRESS],
    // The look-up itself goes on until the system gives up, and has a socket as long as that.
    namespace: { resolv: 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' },
  })),
  {
    name: 'no name server',
    open: () => nowhere({ host: 'slots.test', port: 1 }),
    outcomes: [{ event: 'unreachable', code: 'EAI_AGAIN', syscall: 'getaddrinfo' }],
    namespace: { resolv: 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' },
  },
  {
    name: 'a black hole',
    open: () => nowhere({ host: '10.9.0.2', port: 1 }),
    options: { CONNECT_TIMEOUT: LIMIT },
    outcomes: [NO_CONNECTION],
    namespace: {
      resolv: '',
      // The cable ends here again, and what is addressed to another card is dropped there.
      setup: `
        ip link add cable type veth peer name end && ip link set cable up && ip link set end up &&
        ip address add 10.9.0.1/24 dev cable && ip neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev cable`,
    },
  },
  ...[
    { name: 'no route', code: 'ENETUNREACH', setup: 'true' },
    { name: 'an unreachable host', code: 'EHOSTUNREACH', setup: 'ip route add unreachable 10.9.0.0/24' },
    { name: 'a prohibited host', code: 'EACCES', setup: 'ip route add prohibit 10.9.0.0/24' },
  ].map(({ name, code, setup }) => ({
    name,
    open: () => nowhere({ host: '10.9.0.2', port: 1 }),
    outcomes: [{ event: 'unreachable', code, syscall: 'connect' }],
    namespace: { resolv: '', setup },
  })),
  ...[
    {
      name: 'a name whose first address is dead',
      open: () => serve((socket) => socket.write('13\r\n')),
      outcomes: [slot(13)],
    },
    {
      name: 'a name whose first address hangs',
      async open() {
        const hanging = await hang('::1');
        const { port } = hanging.server;
        return also(hanging, await serve((socket) => socket.write('13\r\n'), { host: HOST, port }));
      },
      atLeast: 200,
      outcomes: [slot(13)],
    },
    {
      name: 'a name whose addresses are all dead',
      open: refuse,
      outcomes: [{ ...REFUSED, name: 'AggregateError' }],
    },
    {
      name: 'a name whose addresses all hang',
      async open() {
        const hanging = await hang('::1');
        return also(hanging, await hang(HOST, hanging.server.port));
      },
      options: { CONNECT_TIMEOUT: 500 },
      outcomes: [NO_CONNECTION],
    },
    {
      name: 'a name with one dead address and one that hangs',
      open: () => hang(),
      options: { CONNECT_TIMEOUT: LIMIT },
      outcomes: [NO_CONNECTION],
    },
  ].map((exhibit) => ({
    ...exhibit,
    open: () => underName('slots.test', exhibit.open),
    namespace: { resolv: '', hosts: '::1 slots.test\n127.0.0.1 slots.test\n', needs6: true },
  })),
  {
    name: 'a name with a server on the last of forty addresses',
    open: () => underName('slots.test', () => serve((socket) => socket.write('13\r\n'), { host: '127.0.0.40', port: 0 })),
    outcomes: [slot(13)],
    namespace: {
      resolv: '',
      hosts: Array.from({ length: 40 }, (_, n) => `127.0.0.${n + 1} slots.test\n`).join(''),
    },
  },
];

/** How many attempts a visit makes, all at the same time. */
const ATTEMPTS = 3;

/**
 * Makes a few attempts at an exhibit.
 *
 * @param {Exhibit} exhibit
 * @returns {Promise<{seen: object[], elapsed: number, left: string[]}>} What came of each attempt, all
 *   of it JSON; when the last of them was over, in ms; what is open afterwards that was not before.
 */
async function visit({ open, options, outcomes, hail = false }) {
  // Whatever is opened once and then kept is open after this.
  await roveInPeace();
  const before = new Set(openDescriptors());
  const { server, close } = await open();
  const seen = [];
  const endings = [];
  const sockets = [];
  const rover = new ClientRover({ ...options, servers: { exhibit: server } });
  rover.on('unreachable', (_id, _server, { name, code, syscall }) => {
    seen.push({ event: 'unreachable', name, code, syscall });
  });
  rover.on('closed', (_id, _server, { code }) => seen.push({ event: 'closed', code }));
  rover.on('error', ({ code, received }) => {
    seen.push({ event: 'error', code, received: received?.toString('latin1') });
  });
  rover.on('connection', (slot, socket) => {
    const outcome = { event: 'connection', slot };
    seen.push(outcome);
    sockets.push(socket);
    if (outcomes.some(({ ending }) => ending)) endings.push(readAll(socket, outcome));
    if (hail) socket.write('hail');
  });
  const began = performance.now();
  for (let i = 0; i < ATTEMPTS; i++) rover.connect();
  await until(() => rover.stats().pending === 0, { timeout: 15_000 });
  const elapsed = performance.now() - began;
  await Promise.all(endings);
  // Another outcome of the same attempts would have come by the end of this.
  await roveInPeace();
  for (let i = 0; i < rover.stats().rejected; i++) seen.push({ event: 'rejected' });
  for (const socket of sockets) socket.destroy();
  await close();
  const added = () => openDescriptors().filter((target) => !before.has(target));
  await until(() => added().length === 0).catch(() => {});
  return { seen, elapsed, left: added() };
}

/** One rove at a server that does nothing wrong. */
async function roveInPeace() {
  const { server, close } = await serve((socket) => socket.write('0\r\n'));
  const rover = new ClientRover({ servers: { server } });
  rover.connect();
  const [, socket] = await once(rover, 'connection');
  socket.destroy();
  await close();
}

/** Reads to the end, and notes what came and how it ended. */
async function readAll(socket, outcome) {
  const chunks = [];
  outcome.ending = 'end';
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', (error) => {
    outcome.ending = error.code;
  });
  await new Promise((resolve) => socket.on('close', resolve));
  outcome.rest = digest(Buffer.concat(chunks));
}

function digest(bytes) {
  return `${bytes.length} bytes, SHA-256 ${createHash('sha256').update(bytes).digest('hex')}`;
}

/** A server that does this with every connection. */
function serve(behave, where) {
  const server = net.createServer({ noDelay: true });
  server.on('connection', (socket) => {
    // A client that hangs up is what most of the zoo is about.
    socket.on('error', () => {});
    behave(socket);
  });
  return serveBy(server, where);
}

async function serveBy(server, where = { host: HOST, port: 0 }) {
  const open = new Set();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    // One that is not read never learns that its client is gone.
    if (!(server instanceof http.Server)) socket.resume();
  });
  server.listen(where);
  await once(server, 'listening');
  const { address, port } = server.address();
  return {
    server: where.path === undefined ? { host: address, port } : { path: where.path },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

async function write(socket, segments, gap) {
  for (const segment of segments) {
    if (!socket.writable) return;
    socket.write(segment);
    await delay(gap);
  }
  socket.end();
}

async function chat(socket, line) {
  while (socket.writable) {
    socket.write(line);
    await delay(1);
  }
}

/** A port that refuses, and is not given to anybody else as long as this lasts. */
async function refuse() {
  const { server, close } = await serve(() => {});
  const socket = net.connect(server);
  await once(socket, 'connect');
  const { localPort } = socket;
  return {
    server: { host: HOST, port: localPort },
    async close() {
      socket.destroy();
      await close();
    },
  };
}

/** A server that may have one connection, and has it: Node closes all others. */
async function full() {
  const server = net.createServer({ noDelay: true });
  server.maxConnections = 1;
  const opened = await serveBy(server);
  const only = net.connect(opened.server);
  await once(server, 'connection');
  return {
    server: opened.server,
    async close() {
      only.destroy();
      await opened.close();
    },
  };
}

/** Nothing is opened. */
async function nowhere(server) {
  return { server, close: async () => {} };
}

function unixPath(name) {
  const file = `rover-zoo-${process.pid}-${name}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${file}` : path.join(os.tmpdir(), file);
}

/** A name server that sends what `reply` makes of a query, if anything; the rover asks it for a name. */
async function nameServer(reply) {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (query, { address, port }) => {
    const message = reply(query);
    if (message !== null) socket.send(message, port, address);
  });
  socket.bind(53, HOST);
  await once(socket, 'listening');
  return {
    server: { host: 'slots.test', port: 1 },
    async close() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

/** The query without an answer in it, but with a response code (RFC 1035, section 4.1.1). */
function answer(query, rcode) {
  const message = Buffer.from(query);
  message[2] |= 0x80;
  message[3] = 0x80 | rcode;
  return message;
}

async function underName(host, open) {
  const { server, close } = await open();
  return { server: { host, port: server.port }, close };
}

function also(opened, other) {
  return {
    server: opened.server,
    close: async () => {
      await opened.close();
      await other.close();
    },
  };
}

module.exports = { EXHIBITS, visit };
