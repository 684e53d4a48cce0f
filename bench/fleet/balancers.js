'use strict';

/**
 * HAProxy and nginx in front of the servers, with what their manuals recommend for servers that come and go. Both come
 * from Debian: `apt-get install haproxy nginx-light`.
 */

const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } = require('node:fs');
const net = require('node:net');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { setTimeout: delay } = require('node:timers/promises');

/** Connections to each server that a worker of nginx keeps open. */
const KEPT = 32;

async function freePort() {
  const server = net.createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function untilListening(port) {
  for (;;) {
    const socket = net.connect(port, '127.0.0.1');
    const isOpen = await new Promise((resolve) => {
      socket.on('connect', () => resolve(true));
      socket.on('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await delay(20);
  }
}

const KINDS = {
  haproxy: {
    versionArgs: ['-v'],
    args: (file) => ['-db', '-f', file],
    config: (port, servers, folder) => `
global
  stats socket ${folder}/admin level admin
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  retries 3
  option redispatch
  retry-on conn-failure empty-response
frontend service
  bind 127.0.0.1:${port}
  default_backend servers
backend servers
  balance leastconn
  http-reuse always
  option httpchk GET /health
  default-server check inter 250ms fall 2 rise 1
${servers.map((server) => `  server s${server.id} 127.0.0.1:${server.port}\n`).join('')}`,
    /** By its own socket: nothing is restarted. */
    async add({ folder }, _all, added) {
      for (const { id, port } of added) {
        const commands = [
          `add server servers/s${id} 127.0.0.1:${port} check inter 250ms fall 2 rise 1`,
          `enable health servers/s${id}`,
          `enable server servers/s${id}`,
        ];
        for (const command of commands) {
          const socket = net.connect(path.join(folder, 'admin'));
          socket.end(`${command}\n`);
          socket.resume();
          await once(socket, 'close');
        }
      }
    },
  },
  nginx: {
    versionArgs: ['-v'],
    args: (file, folder) => ['-p', folder, '-c', file, '-e', path.join(folder, 'errors')],
    config: (port, servers, folder) => `
daemon off;
worker_processes auto;
pid ${folder}/pid;
error_log ${folder}/errors;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000;
  upstream servers {
    zone servers 256k;
    least_conn;
${servers.map((server) => `    server 127.0.0.1:${server.port} max_fails=1 fail_timeout=1s;\n`).join('')}
    keepalive ${KEPT};
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_next_upstream error timeout;
    }
  }
}`,
    /** Its way is a new configuration, and new workers. */
    async add({ port, folder, file, child }, all) {
      writeFileSync(file, this.config(port, all, folder));
      child.kill('SIGHUP');
    },
  },
};

/** Which of them are there. */
function isInstalled(kind) {
  try {
    execFileSync(kind, KINDS[kind].versionArgs, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A balancer that runs. */
class Balancer {
  #kind;
  #servers;
  #state;

  /**
   * @param {'haproxy' | 'nginx'} kind
   * @param {{ id: number, port: number }[]} servers
   */
  static async start(kind, servers) {
    const balancer = new Balancer();
    const folder = mkdtempSync(path.join(tmpdir(), `${kind}-`));
    const file = path.join(folder, 'config');
    const port = await freePort();
    writeFileSync(file, KINDS[kind].config(port, servers, folder));
    const child = spawn(kind, KINDS[kind].args(file, folder), { stdio: ['ignore', 'ignore', 'ignore'] });
    balancer.#kind = KINDS[kind];
    balancer.#servers = [...servers];
    balancer.#state = { port, folder, file, child };
    const died = once(child, 'exit').then(() => {
      throw new Error(`${kind} does not run: see its configuration in bench/fleet/balancers.js`);
    });
    await Promise.race([untilListening(port), died]);
    died.catch(() => {});
    return balancer;
  }

  get port() {
    return this.#state.port;
  }

  /** Its processes: the one that was started, and its workers. */
  get pids() {
    const { pid } = this.#state.child;
    const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return [pid, ...all.map(Number).filter((other) => parentOf(other) === pid)];
  }

  /** More servers are there. */
  async add(servers) {
    this.#servers.push(...servers);
    await this.#kind.add(this.#state, this.#servers, servers);
  }

  async stop() {
    const { child, folder } = this.#state;
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
}

function parentOf(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1).split(' ')[1]);
  } catch {
    // It has ended meanwhile.
    return 0;
  }
}

module.exports = { Balancer, isInstalled };
