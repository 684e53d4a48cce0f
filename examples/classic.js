'use strict';

/**
 * An app in the style of 2013, as it was written for version 0.1.0 of this package: `var`, callbacks, a
 * type that inherits by `util.inherits`, and a roving that is stopped by `clearInterval`. It looks at some
 * connections, and keeps the best one.
 *
 *     node examples/classic.js 4040 4041        the ports of slot servers, such as server.js
 */

var util = require('util');

var ClientRover = require('callosum-client-tcp-rover');

/**
 * A rover that looks for one connection, the lower its slot the better.
 *
 *   * `options`: _Object_ As for `ClientRover`.
 *     * `LOOKS`: _Integer_ _(Default: 5)_ Connections to look at.
 */
function BestRover(options) {
  ClientRover.call(this, options);
  this.LOOKS = options.LOOKS || 5;
}
util.inherits(BestRover, ClientRover);

/**
 *   * `callback`: _Function_ `function (error, slot, socket) {}` Called once, with the best connection.
 */
BestRover.prototype.find = function (callback) {
  var self = this;
  var best = null;
  var looks = 0;

  function finish(error) {
    clearInterval(self.intervalId);
    self.removeListener('connection', look);
    self.removeListener('error', finish);
    if (error && best) best.socket.destroy();
    if (error) callback(error);
    else callback(null, best.slot, best.socket);
  }

  function look(slot, socket) {
    // A socket error that nobody listens for ends the process.
    socket.on('error', function () {});
    if (best === null || slot < best.slot) {
      if (best) best.socket.end();
      best = { slot: slot, socket: socket };
    } else {
      socket.end();
    }
    if (++looks === self.LOOKS) finish();
  }

  self.on('connection', look);
  self.on('error', finish);
  self.start();
};

var rover = new BestRover({ ROVING_INTERVAL: 50 });
process.argv.slice(2).forEach(function (port) {
  rover.addServer('port ' + port, { host: '127.0.0.1', port: port });
});
rover.on('unreachable', function (id) {
  console.log(id + ' is unreachable');
  rover.dropServer(id);
});

rover.find(function (error, slot, socket) {
  if (error) {
    console.error(error.message);
    process.exitCode = 1;
    return;
  }
  console.log('slot ' + slot + ' at port ' + socket.remotePort);
  socket.end();
});
