'use strict';

// What a rover is made of. It is loaded with the first rover and not by `require`, which takes half the time so. Not
// later either: see lib/builtins.js.

/** @type {ReturnType<typeof load> | undefined} */
let loaded;

/** Returns the parts. The first call loads them. */
function parts() {
  return (loaded ??= load());
}

function load() {
  return {
    ...require('./abort'),
    ...require('./dial'),
    ...require('./diagnostics'),
    ...require('./environment'),
    ...require('./options'),
    ...require('./outcomes'),
    ...require('./roving'),
    ...require('./state'),
    ...require('./stats'),
  };
}

module.exports = { parts };
