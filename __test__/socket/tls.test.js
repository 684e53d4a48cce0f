'use strict';

const assert = require('node:assert/strict');
const { isAscii } = require('node:buffer');
const tls = require('node:tls');

const { makeCertificate } = require('../helpers/certificate.js');
const { printedBy } = require('../helpers/child.js');
const { namespace } = require('../helpers/namespace.js');
const { NO_NAMESPACE, skip } = require('../helpers/skip.js');
const { slotServer } = require('../helpers/slot-server.js');

/** What `tls.connect({ socket, ca })` says of the socket of a rover, and of one from `net.connect()`. */
async function compareChecks({ ClientRover, print }, { server, ca }) {
  const { once } = require('node:events');
  const net = require('node:net');
  const tls = require('node:tls');
  const check = async (socket) => {
    const secure = tls.connect({ socket, ca });
    try {
      await once(secure, 'secureConnect');
      return secure.authorized;
    } catch ({ code }) {
      return code;
    } finally {
      secure.destroy();
      socket.destroy();
    }
  };
  const rover = new ClientRover({ servers: { a: server } });
  rover.connect();
  const [, socket] = await once(rover, 'connection');
  const plain = net.connect(server);
  await once(plain, 'data');
  print(await check(socket), await check(plain));
}

const MISMATCH = 'ERR_TLS_CERT_ALTNAME_INVALID';

describe('tls.connect({ socket }) without a servername', () => {
  for (const [host, name, expected] of [
    ['slot.test', 'slot.test', true],
    ['slot.test', 'localhost', MISMATCH],
    ['slot.test', 'other.test', MISMATCH],
    ['localhost', 'localhost', true],
    ['localhost', 'slot.test', MISMATCH],
    ['b\u00fccher.test', 'xn--bcher-kva.test', true],
    ['b\u00fccher.test', 'localhost', MISMATCH],
    // Node keeps no name of an IP address, and so takes that of a socket without one.
    ['127.0.0.1', 'localhost', true],
    ['127.0.0.1', 'slot.test', MISMATCH],
  ]) {
    const outcome = expected === true ? 'accepts' : 'refuses';
    it(`${outcome} a certificate for ${name} where ${host} was connected to (row 14)`, async function () {
      const prefix = namespace({ hosts: '127.0.0.1 localhost slot.test xn--bcher-kva.test\n' });
      // What a name means can only be decided in a mount namespace, and this machine allows none.
      if (prefix === null) return skip(this, NO_NAMESPACE);
      const certificate = makeCertificate(this, name);
      const inner = tls.createServer(certificate);
      // A client that refuses the certificate hangs up.
      inner.on('tlsClientError', () => {});
      const { port } = await slotServer({ then: (socket) => inner.emit('connection', socket) });
      const data = { server: { host, port }, ca: certificate.cert.toString() };
      const [[ours, plain]] = await printedBy(compareChecks, data, { prefix });
      assert.equal(ours, expected);
      // Node keeps a name in other letters as it was given, and then finds it in no certificate.
      if (isAscii(Buffer.from(host))) assert.equal(plain, expected);
    });
  }
});
