'use strict';

// The types of the package, from which `npm run build:types` makes index.d.ts.

/**
 * Where a Callosum server is, as `net.connect()` takes it: a TCP port, or a Unix socket.
 *
 * @typedef {object} ServerOptions
 * @property {string} [host] A name or an IP address. Default: `'localhost'`.
 * @property {number | string} [port] The TCP port. Needed unless there is a `path`.
 * @property {string} [path] The path of a Unix socket, instead of `host` and `port`.
 * @property {0 | 4 | 6 | 'IPv4' | 'IPv6'} [family] The kind of addresses that `host` is looked up for. Default: 0, both.
 * @property {number} [hints] Flags of the look-up, as of `dns.lookup()`. Default: 0, those of `net.connect()`.
 * @property {import('node:net').LookupFunction} [lookup] Looks `host` up in place of the system, on the JavaScript
 *   thread.
 * @property {string} [localAddress] The IP address to connect from.
 * @property {number} [localPort] The port to connect from. Default: 0, any.
 * @property {boolean} [noDelay] Turns Nagle's algorithm off. Default: `false`.
 * @property {boolean} [keepAlive] Turns TCP keep-alive on. Default: `false`.
 * @property {number} [keepAliveInitialDelay] How long a connection is idle before it is probed, in ms. Default: 0, the
 *   system's own.
 * @property {boolean} [allowHalfOpen] Leaves the socket's writable side open when the server ends. Default: `false`.
 * @property {number} [timeout] The socket emits `timeout` after so many ms without traffic. Default: 0, never.
 * @property {boolean} [autoSelectFamily] `false` tries the first address of `host` only. Default: that of `node:net`.
 * @property {number} [autoSelectFamilyAttemptTimeout] The head start of each address over the next, in ms; less than
 *   10 means 10. Default: 250, unless `node:net` was told otherwise.
 * @property {BufferEncoding} [encoding] What the socket decodes its bytes by. Default: none.
 * @property {number} [highWaterMark] How much the socket buffers, in bytes. Default: that of `node:net`.
 */

/**
 * A Callosum server: an object whose other keys are the app's own business, or a bare port or path.
 *
 * @typedef {(ServerOptions & { [key: string]: unknown }) | number | string} Server
 */

/**
 * Servers by id. Any string is a safe id.
 *
 * @typedef {{ [id: string]: Server }} Servers
 */

/**
 * @typedef {object} Options
 * @property {number | null} [ROVING_INTERVAL] Time between two attempts of a started rover, in ms. Default: 1000,
 *   which whatever is falsy means as well.
 * @property {Servers | null} [servers] The servers to begin with. Default: none.
 * @property {number | null} [MAX_INTERVAL] The longest interval, in ms: after 10 attempts in a row that brought no
 *   connection the interval doubles, after 10 more again. A connection, a raised `MAX_SLOT` or `start()` brings
 *   `ROVING_INTERVAL` back. Default: `ROVING_INTERVAL`, which is off.
 * @property {number | null} [JITTER] From 0 to 1: each interval varies at random by this fraction to either side.
 *   Where it is not 0, the first one is cut at random. Default: 0.
 * @property {number | null} [CONNECT_TIMEOUT] Limit for looking the name up and connecting, in ms. 0 is no limit.
 *   Default: 10000.
 * @property {number | null} [SLOT_TIMEOUT] Limit from connected to the end of the slot line, in ms. 0 is no limit.
 *   Default: 30000.
 * @property {number | null} [MAX_PENDING] How many attempts may be in flight or have an outcome that was not emitted
 *   yet. One that would exceed it is not made, and counted as skipped. From 1 to 2³¹ − 1. Default: 1024.
 * @property {number | null} [MAX_SLOT] The highest slot that is wanted: a connection with a higher one is closed, and
 *   no event tells of it. Default: `Infinity`.
 * @property {AbortSignal | null} [signal] Stops the rover when it is aborted.
 * @property {boolean} [captureRejections] As of `EventEmitter`.
 */

