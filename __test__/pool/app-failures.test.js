'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { printedBy } = require('../helpers/child.js');
const { full, makePool, serverGiving } = require('../helpers/pool.js');
const { slotServer } = require('../helpers/slot-server.js');

describe('a listener of a pool that throws', () => {
  it('for keep is an uncaughtException, however the connection came (rows 51 and 52)', async () => {
    const server = await serverGiving([1, 2]);
    const printed = await printedBy(
      async ({ print }, address) => {
        const { Pool } = require('./lib/pool');
        process.on('uncaughtException', ({ message }, origin) => print(message, origin));
        // The first connection is by the rover's attempt, the second one by the pool's.
        const pool = new Pool({ size: 2, ROVING_INTERVAL: 60_000, servers: { a: address } });
        pool.on('keep', (slot) => {
          if (slot === 2) pool.close();
          throw new Error(`thrown for ${slot}`);
        });
      },
      server.address,
    );
    assert.deepEqual(printed, [
      ['thrown for 1', 'uncaughtException'],
      ['thrown for 2', 'uncaughtException'],
    ]);
  });

  it('keeps neither the swap nor close() from its end, and no event from being emitted (rows 51 and 57)', async () => {
    const server = await serverGiving([20, 5]);
    const printed = await printedBy(
      async ({ print }, address) => {
        const { Pool } = require('./lib/pool');
        process.on('uncaughtException', ({ message }, origin) => print(message, origin));
        const pool = new Pool({ size: 1, ROVING_INTERVAL: 10, servers: { a: address } });
        for (const event of ['keep', 'drop']) {
          pool.on(event, (slot) => {
            print(event, slot);
            throw new Error(`thrown for ${event}`);
          });
        }
        await new Promise((resolve) => pool.prependListener('keep', (slot) => slot === 5 && resolve()));
        await pool.close();
        print('closed', pool.sockets.length);
      },
      server.address,
    );
    assert.deepEqual(printed, [
      ['keep', 20],
      ['thrown for keep', 'uncaughtException'],
      ['drop', 20],
      ['keep', 5],
      ['thrown for drop', 'uncaughtException'],
      ['thrown for keep', 'uncaughtException'],
      ['drop', 5],
      ['thrown for drop', 'uncaughtException'],
      ['closed', 0],
    ]);
  });
});

describe('a function of the app that throws', () => {
  it('as retire has the connection closed all the same (rows 51 and 57)', async () => {
    const server = await slotServer();
    const printed = await printedBy(
      async ({ print }, address) => {
        const { Pool } = require('./lib/pool');
        process.on('uncaughtException', ({ message }, origin) => print(message, origin));
        const retire = () => {
          throw new Error('retire');
        };
        const pool = new Pool({ size: 1, retire, servers: { a: address } });
        pool.on('drop', (slot, { destroyed }) => print('drop', destroyed));
        (await pool.acquire()).release();
        await pool.close();
      },
      server.address,
    );
    assert.deepEqual(printed, [['drop', true], ['retire', 'uncaughtException']]);
  });

  it('as onLent leaves the connection to whoever is next (row 54)', async () => {
    const server = await slotServer();
    const printed = await printedBy(
      async ({ print }, address) => {
        const { Pool } = require('./lib/pool');
        process.on('uncaughtException', ({ message }, origin) => print(message, origin));
        const pool = new Pool({ size: 1, servers: { a: address } });
        const first = await pool.acquire();
        first.release(() => {
          throw new Error('onLent');
        });
        const second = await pool.acquire();
        print(second.socket === first.socket, pool.lent);
        second.release();
        print(pool.lent);
        await pool.close();
      },
      server.address,
    );
    assert.deepEqual(printed, [[true, 1], 0, ['onLent', 'uncaughtException']]);
  });
});

describe('a listener of drop', () => {
  it('that closes other connections hears of each once (row 51)', async () => {
    const server = await slotServer();
    const pool = makePool({ size: 3, servers: { a: server.address } });
    await full(pool);
    const [first, ...leases] = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
    first.release();
    const dropped = [];
    pool.on('drop', (slot, socket) => {
      dropped.push(socket);
      for (const lease of leases) lease.destroy();
    });
    const { sockets } = pool;
    await pool.close();
    assert.deepEqual(new Set(dropped), new Set(sockets));
    assert.equal(dropped.length, 3);
  });

  it('at a swap hears of no connection that keep has not told of (row 51)', async () => {
    const server = await serverGiving([20, 5]);
    const pool = makePool({ size: 1, ROVING_INTERVAL: 10, servers: { a: server.address } });
    const events = [];
    pool.on('keep', (slot) => events.push(`keep ${slot}`));
    pool.on('drop', (slot) => {
      events.push(`drop ${slot}`);
      if (slot === 20) pool.tryAcquire()?.destroy();
    });
    await once(pool, 'drop');
    await pool.close();
    assert.deepEqual(events, ['keep 20', 'drop 20', 'keep 5', 'drop 5']);
  });
});
