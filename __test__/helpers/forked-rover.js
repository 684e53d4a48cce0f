'use strict';

// The main module of a child that worker.test.js forks: is told what the parent has open and where to
// rove, tells which of it is open here as well, and which slot it got.

const ClientRover = require('../../index.js');

const { openDescriptors } = require('./footprint.js');

process.once('message', ({ server, descriptors }) => {
  const inherited = openDescriptors().filter((target) => descriptors.includes(target));
  const rover = new ClientRover({ servers: { server } });
  rover.on('connection', (slot, socket) => {
    socket.destroy();
    process.send({ inherited, slot }, () => process.disconnect());
  });
  rover.connect();
});
