'use strict';

const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const { isReady } = require('./daemon.js');
const { program } = require('./program.js');

// Real database servers, each with a folder and a Unix socket of its own, and with no port. They take
// a second to start, and so are for all the tests of a file: begun in `before`, stopped in `after`.

/** The environment of a server: nothing that was preloaded for this process, such as a memory checker. */
const environment = { ...process.env, LC_ALL: 'C', LD_PRELOAD: undefined };

/** What both of them say when they are ready. */
const READY = /ready to accept connections/i;

/** The arguments of a Redis server that forgets everything, at this Unix socket. */
function redisArgs(socket) {
  return ['--port', '0', '--unixsocket', socket, '--save', ''];
}

/** The ids of a user and its group; PostgreSQL does not run as root. */
function userIds(name) {
  const id = (option) => Number(execFileSync('id', [option, name], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/**
 * Runs a server in a folder of its own, which is removed when it is stopped.
 *
 * @param {string} name
 * @param {(folder: string) => {file: string, args: string[], options?: object, signal: string}} prepare
 *   Says what to run in that folder, and the signal that ends it.
 * @returns {Promise<{folder: string, stop: () => Promise<void>}>} When it has said that it is ready.
 */
async function startServer(name, prepare) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `${name}-`));
  const remove = () => fs.rmSync(folder, { recursive: true });
  try {
    const { file, args, options, signal } = prepare(folder);
    const server = spawn(file, args, { ...options, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const exit = once(server, 'exit');
    // Where this process ends without its `after` hooks.
    const quit = () => server.kill('SIGQUIT');
    process.on('exit', quit);
    await isReady(server, READY);
    const stop = async () => {
      server.kill(signal);
      await exit;
      process.removeListener('exit', quit);
      remove();
    };
    return { folder, stop };
  } catch (error) {
    remove();
    throw error;
  }
}

/**
 * Starts a PostgreSQL server with the user and the database `postgres` and no password.
 *
 * @param {Mocha.Context} test Skipped where there is no PostgreSQL.
 * @returns {Promise<{path: string, stop: () => Promise<void>}>} `path` is its Unix socket.
 */
async function startPostgres(test) {
  const initdb = program(test, 'initdb');
  const postgres = program(test, 'postgres');
  const { folder, stop } = await startServer('postgres', (folder) => {
    const ids = process.getuid() === 0 ? userIds('postgres') : {};
    if (ids.uid !== undefined) fs.chownSync(folder, ids.uid, ids.gid);
    const options = { env: environment, ...ids };
    const data = path.join(folder, 'data');
    const init = ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--no-sync'];
    execFileSync(initdb, init, { ...options, cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    // A fast shutdown: clients that are still there are disconnected.
    return { file: postgres, args: ['-D', data, '-k', folder, '-h', '', '-F'], options, signal: 'SIGINT' };
  });
  return { path: path.join(folder, '.s.PGSQL.5432'), stop };
}

/**
 * Starts a Redis server.
 *
 * @param {Mocha.Context} test Skipped where there is no Redis.
 * @returns {Promise<{path: string, stop: () => Promise<void>}>} `path` is its Unix socket.
 */
async function startRedis(test) {
  const file = program(test, 'redis-server');
  const { folder, stop } = await startServer('redis', (folder) => {
    const args = redisArgs(path.join(folder, 'redis.sock'));
    return { file, args, options: { env: environment }, signal: 'SIGTERM' };
  });
  return { path: path.join(folder, 'redis.sock'), stop };
}

/**
 * What a slot server does with a connection to stand in front of another server: `then: proxyTo(path)`.
 *
 * @param {string} path Of the other server's Unix socket.
 * @returns {(socket: net.Socket) => void}
 */
function proxyTo(path) {
  return (socket) => {
    const upstream = net.connect({ path });
    upstream.on('error', () => socket.destroy());
    upstream.on('close', () => socket.destroySoon());
    socket.on('close', () => upstream.destroySoon());
    socket.pipe(upstream).pipe(socket);
  };
}

module.exports = { READY, proxyTo, redisArgs, startPostgres, startRedis };
