'use strict';

const EventEmitter = require('node:events');

const { callable } = require('./lib/callable');
const ClientRover = require('./lib/client-rover');
const { initialise } = require('./lib/state');

module.exports = callable(ClientRover, (rover, options) => {
  EventEmitter.call(rover, options ?? undefined);
  initialise(rover, options);
});
