'use strict';

/**
 * What of a socket can be compared with that of another: the fields that an app may read, those that
 * differ from one connection to the next by their type only. Not how much was read: the slot line
 * is read before this socket exists.
 */
function portrait(socket) {
  const fields = [
    'allowHalfOpen closed connecting destroyed errored pending readyState timeout',
    'localAddress localFamily remoteAddress remoteFamily remotePort bytesWritten',
    'readable readableAborted readableEncoding readableEnded readableHighWaterMark',
    'readableLength readableObjectMode writable writableAborted writableCorked writableEnded',
    'writableFinished writableHighWaterMark writableLength writableNeedDrain writableObjectMode',
  ].flatMap((line) => line.split(' '));
  return {
    ...Object.fromEntries(fields.map((field) => [field, socket[field]])),
    localPort: typeof socket.localPort,
    address: Object.keys(socket.address()).sort(),
    isPaused: socket.isPaused(),
    class: socket.constructor,
  };
}

module.exports = { portrait };
