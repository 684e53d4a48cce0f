'use strict';

const EventEmitter = require('node:events');

const { callable } = require('./lib/callable');
const ClientRover = require('./lib/client-rover');
const { parts } = require('./lib/parts');

module.exports = callable(ClientRover, (rover, options) => {
  EventEmitter.call(rover, options ?? undefined);
  parts().initialise(rover, options);
});
