'use strict';

const assert = require('node:assert/strict');

const { ServerTable } = require('../../lib/servers/table.js');

/** A native rover that knows which servers it has, and no more. */
class FakeNative {
  ports = new Map();
  #last = 0;

  addServer({ port }) {
    this.ports.set(++this.#last, port);
    return this.#last;
  }

  dropServer(key) {
    this.ports.delete(key);
    return true;
  }

  isVacant(key) {
    return !this.ports.has(key);
  }
}

/** A table of so many servers, each of which takes `cost` ms to be read; and how many were read so far. */
function largeTable(size, cost) {
  const reads = { count: 0 };
  class SlowServer {
    constructor(port) {
      this.number = port;
    }

    get port() {
      reads.count++;
      for (const end = performance.now() + cost; performance.now() < end; );
      return this.number;
    }
  }
  const servers = Object.fromEntries(Array.from({ length: size }, (_, n) => [`s${n}`, new SlowServer(1)]));
  const native = new FakeNative();
  const table = new ServerTable(native, servers);
  // What reading one server takes: a getter may be read more than once for it.
  const perServer = reads.count / size;
  reads.count = 0;
  return { native, table, servers, seen: () => Math.round(reads.count / perServer) };
}

describe('a look at a large table', () => {
  it('reads a part of it when there is no time for more, and the next look goes on from there (row 4)', () => {
    const size = 1000;
    const { native, table, servers, seen } = largeTable(size, 0.04);
    servers.s999.number = 2;
    let looks = 0;
    // A pass over all of it may have been begun already.
    while (![...native.ports.values()].includes(2)) {
      const before = seen();
      table.look();
      looks++;
      assert.ok(seen() - before < size, `${seen() - before} servers in one look`);
      assert.ok(looks < 20);
    }
    assert.ok(looks >= 2, `${looks} looks`);
    assert.equal(native.ports.size, size);
  });

  it('reads all of it when there is time, and drops what is gone (row 4)', () => {
    const { native, table, servers, seen } = largeTable(1000, 0);
    delete servers.s0;
    servers.s500.number = 2;
    servers.more = { port: 3 };
    table.look(Infinity);
    assert.equal(seen(), 999);
    const ports = [...native.ports.values()].sort();
    assert.deepEqual(ports, [...Array(998).fill(1), 2, 3]);
    assert.equal(table.entryOf('s0'), undefined);
  });

  it('leaves servers alone that were added and dropped in the middle of a pass (row 4)', () => {
    const { native, table } = largeTable(1000, 0.04);
    table.look();
    table.add('later', { port: 4 });
    table.drop('s3');
    for (let looks = 0; looks < 20; looks++) table.look();
    assert.equal(table.entryOf('later').server.port, 4);
    assert.equal(table.entryOf('s3'), undefined);
    assert.equal(native.ports.size, 1000);
  });
});

describe('adding and dropping a server', () => {
  it('reads that server alone, however many there are (row 4)', () => {
    const { native, table, seen } = largeTable(1000, 0);
    for (let n = 0; n < 100; n++) table.add(`more${n}`, { port: 2 });
    for (let n = 0; n < 100; n++) table.drop(`more${n}`);
    assert.equal(seen(), 0);
    assert.equal(native.ports.size, 1000);
  });
});
