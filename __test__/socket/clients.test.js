'use strict';

const assert = require('node:assert/strict');
const { EventEmitter, once } = require('node:events');
const http = require('node:http');
const tls = require('node:tls');

const { makeCertificate } = require('../helpers/certificate.js');
const { cleanup } = require('../helpers/cleanup.js');
const { attempt, attemptAt, makeRover, track } = require('../helpers/rover.js');
const { slotServer } = require('../helpers/slot-server.js');

/** A socket from a server that hands the connection to another server behind the slot line. */
async function socketInFrontOf(inner) {
  const { address } = await slotServer({ then: (socket) => inner.emit('connection', socket) });
  const { event, socket } = await attemptAt(address);
  assert.equal(event, 'connection');
  return socket;
}

/** Reads a stream to its end. */
async function textOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** A client of a line protocol, of the kind that takes a stream and makes it its own. */
class LineDriver extends EventEmitter {
  #buffered = '';
  #stream;

  constructor(stream) {
    super();
    this.#stream = stream;
    stream.setEncoding('utf8');
    stream.setNoDelay(true);
    stream.on('data', (text) => this.#take(text));
    stream.on('close', () => this.emit('close'));
  }

  /** Sends a line and resolves with the next one that comes. */
  async ask(line) {
    this.#stream.write(`${line}\n`);
    const [answer] = await once(this, 'line');
    return answer;
  }

  close() {
    this.#stream.end();
  }

  #take(text) {
    const lines = (this.#buffered + text).split('\n');
    this.#buffered = lines.pop();
    for (const line of lines) this.emit('line', line);
  }
}

describe('clients on the socket of a connection', () => {
  const httpServer = () =>
    http.createServer(async (request, response) => {
      response.end(`${request.method} ${request.url} ${await textOf(request)}`);
    });

  it('http.request takes it from createConnection (row 14)', async () => {
    const socket = await socketInFrontOf(httpServer());
    const request = http.request({
      host: 'slot.test',
      path: '/slots',
      method: 'POST',
      createConnection: () => socket,
    });
    request.end('body');
    const [response] = await once(request, 'response');
    assert.equal(response.statusCode, 200);
    assert.equal(await textOf(response), 'POST /slots body');
  });

  it('an http.Agent keeps it for several requests (row 14)', async () => {
    const socket = await socketInFrontOf(httpServer());
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    cleanup(() => agent.destroy());
    agent.createConnection = () => socket;
    for (let n = 0; n < 3; n++) {
      const request = http.get({ host: 'slot.test', path: `/${n}`, agent });
      const [response] = await once(request, 'response');
      assert.equal(await textOf(response), `GET /${n} `);
      assert.equal(request.socket, socket);
    }
  });

  it('http.request takes it right in the handler (row 14)', async () => {
    const inner = httpServer();
    const { address } = await slotServer({ then: (socket) => inner.emit('connection', socket) });
    const rover = makeRover({ servers: { a: address } });
    const response = new Promise((resolve, reject) => {
      rover.once('connection', (_slot, socket) => {
        http
          .get({ host: 'slot.test', path: '/', createConnection: () => socket }, resolve)
          .on('error', reject);
      });
    });
    await attempt(rover);
    assert.equal(await textOf(await response), 'GET / ');
  });

  it('tls.connect takes it with a servername (row 14)', async function () {
    const certificate = makeCertificate(this);
    const inner = tls.createServer(certificate, (stream) => stream.pipe(stream));
    const socket = await socketInFrontOf(inner);
    const secure = track(tls.connect({ socket, servername: 'slot.test', ca: certificate.cert }));
    await once(secure, 'secureConnect');
    assert.equal(secure.authorized, true);
    secure.end('over tls');
    assert.equal(await textOf(secure), 'over tls');
  });

  it('a driver that takes a stream talks over it (row 14)', async () => {
    const answer = (socket) => {
      socket.setEncoding('utf8').on('data', (text) => {
        for (const line of text.split('\n').filter(Boolean)) socket.write(`re: ${line}\n`);
      });
    };
    const server = await slotServer({ then: answer });
    const { socket } = await attemptAt(server.address);
    const driver = new LineDriver(socket);
    for (let n = 0; n < 5; n++) assert.equal(await driver.ask(`question ${n}`), `re: question ${n}`);
    driver.close();
    await once(driver, 'close');
  });

  it('a driver whose server speaks first gets the first word (rows 14 and 21)', async () => {
    const { address } = await slotServer({ greeting: '13\r\nready\n' });
    const rover = makeRover({ servers: { a: address } });
    const greeted = new Promise((resolve) => {
      rover.once('connection', (_slot, socket) => resolve(once(new LineDriver(socket), 'line')));
    });
    await attempt(rover);
    assert.deepEqual(await greeted, ['ready']);
  });
});
