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

/** The reply to a question: the address as its only record, where it is asked for one, or the code of an error. */
function replyTo(message, end, type, answer) {
  const code = answer === null ? CODE_NAME_ERROR : answer;
  const reply = Buffer.from(message.subarray(0, end + 4));
  reply[2] |= 0x80;
  reply[3] = 0x80 | (typeof code === 'number' ? code : 0);
  // Nothing but the question and what follows.
  reply.fill(0, 6, HEADER);
  if (typeof answer !== 'string' || type !== TYPE_A) return reply;
  reply[7] = 1;
  // The name is that of the question; class IN, 60 s, 4 bytes.
  const record = Buffer.from([0xc0, HEADER, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, ...answer.split('.').map(Number)]);
  return Buffer.concat([reply, record]);
}

/**
 * Starts a name server at 127.0.0.1: at port 53 for a child process in a network namespace of its own.
 *
 * @param {(name: string, n: number, type: number) => string | number | null | undefined | Promise<string>} answer The
 *   IPv4 address of a name, null where it does not exist, the code of another error, undefined to stay silent; `n` is how
 *   often the name was asked for before.
 * @param {number} [where] the port
 * @returns {Promise<dgram.Socket>} to be closed
 */
async function nameServer(answer, where = 53) {
  const asked = new Map();
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 }).bind(where, '127.0.0.1');
  socket.on('message', async (message, { address, port }) => {
    const { name, end } = readName(message);
    const n = asked.get(name) ?? 0;
    asked.set(name, n + 1);
    const type = message.readUInt16BE(end);
    const answered = await answer(name, n, type);
    if (answered === undefined) return;
    socket.send(replyTo(message, end, type, answered), port, address);
  });
  await once(socket, 'listening');
  return socket;
}

module.exports = { TYPE_A, nameServer };
