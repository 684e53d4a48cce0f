'use strict';

const assert = require('node:assert/strict');

const { ClientRover, attempt, attempts, makeRover } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');

describe('dropServer', () => {
  it('removes a server, shown at once (row 4)', () => {
    const server = { port: 4041 };
    const rover = new ClientRover({ servers: { a: { port: 4040 }, b: server } });
    rover.dropServer('a');
    assert.deepEqual(Object.keys(rover.servers), ['b']);
    assert.equal(rover.servers.a, undefined);
    assert.equal(rover.servers.b, server);
  });

  it('does nothing for an id that it does not know (row 4)', () => {
    const rover = new ClientRover({ servers: { a: { port: 4040 } } });
    for (const id of ['b', '', '__proto__', 'constructor', 'toString']) rover.dropServer(id);
    assert.deepEqual({ ...rover.servers }, { a: { port: 4040 } });
  });

  it('throws where the app has frozen the table, as `delete` does (row 4)', () => {
    const rover = new ClientRover({ servers: Object.freeze({ a: { port: 4040 } }) });
    assert.throws(() => rover.dropServer('a'), TypeError);
    assert.deepEqual(Object.keys(rover.servers), ['a']);
    rover.dropServer('b');
  });

  it('is honoured from the next pick on (row 4)', async () => {
    const address = await refusedAddress();
    const rover = makeRover({ servers: { a: address, b: { ...address }, c: { ...address } } });
    rover.dropServer('b');
    const outcomes = await attempts(rover, 60);
    assert.deepEqual([...new Set(outcomes.map(({ id }) => id))].sort(), ['a', 'c']);
  });

  it('leaves no server to contact when the last one is dropped (row 4)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    rover.dropServer('a');
    const { event, error } = await attempt(rover);
    assert.equal(event, 'error');
    assert.equal(error.message, 'No servers to contact');
  });

  it('lets an attempt in flight have its event, of the server that was dropped and of no later one (row 4)', async () => {
    const silent = await slotServer({ greeting: '' });
    const entry = silent.address;
    const rover = makeRover({ servers: { a: entry } });
    const outcome = attempt(rover);
    const socket = await silent.nextSocket();
    rover.dropServer('a');
    rover.addServer('b', await refusedAddress());
    socket.end();
    const { event, id, server, error } = await outcome;
    assert.deepEqual({ event, id, code: error.code }, { event: 'closed', id: 'a', code: 'ERR_CALLOSUM_CLOSED' });
    assert.equal(server, entry);
    assert.equal((await attempt(rover)).id, 'b');
  });
});
