'use strict';

const { Pool } = require('./pool.js');

module.exports = { Pool };
