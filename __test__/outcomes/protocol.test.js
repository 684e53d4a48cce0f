'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { PassThrough } = require('node:stream');

const { attemptAt, makeRover, record, settle, track } = require('../helpers/rover.js');
const { closed, refusedAddress, slotServer } = require('../helpers/slot-server.js');

/** Every way in which an app may be the first reader of a socket, as a promise of all its bytes. */
const READERS = {
  'a data listener': (socket) =>
    new Promise((resolve, reject) => {
      const chunks = [];
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('end', () => resolve(Buffer.concat(chunks)));
      socket.on('error', reject);
    }),
  'a readable listener': (socket) =>
    new Promise((resolve, reject) => {
      const chunks = [];
      socket.on('readable', () => {
        for (let chunk; (chunk = socket.read()) !== null;) chunks.push(chunk);
      });
      socket.on('end', () => resolve(Buffer.concat(chunks)));
      socket.on('error', reject);
    }),
  'an async iterator': async (socket) => {
    const chunks = [];
    for await (const chunk of socket) chunks.push(chunk);
    return Buffer.concat(chunks);
  },
  'a pipe': (socket) => READERS['an async iterator'](socket.pipe(new PassThrough())),
  'a reader that comes after a pause': async (socket) => {
    socket.pause();
    await settle();
    return READERS['a data listener'](socket.resume());
  },
};

/** The slot, and what the reader gets of the socket when it is attached by the connection handler. */
function readFrom(server, reader = READERS['a data listener']) {
  const rover = makeRover({ servers: { only: server } });
  return new Promise((resolve, reject) => {
    rover.on('error', reject);
    rover.on('unreachable', (_id, _server, error) => reject(error));
    rover.on('connection', (slot, socket) => {
      resolve(reader(track(socket)).then((bytes) => ({ slot, bytes })));
    });
    rover.connect();
  });
}

/** Asserts that one attempt at this server has the one outcome that `claim` holds for, and no other. */
async function assertOneOutcome(options, claim) {
  const server = await slotServer(options);
  const rover = makeRover({ servers: { only: server.address } });
  // A reset behind the slot line is the socket's own error, which belongs to the app.
  rover.on('connection', (_slot, socket) => socket.on('error', () => {}));
  const log = record(rover);
  rover.connect();
  const [outcome] = await log.until(1);
  claim(outcome);
  if (outcome.event !== 'connection') await server.nextClosed();
  await settle();
  assert.equal(log.outcomes.length, 1, `${log.events()}`);
}

function isInvalidProtocol({ event, error }) {
  assert.equal(event, 'error', `${event}`);
  assert.equal(error.message, 'Invalid protocol');
  assert.equal(error.code, 'ERR_CALLOSUM_PROTOCOL');
}

function isUnreachable({ event, error }) {
  assert.equal(event, 'unreachable', `${error?.stack}`);
  assert.ok(error instanceof Error);
}

function isClosed({ event, id, error }) {
  assert.equal(event, 'closed', `${error?.stack}`);
  assert.equal(id, 'only');
  assert.ok(error instanceof Error);
  assert.equal(error.code, 'ERR_CALLOSUM_CLOSED');
}

function isSlot(expected) {
  return ({ event, slot, error }) => {
    assert.equal(event, 'connection', `${error?.stack}`);
    assert.equal(slot, expected);
  };
}

