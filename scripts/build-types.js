'use strict';

// Writes the declarations of the package and of its subpaths: what the TypeScript compiler makes of a module and its
// JSDoc, and what JSDoc cannot express: the typed events, and that the `new` of a rover may be left out. With `--check`
// it only says whether they are stale.

const { execFileSync } = require('node:child_process');
const { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const ROOT = join(__dirname, '..');

/**
 * By file of declarations: the module that they are of, with the one that has its types where that is another; its
 * emitter with the type of its events, and the classes that apps may name, but not construct.
 */
const MODULES = {
  'index.d.ts': { generate: ofRover, source: 'client-rover', typedefs: 'types' },
  'dns.d.ts': { generate: ofSubpath, source: 'dns/index', emitter: 'Follower', events: 'FollowerEvents', types: ['Follower'] },
  'http.d.ts': {
    generate: ofFiles,
    source: 'http/index',
    files: ['http/agent', 'http/connector'],
    imports: `import http = require('node:http');
import https = require('node:https');
import { Pool } from './pool.js';
`,
    hidden: ['ClientRequest', 'Lease', 'Pool', 'Waiting'],
  },
  'pool.d.ts': {
    generate: ofFiles,
    source: 'pool/index',
    files: ['pool/lease', 'pool/pool'],
    imports: `import EventEmitter = require('node:events');
import ClientRover = require('./index.js');
`,
    hidden: ['PooledConnection'],
    emitter: 'Pool',
    events: 'PoolEvents',
    types: ['Lease'],
  },
  'server.d.ts': { generate: ofSubpath, source: 'server/index', types: ['Slots'] },
};

/** The events that every emitter has or can have, such as `errorMonitor`. */
const ANY_EMITTERS = "'newListener' | 'removeListener' | symbol";

const LISTENER_METHODS = [
  'addListener',
  'off',
  'on',
  'once',
  'prependListener',
  'prependOnceListener',
  'removeListener',
];

/** What the type of a rover depends on, as it is declared and as it is used. */
const PARAMETER = '<S extends ClientRover.Server = ClientRover.Server>';

/** The declarations that the compiler makes of modules of lib/. */
function compile(...names) {
  const folder = mkdtempSync(join(tmpdir(), 'types-'));
  try {
    const compiler = require.resolve('typescript/bin/tsc');
    const options = [
      ...['--allowJs', '--declaration', '--emitDeclarationOnly', '--skipLibCheck'],
      ...['--module', 'node16', '--target', 'es2022', '--lib', 'es2023,esnext.disposable'],
      ...['--types', 'node', '--outDir', folder],
    ];
    const sources = names.map((name) => join(ROOT, 'lib', `${name}.js`));
    execFileSync(process.execPath, [compiler, ...sources, ...options, '--rootDir', join(ROOT, 'lib')], {
      cwd: ROOT,
      stdio: 'inherit',
    });
    return names.map((name) => tidied(readFileSync(join(folder, `${name}.d.ts`), 'utf8')));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Without the JSDoc of types that the compiler repeats above the declarations it made of it, without `@type` tags,
 * which only repeat the types below them, and without a type argument that the compiler makes up: apps with older types
 * of Node have none to give.
 */
function tidied(declarations) {
  return declarations
    .replace(/^\/\*\*\n(?: \*.*\n)*? \* @typedef (?:.*\n)*?(?: \*.*\n)*? \*\/\n/gm, '')
    .replace(/^ +\*\n +\* @type .*\n/gm, '')
    .replace(/extends EventEmitter<.*?>/, 'extends EventEmitter');
}

/** @param {string} [parameter] Of the emitter's type, without its constraint. */
function listenerMethods(emitter, events, parameter = '') {
  const methods = LISTENER_METHODS.map(
    (name) => `    ${name}<E extends keyof ${events}>(
        event: E,
        listener: (this: ${emitter}${parameter}, ...args: ${events}${parameter}[E]) => void,
    ): this;
    ${name}(event: ${ANY_EMITTERS}, listener: (...args: any[]) => void): this;`,
  );
  return `${methods.join('\n')}
    emit<E extends keyof ${events}>(event: E, ...args: ${events}${parameter}[E]): boolean;
    emit(event: ${ANY_EMITTERS}, ...args: any[]): boolean;
`;
}

/** The types, which have a module of their own, become those of a namespace that is called as the class is. */
function ofRover({ source, typedefs }) {
  const [rover, types] = compile(source, typedefs);
  const members = types
    .replaceAll('import("./client-rover")<', 'ClientRover<')
    .replace(/^export type/gm, 'type')
    .trim()
    .replace(/^(?=.)/gm, '    ');
  return `import EventEmitter = require('node:events');
${rover.replace(/^import .*\n/gm, '').replace(/import\(["']\.\/types["']\)\./g, 'ClientRover.')}/**
 * The same without \`new\`, as constructors could be called in 2013.
 */
declare function ClientRover${PARAMETER}(options?: ClientRover.Options<NoInfer<S>> | null): ClientRover<S>;
declare namespace ClientRover {
${members}
}
interface ClientRover${PARAMETER} {
${listenerMethods('ClientRover', 'ClientRover.Events', '<S>')}}
`;
}

function ofSubpath({ source, emitter, events, types = [] }) {
  return [
    ...compile(source),
    emitter === undefined ? '' : `interface ${emitter} {\n${listenerMethods(emitter, events)}}\n`,
    ...types.map((name) => `export type { ${name} };\n`),
  ].join('');
}

/**
 * Of a subpath whose types are in several files. They import each other, which becomes one file; what they import from
 * elsewhere is named by `imports`, and what apps have no use for by `hidden`.
 */
function ofFiles({ files, imports, hidden, emitter, events, types = [] }) {
  const withoutImports = compile(...files).map((declarations) => {
    return declarations.replace(/^import .*\n/gm, '').replace(/^\/\*\* @typedef .*\n/gm, '');
  });
  const visible = hidden.reduce((declarations, name) => {
    return declarations.replace(new RegExp(`^(/\\*\\*\\n( \\*.*\\n)+? \\*/\\n)?export type ${name} = ([^{].*\\n|\\{\\n(.*\\n)*?\\};\\n)`, 'gm'), '');
  }, withoutImports.join(''));
  const exported = types.reduce((declarations, name) => {
    const [declaration] = new RegExp(`^export class ${name} (.*\\n)*?\\}\\n`, 'm').exec(declarations);
    const inner = declaration
      .replace('export class', 'declare class')
      .replace(/^ {4}\/\*\*\n(?: {5}\*.*\n)+? {5}\*\/\n {4}constructor\([^]*?\);\n/m, '    private constructor();\n');
    return declarations.replace(declaration, `${inner}export type { ${name} };\n`);
  }, visible);
  const listeners = emitter === undefined ? '' : `export interface ${emitter} {\n${listenerMethods(emitter, events)}}\n`;
  return imports + exported + listeners;
}

function declarationsOf({ generate, ...module }) {
  return [
    // TypeScript 6 and later load no types by themselves, and what they do not find is `any`.
    '/// <reference types="node" />\n',
    `// Generated by \`npm run build:types\` from lib/${module.source}.js. Do not edit.\n`,
    generate(module),
  ].join('');
}

for (const [file, module] of Object.entries(MODULES)) {
  const target = join(ROOT, file);
  const generated = declarationsOf(module);
  if (!process.argv.includes('--check')) {
    writeFileSync(target, generated);
  } else if (!existsSync(target) || readFileSync(target, 'utf8') !== generated) {
    console.error(`${file} is stale: run \`npm run build:types\` and commit it.`);
    process.exitCode = 1;
  }
}
