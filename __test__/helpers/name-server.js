'use strict';

const dgram = require('node:dgram');
const { once } = require('node:events');

const HEADER = 12;
const TYPE_A = 1;
const CODE_NAME_ERROR = 3;

/** The name that a question asks for, and the offset behind it. */
function readName(message) {
  const labels = [];
  let offset = HEADER;
  while (message[offset] > 0) {
    labels.push(message.toString('latin1', offset + 1, offset + 1 + message[offset]));
    offset += 1 + message[offset];
  }
  return { name: labels.join('.'), end: offset + 1 };
}

/** The reply to a question: the address as its only record, or that there is no such name. */
function replyTo(message, end, type, address) {
  const reply = Buffer.from(message.subarray(0, end + 4));
  reply[2] |= 0x80;
  reply[3] = 0x80 | (address === null ? CODE_NAME_ERROR : 0);
  // Nothing but the question and what follows.
  reply.fill(0, 6, HEADER);
  if (address === null || type !== TYPE_A) return reply;
  reply[7] = 1;
  // The name is that of the question; class IN, 60 s, 4 bytes.
  const record = Buffer.from([0xc0, HEADER, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]);
  return Buffer.concat([reply, record]);
}

/**
 * Starts a name server at 127.0.0.1:53, for a child process in a network namespace of its own.
 *
 * @param {(name: string, n: number) => string | null | undefined} answer The IPv4 address of a name, null where it
 *   does not exist, undefined to stay silent; `n` is how often the name was asked for before.
 * @returns {Promise<dgram.Socket>} to be closed
 */
async function nameServer(answer) {
  const asked = new Map();
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 }).bind(53, '127.0.0.1');
  socket.on('message', (message, { address, port }) => {
    const { name, end } = readName(message);
    const n = asked.get(name) ?? 0;
    asked.set(name, n + 1);
    const answered = answer(name, n);
    if (answered === undefined) return;
    socket.send(replyTo(message, end, message.readUInt16BE(end), answered), port, address);
  });
  await once(socket, 'listening');
  return socket;
}

module.exports = { nameServer };
