'use strict';

const { UsageError } = require('./usage-error.js');

const MAX_PORT = 65_535;

/**
 * Where to listen, or to connect to: `HOST:PORT`, `[IPV6]:PORT`, `:PORT`, `PORT`, or the path of a Unix socket, which has
 * a slash in it.
 *
 * @param {string} text
 * @param {string} what named in the error, as in `--listen`
 * @returns {{ host?: string, port: number } | { path: string }}
 * @throws {UsageError}
 */
function parseAddress(text, what) {
  if (text.includes('/')) return { path: text };
  const [, ipv6, name, port] = /^(?:\[([\da-f:.%\w]+)\]:|([^:[\]]*):)?(\d+)$/i.exec(text) ?? [];
  if (port === undefined || Number(port) > MAX_PORT) {
    throw new UsageError(`${what} must be HOST:PORT, or the path of a Unix socket: ${text}`);
  }
  const host = ipv6 ?? name;
  return { ...(host && { host }), port: Number(port) };
}

/**
 * The address in the form that `parseAddress` takes.
 *
 * @param {{ host?: string, address?: string, port?: number, path?: string } | string} address also that of a server
 * @returns {string}
 */
function formatAddress(address) {
  if (typeof address === 'string') return address;
  const { path, address: ip, host = ip ?? 'localhost', port } = address;
  return path ?? `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

module.exports = { formatAddress, parseAddress };
