'use strict';

const { RoverAgent } = require('./agent.js');
const { connector } = require('./connector.js');

module.exports = { RoverAgent, connector };