/**
 * What became of attempts: `attempts` is always the sum of `connections`, `rejected`, `unreachable`, `closed`,
 * `errors`, `abandoned` and `pending`.
 *
 * @typedef {object} Stats
 * @property {number} attempts Made.
 * @property {number} connections Emitted as `connection`.
 * @property {number} rejected Closed, since the slot was above `MAX_SLOT`.
 * @property {number} unreachable Emitted as `unreachable`.
 * @property {number} closed Emitted as `closed`.
 * @property {number} errors Emitted as `error`.
 * @property {number} abandoned Given up by `stop()`, or by the signal of `rove()`.
 * @property {number} skipped Not made, since `MAX_PENDING` was reached, or an outcome was still waiting for the
 *   JavaScript thread.
 * @property {number} pending In flight, or ended and not emitted yet.
 */

/**
 * What became of the attempts at one server.
 *
 * @typedef {object} ServerStats
 * @property {number} attempts Made.
 * @property {number} connections As in `Stats`.
 * @property {number} rejected As in `Stats`.
 * @property {number} unreachable As in `Stats`.
 * @property {number} closed As in `Stats`.
 * @property {number} errors As in `Stats`.
 * @property {number} pending As in `Stats`.
 * @property {number} failures Failures in a row.
 * @property {string | null} lastError The code of the last failure.
 * @property {number | null} lastSlot The last slot that it gave, rejected ones included: its load.
 * @property {boolean} isDown Whether it failed since it last gave a slot.
 * @property {Times} connectTime How long the look-up and connecting took.
 * @property {Times} slotTime How long the slot line took, from connected on.
 */

/**
 * How long something took, in ms. Percentiles are exact within an eighth.
 *
 * @typedef {object} Times
 * @property {number} count
 * @property {number} min
 * @property {number} mean
 * @property {number} max
 * @property {number} p50
 * @property {number} p90
 * @property {number} p99
 */

/**
 * What `rove()` brings.
 *
 * @typedef {object} Connection
 * @property {number} slot
 * @property {import('node:net').Socket} socket Open and flowing, and the caller's to keep or close.
 * @property {string} id Of the server.
 * @property {Server} server The very object that was passed in.
 */

/**
 * An error of `unreachable`: like the one that Node gives for the system call that failed. An `AggregateError`, with
 * `errors`, where several addresses were tried.
 *
 * @typedef {Error & {
 *   code: string,
 *   errno?: number,
 *   syscall?: string,
 *   address?: string,
 *   port?: number,
 *   hostname?: string,
 *   errors?: Error[],
 * }} UnreachableError
 */

/**
 * An error of `error`. `code` is `ERR_CALLOSUM_PROTOCOL` (the server sent something else than a slot line: see
 * `received`), `ERR_CALLOSUM_NO_SERVERS`, `ERR_CALLOSUM_UNSUPPORTED` (the runtime can't adopt the connection),
 * `ERR_CALLOSUM_INTERNAL` (a bug of this package), that of a bad server, such as `ERR_SOCKET_BAD_PORT`, or that of a
 * system call for which this machine ran out of something, such as `EMFILE`, with what Node's own errors have. `id` and
 * `server` say whose it is, where a server was picked.
 *
 * @typedef {Error & {
 *   code?: string,
 *   id?: string,
 *   server?: Server,
 *   received?: Buffer,
 *   errno?: number,
 *   syscall?: string,
 *   address?: string,
 *   port?: number,
 *   hostname?: string,
 *   errors?: Error[],
 * }} RoverError
 */

/**
 * The arguments of each event's listeners.
 *
 * @typedef {object} Events
 * @property {[slot: number, socket: import('node:net').Socket, id: string, server: Server]} connection A server gave
 *   a slot. The socket is open and flowing, and the listener's to keep or close.
 * @property {[id: string, server: Server, error: UnreachableError]} unreachable A server could not be connected to, or
 *   reset the connection before a slot came.
 * @property {[id: string, server: Server, error: Error & { code: string }]} closed A server accepted, and closed before
 *   it gave a slot, as a full one does.
 * @property {[error: RoverError]} error Something else went wrong. Without a listener it is thrown.
 * @property {[id: string, server: Server, error: Error]} down A server failed that was up so far.
 * @property {[id: string, server: Server]} up A server gave a slot that was down.
 */

module.exports = {};
