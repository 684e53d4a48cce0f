'use strict';

const EventEmitter = require('node:events');
const net = require('node:net');

const SLOT_LINE = /^\d+\r\n$/;

/**
 * What the package is compared with: a rover as an app would write it in plain Node, no more and no
 * less. It takes the slot line for one chunk, and knows neither limits nor counters.
 */
class BaselineRover extends EventEmitter {
  /**
   * @param {object} [options]
   * @param {number} [options.ROVING_INTERVAL=1000] ms
   * @param {object} [options.servers] by id
   */
  constructor({ ROVING_INTERVAL = 1000, servers = {} } = {}) {
    super();
    this.ROVING_INTERVAL = ROVING_INTERVAL;
    this.servers = servers;
    this.intervalId = null;
  }

  /** Tries one random server. Ends in `connection`, `unreachable` or `error`. */
  connect() {
    const ids = Object.keys(this.servers);
    if (ids.length === 0) {
      this.emit('error', new Error('No servers to contact'));
      return;
    }
    const id = ids[Math.floor(Math.random() * ids.length)];
    const server = this.servers[id];
    const socket = net.connect(server);
    const onData = (data) => {
      socket.removeListener('data', onData);
      socket.removeListener('error', onError);
      const line = data.toString('latin1');
      if (SLOT_LINE.test(line)) {
        this.emit('connection', parseInt(line, 10), socket);
      } else {
        socket.destroy();
        this.emit('error', new Error('Invalid protocol'));
      }
    };
    const onError = (error) => this.emit('unreachable', id, server, error);
    socket.on('data', onData);
    socket.on('error', onError);
  }

  /** Tries one server now, and one at every `ROVING_INTERVAL` from now on. */
  start() {
    clearInterval(this.intervalId);
    this.intervalId = setInterval(() => this.connect(), this.ROVING_INTERVAL);
    this.connect();
  }
}

module.exports = BaselineRover;
