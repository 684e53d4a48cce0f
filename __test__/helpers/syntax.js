'use strict';

const vm = require('node:vm');

/** The reason to skip a test where `parsesUsing` says no. */
const NO_USING = 'this version of Node.js has no `using` declarations';

/** Whether this version of Node.js has `using` declarations: 24 and later. */
function parsesUsing() {
  try {
    return Boolean(new vm.Script('{ using nothing = null; }'));
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

module.exports = { NO_USING, parsesUsing };