describe('a slot line', () => {
  const stream = '13\r\nhello\r\n';
  for (let cut = 1; cut < stream.length; cut++) {
    const segments = [stream.slice(0, cut), stream.slice(cut)];
    it(`may come in the segments ${JSON.stringify(segments)} (row 21)`, async () => {
      const { address } = await slotServer({ greeting: segments, then: 'close' });
      const { slot, bytes } = await readFrom(address);
      assert.equal(slot, 13);
      assert.equal(bytes.toString(), 'hello\r\n');
    });
  }

  it('may come byte by byte (row 21)', async () => {
    const { address } = await slotServer({ greeting: [...stream], gap: 2, then: 'close' });
    const { slot, bytes } = await readFrom(address);
    assert.equal(slot, 13);
    assert.equal(bytes.toString(), 'hello\r\n');
  });

  it('may be followed by nothing at all: nothing is added (row 21)', async () => {
    const { address } = await slotServer({ greeting: '13\r\n', then: 'close' });
    const { bytes } = await readFrom(address);
    assert.equal(bytes.length, 0);
  });

  it('may be followed by what looks like one (row 21)', async () => {
    const { address } = await slotServer({ greeting: '13\r\n14\r\n\r\n', then: 'close' });
    const { slot, bytes } = await readFrom(address);
    assert.equal(slot, 13);
    assert.equal(bytes.toString(), '14\r\n\r\n');
  });

  for (const [name, reader] of Object.entries(READERS)) {
    it(`gives the bytes behind it to ${name} (row 21)`, async () => {
      const payload = crypto.randomBytes(1 << 18);
      const { address } = await slotServer({
        greeting: [Buffer.concat([Buffer.from('13\r\n'), payload.subarray(0, 100_000)]), payload.subarray(100_000)],
        then: 'close',
      });
      const { slot, bytes } = await readFrom(address, reader);
      assert.equal(slot, 13);
      assert.ok(bytes.equals(payload), `${bytes.length} of ${payload.length} bytes`);
    });
  }

  it('may be 64 bytes long with its CR LF, and begin with zeros (row 25)', async () => {
    const line = `${'13'.padStart(62, '0')}\r\n`;
    assert.equal(line.length, 64);
    await assertOneOutcome({ greeting: line }, isSlot(13));
  });

  it('may be 64 bytes long and come byte by byte (rows 21 and 25)', async () => {
    await assertOneOutcome({ greeting: [...`${'13'.padStart(62, '0')}\r\n`], gap: 1 }, isSlot(13));
  });

  it('may hold the greatest safe integer (row 25)', async () => {
    await assertOneOutcome({ greeting: `${Number.MAX_SAFE_INTEGER}\r\n` }, isSlot(Number.MAX_SAFE_INTEGER));
    const padded = `${Number.MAX_SAFE_INTEGER}`.padStart(62, '0');
    await assertOneOutcome({ greeting: `${padded}\r\n` }, isSlot(Number.MAX_SAFE_INTEGER));
  });
});

describe('a bad line', () => {
  const LINES = [
    'foo\r\n',
    '\r\n',
    '\n',
    '13\n',
    '13\r\r\n',
    '13 \r\n',
    ' 13\r\n',
    '1 3\r\n',
    '+13\r\n',
    '-13\r\n',
    '1.5\r\n',
    '1e3\r\n',
    '0x1f\r\n',
    '1_000\r\n',
    'NaN\r\n',
    '\uff11\uff13\r\n',
    '\u0661\u0663\r\n',
    '\ufeff13\r\n',
    '13\0\r\n',
    '\0\r\n',
    '13\rhello',
    'HTTP/1.1 400 Bad Request\r\n\r\n',
    'SSH-2.0-OpenSSH_9.2\r\n',
    'x'.repeat(100_000),
  ];
  for (const line of LINES) {
    const shown = JSON.stringify(line.length > 40 ? `${line.slice(0, 40)}…` : line);
    it(`is one Invalid protocol: ${shown} (row 18)`, async () => {
      await assertOneOutcome({ greeting: line }, isInvalidProtocol);
    });
  }

  it('is one Invalid protocol: bytes that are not text (row 18)', async () => {
    for (const bytes of [[0xb1, 0xb3, 0x0d, 0x0a], [0x16, 0x03, 0x01, 0x00, 0xa5], [0xff]]) {
      await assertOneOutcome({ greeting: Buffer.from(bytes) }, isInvalidProtocol);
    }
  });

  it('is one Invalid protocol when it comes byte by byte (rows 18 and 21)', async () => {
    await assertOneOutcome({ greeting: [...'13\r13\r\n'] }, isInvalidProtocol);
  });

  for (const [what, greeting] of Object.entries({
    'the first byte that is no digit': 'f',
    'a byte behind digits that is no digit': '13x',
    'a CR with no digit': '\r',
    'a CR without its LF': '13\rx',
    'a line of 65 bytes': `${'13'.padStart(63, '0')}\r\n`,
    '65 zeros and no end': '0'.repeat(65),
    'a slot over Number.MAX_SAFE_INTEGER': '9007199254740992\r\n',
    'a slot of that many digits, behind zeros': `${'9007199254740992'.padStart(62, '0')}\r\n`,
    'a slot that is over it already, and no end': '9007199254740992',
    'a slot of 60 digits': `${'9'.repeat(60)}\r\n`,
    'a slot that loses its upper bits in 64': '18446744073709551629\r\n',
  })) {
    it(`is Invalid protocol as soon as it is certain: ${what} (row 25)`, async () => {
      // The server says nothing more and holds the connection: nothing else can bring an outcome.
      await assertOneOutcome({ greeting, then: 'hold' }, isInvalidProtocol);
    });
  }

  it('is Invalid protocol within bounds when the server sends zeros for ever (row 25)', async () => {
    const flood = (socket) => {
      const more = () => {
        while (socket.writable && socket.write(Buffer.alloc(1 << 16, '0')));
      };
      socket.resume().on('drain', more);
      more();
    };
    await assertOneOutcome({ greeting: '', then: flood }, ({ event, error }) => {
      isInvalidProtocol({ event, error });
      assert.ok(error.received.length <= 32);
    });
  });

  it('is one error from a server that goes on chatting (row 22)', async () => {
    await assertOneOutcome({ greeting: 'foo\r\n', then: 'chat' }, isInvalidProtocol);
    await assertOneOutcome({ greeting: 'foo\r\n13\r\n', then: 'chat' }, isInvalidProtocol);
    await assertOneOutcome({ greeting: ['foo\r\n', '13\r\n', '14\r\n'], then: 'chat' }, isInvalidProtocol);
  });
});

