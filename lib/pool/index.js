'use strict';

const { Pool } = require('./pool.js');

/** @typedef {import('./lease.js').Lease} Lease */

module.exports = { Pool };
