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
 * A Callosum server, as `net.connect()` takes it as its one argument: options, or a bare port or path. What else an
 * object has is the app's own business: `ClientRover<MyServer>` knows of it.
 *
 * @typedef {ServerOptions | number | string} Server
 */

/**
 * Servers by id. Any string is a safe id.
 *
 * @template {Server} [S=Server]
 * @typedef {{ [id: string]: S }} Servers
 */

/**
 * @template {Server} [S=Server]
 * @typedef {object} Options
 * @property {number | null} [ROVING_INTERVAL] Time between two attempts of a started rover, in ms. Default: 1000,
 *   which whatever is falsy means as well.
 * @property {Servers<S> | null} [servers] The servers to begin with. Default: none.
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
 * @property {ErrorCode | null} lastError The code of the last failure.
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
 * @template {Server} [S=Server]
 * @typedef {object} Connection
 * @property {number} slot
 * @property {import('node:net').Socket} socket Open and flowing, and the caller's to keep or close.
 * @property {string} id Of the server.
 * @property {S} server The very object that was passed in.
 */

/**
 * The codes of errors that this package makes. `ERR_CALLOSUM_PROTOCOL`: the server sent something else than a slot
 * line. `ERR_CALLOSUM_CLOSED`: it closed before it gave a slot. `ERR_CALLOSUM_NO_SERVERS`: there is none to pick.
 * `ERR_CALLOSUM_REJECTED` and `ERR_CALLOSUM_PENDING`: of `rove()`. `ERR_CALLOSUM_UNSUPPORTED`: the runtime can't adopt
 * the connection. `ERR_CALLOSUM_INTERNAL`: a bug of this package. `ERR_CALLOSUM_NO_BINARY`: there is none to load.
 *
 * @typedef {'ERR_CALLOSUM_PROTOCOL' | 'ERR_CALLOSUM_CLOSED' | 'ERR_CALLOSUM_NO_SERVERS' | 'ERR_CALLOSUM_REJECTED' |
 *   'ERR_CALLOSUM_PENDING' | 'ERR_CALLOSUM_UNSUPPORTED' | 'ERR_CALLOSUM_INTERNAL' | 'ERR_CALLOSUM_NO_BINARY'} CallosumErrorCode
 */

/**
 * The codes of bad arguments and bad servers, which are those of Node.js.
 *
 * @typedef {'ERR_INVALID_ADDRESS_FAMILY' | 'ERR_INVALID_ARG_TYPE' | 'ERR_INVALID_ARG_VALUE' | 'ERR_INVALID_IP_ADDRESS' |
 *   'ERR_MISSING_ARGS' | 'ERR_OUT_OF_RANGE' | 'ERR_SOCKET_BAD_PORT'} ArgumentErrorCode
 */

/**
 * The codes of system calls and look-ups that failed, as Node.js names them.
 *
 * @typedef {(
 * 'ENOTFOUND' | 'EOF' | 'UNKNOWN' | 'E2BIG' | 'EACCES' | 'EADDRINUSE' | 'EADDRNOTAVAIL' | 'EAFNOSUPPORT' | 'EAGAIN'
 *   | 'EAI_ADDRFAMILY' | 'EAI_AGAIN' | 'EAI_BADFLAGS' | 'EAI_BADHINTS' | 'EAI_CANCELED' | 'EAI_FAIL' | 'EAI_FAMILY'
 *   | 'EAI_MEMORY' | 'EAI_NODATA' | 'EAI_NONAME' | 'EAI_OVERFLOW' | 'EAI_PROTOCOL' | 'EAI_SERVICE' | 'EAI_SOCKTYPE'
 *   | 'EALREADY' | 'EBADF' | 'EBUSY' | 'ECANCELED' | 'ECHARSET' | 'ECONNABORTED' | 'ECONNREFUSED' | 'ECONNRESET'
 *   | 'EDESTADDRREQ' | 'EEXIST' | 'EFAULT' | 'EFBIG' | 'EFTYPE' | 'EHOSTDOWN' | 'EHOSTUNREACH' | 'EILSEQ' | 'EINTR'
 *   | 'EINVAL' | 'EIO' | 'EISCONN' | 'EISDIR' | 'ELOOP' | 'EMFILE' | 'EMLINK' | 'EMSGSIZE' | 'ENAMETOOLONG'
 *   | 'ENETDOWN' | 'ENETUNREACH' | 'ENFILE' | 'ENOBUFS' | 'ENODATA' | 'ENODEV' | 'ENOENT' | 'ENOMEM' | 'ENONET'
 *   | 'ENOPROTOOPT' | 'ENOSPC' | 'ENOSYS' | 'ENOTCONN' | 'ENOTDIR' | 'ENOTEMPTY' | 'ENOTSOCK' | 'ENOTSUP'
 *   | 'ENOTTY' | 'ENXIO' | 'EOVERFLOW' | 'EPERM' | 'EPIPE' | 'EPROTO' | 'EPROTONOSUPPORT' | 'EPROTOTYPE' | 'ERANGE'
 *   | 'EREMOTEIO' | 'EROFS' | 'ESHUTDOWN' | 'ESOCKTNOSUPPORT' | 'ESPIPE' | 'ESRCH' | 'ETIMEDOUT' | 'ETXTBSY'
 *   | 'EUNATCH' | 'EXDEV'
 * )} SystemErrorCode
 */

