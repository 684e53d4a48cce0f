'use strict';

const dns = require('node:dns');
const net = require('node:net');

const { captureTcpClass } = require('../../lib/node-internals/tcp-handle.js');

/** What `connect()` of the handle, or a look-up, is answered with: any address of that family will do. */
const ADDRESSES = { 4: '127.0.0.1', 6: '::1' };

/** The class of handles for Unix sockets. */
function pipeClass() {
  const socket = new net.Socket();
  socket.on('error', () => {});
  socket.connect({ path: '/' });
  const { constructor } = socket._handle;
  socket.destroy();
  return constructor;
}

/**
 * Lets `net.connect()` run up to the system calls and no further: look-ups and handles only write down what they were
 * asked for, and say that it is done. Nothing is connected, and nothing is looked up.
 *
 * @returns {{ connect: (server: unknown) => Promise<object>, restore: () => void }} `connect` resolves with `{ threw }`,
 *   the code of what `net.connect(server)` threw (or the class, where it has no code); or else with what it did:
 *   `lookedUp`, `bound`, `connected`, `noDelay`, `keepAlive`, `failed`, the code of an `error` that followed, and
 *   `state`, that of its socket.
 */
function recordConnects() {
  const undo = [];
  let record = {};
  function replace(object, name, make) {
    const original = object[name];
    object[name] = make(original);
    undo.push(() => {
      object[name] = original;
    });
  }
  const complete = (handle, request) => process.nextTick(() => request.oncomplete(0, handle, request, true, true));

  replace(
    dns,
    'lookup',
    (original) =>
      function lookup(host, options, callback) {
        // An address is not looked up, but all else is checked.
        original(typeof host === 'string' ? ADDRESSES[4] : host, options, () => {});
        const { all = false, family, hints } = options;
        record.lookedUp = { host, family, hints, all };
        const found = family === 6 ? 6 : 4;
        const address = ADDRESSES[found];
        process.nextTick(() => (all ? callback(null, [{ address, family: found }]) : callback(null, address, found)));
      },
  );
  const Tcp = captureTcpClass();
  for (const name of ['bind', 'bind6']) {
    replace(Tcp.prototype, name, () => (address, port) => {
      // What the native side makes of them.
      record.bound = { address: `${address}`, port: port & 0xffff };
      return 0;
    });
  }
  for (const name of ['connect', 'connect6']) {
    replace(
      Tcp.prototype,
      name,
      () =>
        function connect(request, address, port) {
          record.connected = { host: `${address}`, port };
          complete(this, request);
          return 0;
        },
    );
  }
  replace(Tcp.prototype, 'getsockname', () => (out) => {
    out.port = record.bound?.port;
    return 0;
  });
  replace(Tcp.prototype, 'setNoDelay', () => (noDelay) => {
    record.noDelay = noDelay;
  });
  replace(Tcp.prototype, 'setKeepAlive', () => (_, seconds) => {
    record.keepAlive = seconds;
  });
  const Pipe = pipeClass();
  replace(
    Pipe.prototype,
    'connect',
    () =>
      function connect(request, path) {
        record.connected = { path };
        complete(this, request);
        return 0;
      },
  );
  const stream = Object.getPrototypeOf(Pipe.prototype);
  for (const name of ['readStart', 'readStop']) replace(stream, name, () => () => 0);
  // Of a timeout that does not fit.
  replace(process, 'emitWarning', () => () => {});

  return {
    async connect(server) {
      record = {};
      let socket;
      try {
        socket = net.connect(server);
      } catch (error) {
        return { threw: error.code ?? error.name };
      }
      socket.on('error', ({ code }) => {
        record.failed = code;
      });
      record.state = stateOf(socket);
      await new Promise((resolve) => setImmediate(resolve));
      socket.destroy();
      return record;
    },
    restore() {
      while (undo.length > 0) undo.pop()();
    },
  };
}

/** What the options of a socket leave behind in it. */
function stateOf({ allowHalfOpen, readableEncoding, readableHighWaterMark, timeout, writableHighWaterMark }) {
  return { allowHalfOpen, readableEncoding, readableHighWaterMark, timeout, writableHighWaterMark };
}

module.exports = { recordConnects, stateOf };
