'use strict';

const vm = require('node:vm');

/** Whether this version of Node.js has `using` declarations: 24 and later. */
function parsesUsing() {
  try {
    return Boolean(new vm.Script('{ using nothing = null; }'));
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

module.exports = { parsesUsing };