describe('an attempt', () => {
  it('has one event when the connection is refused: unreachable (row 22)', async () => {
    const rover = makeRover({ servers: { only: await refusedAddress() } });
    const log = record(rover);
    rover.connect();
    await log.until(1);
    await settle();
    assert.deepEqual(log.events(), ['unreachable']);
  });

  it('has one event when the server closes before it sent anything: closed (row 22)', async () => {
    await assertOneOutcome({ greeting: '', then: 'close' }, isClosed);
  });

  it('has one event when the server closes a while after it accepted: closed (row 22)', async () => {
    await assertOneOutcome({ greeting: ['', ''], gap: 50, then: 'close' }, isClosed);
  });

  it('has one event when the server resets before it sent anything: unreachable (row 22)', async () => {
    await assertOneOutcome({ greeting: '', then: 'reset' }, isUnreachable);
  });

  for (const part of ['1', '13', '13\r']) {
    it(`has one event when the server closes after ${JSON.stringify(part)}: Invalid protocol (row 22)`, async () => {
      await assertOneOutcome({ greeting: part, then: 'close' }, isInvalidProtocol);
    });
  }

  it('has one event when the server closes after a part of a line in segments (row 22)', async () => {
    await assertOneOutcome({ greeting: ['1', '3', '\r', ''], then: 'close' }, isInvalidProtocol);
  });

  // Whether the bytes or the reset get here first is up to the kernel; that there is one event is not.
  for (const greeting of ['13', 'foo\r\n', '13\r\n', '13\r\nhello']) {
    it(`has one event when the server resets behind ${JSON.stringify(greeting)} (row 22)`, async () => {
      await assertOneOutcome({ greeting, then: 'reset' }, ({ event }) => {
        assert.ok(['connection', 'unreachable', 'error'].includes(event), event);
      });
    });
  }

  it('has one event when the server is a chatty one that gave a slot: connection (row 22)', async () => {
    await assertOneOutcome({ greeting: '13\r\n', then: 'chat' }, isSlot(13));
  });

  it('has one event when the server closes right behind the slot line: connection (row 22)', async () => {
    await assertOneOutcome({ greeting: '13\r\n', then: 'close' }, isSlot(13));
  });

  it('does not wait for another attempt: a silent server holds up none (row 22)', async () => {
    const silent = await slotServer({ greeting: '' });
    const rover = makeRover({ servers: { silent: silent.address } });
    const log = record(rover);
    rover.connect();
    const socket = await silent.nextSocket();
    const { event } = await attemptAt((await slotServer()).address);
    assert.equal(event, 'connection');
    assert.deepEqual(log.events(), []);
    socket.write('13\r\n');
    const [{ slot }] = await log.until(1);
    assert.equal(slot, 13);
    socket.end();
    await closed(socket);
  });
});
