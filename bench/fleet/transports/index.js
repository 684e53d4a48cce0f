'use strict';

/**
 * The ways by which a client reaches the servers.
 *
 * @typedef {object} Options
 * @property {{ id: number, port: number }[]} servers
 * @property {number} connections to have, over all servers
 * @property {number} [proxy] the port of the balancer in front of them
 *
 * @typedef {object} Transport
 * @property {() => Promise<string>} request asks once; gives the id of the server that answered
 * @property {(servers: Options['servers']) => void} add there are more servers
 *
 * @typedef {object} Way
 * @property {string} title
 * @property {'slots' | 'plain' | 'grpc'} server what the servers are
 * @property {'haproxy' | 'nginx'} [proxy] what is in front of them
 * @property {(options: Options) => Transport | Promise<Transport>} open
 */

/** @type {Record<string, Way>} */
module.exports = {
  'rover-agent': { title: 'RoverAgent', server: 'slots', open: (options) => require('./rover-agent.js')(options) },
  haproxy: { title: 'HAProxy leastconn', server: 'plain', proxy: 'haproxy', open: (options) => require('./proxied.js')(options) },
  nginx: { title: 'nginx least_conn', server: 'plain', proxy: 'nginx', open: (options) => require('./proxied.js')(options) },
  random: { title: 'http.Agent, random', server: 'plain', open: (options) => require('./random.js')(options) },
  'rover-undici': { title: 'undici over connector(pool)', server: 'slots', open: (options) => require('./rover-undici.js')(options) },
  'undici-balanced': { title: 'undici BalancedPool', server: 'plain', open: (options) => require('./undici-balanced.js')(options) },
  'undici-round-robin': {
    title: 'undici RoundRobinPool',
    server: 'plain',
    open: (options) => require('./undici-round-robin.js')(options),
  },
  grpc: { title: '@grpc/grpc-js round_robin', server: 'grpc', open: (options) => require('./grpc.js')(options) },
};
