'use strict';

/** gRPC for the comparison: from the npm registry, kept in target/. */

const { createRequire } = require('node:module');
const { existsSync } = require('node:fs');
const path = require('node:path');

const { ROOT } = require('../../scripts/packing.js');
const { installInto } = require('../../scripts/runtimes.js');

const NAME = '@grpc/grpc-js';
const VERSION = '1.14.7';
const FOLDER = path.join(ROOT, 'target', `grpc-${VERSION}`);

const bytes = { serialize: (value) => value, deserialize: (value) => value };

/** One unary call, of bytes: a request and an answer as long as those of HTTP. */
const SERVICE = {
  ask: {
    path: '/Service/Ask',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes.serialize,
    requestDeserialize: bytes.deserialize,
    responseSerialize: bytes.serialize,
    responseDeserialize: bytes.deserialize,
  },
};

function install() {
  if (!existsSync(path.join(FOLDER, 'node_modules', NAME))) installInto(FOLDER, [`${NAME}@${VERSION}`]);
}

function load() {
  return createRequire(path.join(FOLDER, 'index.js'))(NAME);
}

module.exports = { SERVICE, VERSION, install, load };