/**
 * The codes of all errors.
 *
 * @typedef {CallosumErrorCode | ArgumentErrorCode | SystemErrorCode} ErrorCode
 */

/**
 * An error of `unreachable`: like the one that Node gives for the system call that failed. An `AggregateError`, with
 * `errors`, where several addresses were tried. What an app's own `lookup` failed with is passed as it is.
 *
 * @typedef {Error & {
 *   code: SystemErrorCode,
 *   errno?: number,
 *   syscall?: string,
 *   address?: string,
 *   port?: number,
 *   hostname?: string,
 *   localAddress?: string,
 *   localPort?: number,
 *   errors?: Error[],
 * }} UnreachableError
 */

/**
 * An error of `closed`.
 *
 * @typedef {Error & { code: 'ERR_CALLOSUM_CLOSED' }} ClosedError
 */

/**
 * An error of `error`: a protocol error (see `received`), no servers, a bad server, what this machine ran out of, such
 * as `EMFILE`, with what Node's own errors have, or a bug. `id` and `server` say whose it is, where a server was
 * picked. With `captureRejections`, an error of the app's own.
 *
 * @template {Server} [S=Server]
 * @typedef {Error & {
 *   code?: ErrorCode,
 *   id?: string,
 *   server?: S,
 *   received?: Buffer,
 *   errno?: number,
 *   syscall?: string,
 *   address?: string,
 *   port?: number,
 *   hostname?: string,
 *   localAddress?: string,
 *   localPort?: number,
 *   errors?: Error[],
 * }} RoverError
 */

/**
 * What `rove()` is rejected with: the error of the outcome, or `ERR_CALLOSUM_REJECTED` with `slot`, or
 * `ERR_CALLOSUM_PENDING`, or an `AbortError`.
 *
 * @template {Server} [S=Server]
 * @typedef {Error & Omit<RoverError<S>, 'code'> & { code?: ErrorCode | 'ABORT_ERR', slot?: number }} RoveError
 */

/**
 * The arguments of each event's listeners.
 *
 * @template {Server} [S=Server]
 * @typedef {object} Events
 * @property {[slot: number, socket: import('node:net').Socket, id: string, server: S]} connection A server gave a
 *   slot. The socket is open and flowing, and the listener's to keep or close.
 * @property {[id: string, server: S, error: UnreachableError]} unreachable A server could not be connected to, or
 *   reset the connection before a slot came.
 * @property {[id: string, server: S, error: ClosedError]} closed A server accepted, and closed before it gave a slot,
 *   as a full one does.
 * @property {[error: RoverError<S>]} error Something else went wrong. Without a listener it is thrown.
 * @property {[id: string, server: S, error: UnreachableError | ClosedError | RoverError<S>]} down A server failed that
 *   was up so far. Emitted right before the event of the outcome.
 * @property {[id: string, server: S]} up A server gave a slot that was down. Emitted right before the event of the
 *   outcome, if it has one.
 */

/**
 * The messages of the channels of `node:diagnostics_channel`, by their names. `id` and `server` are missing where there
 * was no server to pick.
 *
 * @template {Server} [S=Server]
 * @typedef {{
 *   'callosum-client-tcp-rover:attempt': ChannelMessage<S>,
 *   'callosum-client-tcp-rover:connection': ChannelMessage<S> & { slot: number, socket: import('node:net').Socket },
 *   'callosum-client-tcp-rover:rejected': ChannelMessage<S> & { slot: number },
 *   'callosum-client-tcp-rover:unreachable': ChannelMessage<S> & { error: UnreachableError },
 *   'callosum-client-tcp-rover:closed': ChannelMessage<S> & { error: ClosedError },
 *   'callosum-client-tcp-rover:error': Partial<ChannelMessage<S>> & Pick<ChannelMessage<S>, 'rover'> & {
 *     error: RoverError<S>,
 *   },
 * }} Channels
 */

/**
 * What all messages of the channels have.
 *
 * @template {Server} [S=Server]
 * @typedef {object} ChannelMessage
 * @property {import('./client-rover')<S>} rover
 * @property {string} id Of the server.
 * @property {S} server The very object that was passed in.
 */

module.exports = {};
