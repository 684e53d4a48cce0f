'use strict';

/** What the user of a command has got wrong: told in one line, with exit code 2. */
class UsageError extends Error {}

module.exports = { UsageError };
