'use strict';

/** The slot that the server gives to every connection. */
const SLOT = 13;

/**
 * A port that refuses: nobody listens on tcpmux any more. It is below the ports that the system gives
 * to outgoing connections, so that none of ours can be given it and connect to itself.
 */
const REFUSED_PORT = 1;

module.exports = { REFUSED_PORT, SLOT };
