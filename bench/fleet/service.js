'use strict';

/** What all sides of the comparison agree on. */

/** The answer to every request. */
const BODY = Buffer.alloc(512, 'x');

/** Servers at the beginning, and those that are added. */
const SERVERS = 6;
const ADDED = 2;

/** Processes that ask. */
const CLIENTS = 4;

/** Connections of each client: 8 of each server in the mean, and 6 once two were added. */
const CONNECTIONS = 12;

module.exports = { ADDED, BODY, CLIENTS, CONNECTIONS, SERVERS };
