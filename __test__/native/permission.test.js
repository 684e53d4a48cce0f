'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');

const { printedBy } = require('../helpers/child.js');
const { skip } = require('../helpers/skip.js');

const FILE = path.resolve(__dirname, '../../lib/native/permission.js');
const hasNet = process.allowedNodeEnvironmentFlags.has('--allow-net');

/** The error of a process in which Node's permission model is as told; null where it may connect. */
async function netErrorOf({ permission, flags }) {
  const [error] = await printedBy(
    ({ print }, { file, flags, permission }) => {
      const value = permission && { has: (scope) => permission[scope] };
      Object.defineProperty(process, 'permission', { value });
      Object.defineProperty(process, 'allowedNodeEnvironmentFlags', { value: new Set(flags) });
      const error = require(file).netPermissionError();
      print(error === undefined ? null : { ...error, message: error.message });
    },
    { file: FILE, flags, permission },
  );
  return error;
}

describe('the permission to connect', () => {
  const denied = {
    code: 'ERR_ACCESS_DENIED',
    permission: 'Net',
    message: 'callosum-client-tcp-rover must not connect: start Node.js with --allow-net besides --permission',
  };

  it('is given where there is no permission model', async () => {
    assert.equal(await netErrorOf({ flags: ['--allow-net'] }), null);
  });

  it('is given by --allow-net, and missing without (row 36)', async () => {
    assert.equal(await netErrorOf({ flags: ['--allow-net'], permission: { net: true } }), null);
    assert.deepEqual(await netErrorOf({ flags: ['--allow-net'], permission: { net: false } }), denied);
  });

  it('is given on versions of Node.js that do not know it', async () => {
    assert.equal(await netErrorOf({ flags: [], permission: { net: false } }), null);
  });

  it('is what Node.js says under --permission (row 36)', async function () {
    if (!hasNet) return skip(this, 'this Node.js has no --allow-net');
    const codeUnder = (flags) => {
      const nodeArgs = ['--permission', '--allow-fs-read=*', '--allow-addons', ...flags];
      const body = ({ print }, file) => print(require(file).netPermissionError()?.code ?? null);
      return printedBy(body, FILE, { nodeArgs, env: { NODE_NO_WARNINGS: '1' } });
    };
    assert.deepEqual(await codeUnder(['--allow-net']), [null]);
    assert.deepEqual(await codeUnder([]), ['ERR_ACCESS_DENIED']);
  });
});
