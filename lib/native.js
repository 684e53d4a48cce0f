'use strict';

// The native side, or one error that says why there is none.

if (process.platform === 'win32') {
  throw new Error(
    'callosum-client-tcp-rover does not run on Windows: a socket is not a file descriptor there, so it ' +
      'cannot be handed over to Node.js. Linux and macOS are supported.',
  );
}

module.exports = require('../binding');
