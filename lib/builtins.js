'use strict';

// Node's modules that take as long to load as all the rest of this package: not at `require`, but with the first rover.
// Not later either: where a test of Jest has left a rover roving, `require` gives nothing any more.

/** @type {{ dns?: typeof import('node:dns'), net?: typeof import('node:net'), url?: typeof import('node:url') }} */
const loaded = {};

const builtins = {
  get dns() {
    return (loaded.dns ??= require('node:dns'));
  },
  get net() {
    return (loaded.net ??= require('node:net'));
  },
  get url() {
    return (loaded.url ??= require('node:url'));
  },
};

/** Loads them all. */
function loadBuiltins() {
  void [builtins.dns, builtins.net, builtins.url];
}

module.exports = { builtins, loadBuiltins };
