'use strict';

// What scripts/test-bundlers.js runs the recipes of docs/bundling.md with.

/**
 * @typedef {object} Bundler
 * @property {Record<string, string>} packages that the recipe needs, with their versions
 * @property {[name: 'node' | 'bun', version: string]} [runtime] that it runs on, and the app too, if it is not the
 *   one of this process
 * @property {string[]} starts what starts the app, in its folder
 */

const ESBUILD = { esbuild: '0.28.2' };
const SINGLE_EXECUTABLE = { packages: { ...ESBUILD, postject: '1.0.0-alpha.6' }, starts: ['./app'] };

/**
 * By the heading of the recipe.
 *
 * @type {Record<string, Bundler>}
 */
const BUNDLERS = {
  '@vercel/nft': { packages: { '@vercel/nft': '1.11.5' }, starts: ['node', 'app.js'] },
  ncc: { packages: { '@vercel/ncc': '0.45.0' }, starts: ['node', 'index.js'] },
  esbuild: { packages: ESBUILD, starts: ['node', 'app.js'] },
  'esbuild, external': { packages: ESBUILD, starts: ['node', 'app.js'] },
  webpack: { packages: { 'node-loader': '2.1.0', webpack: '5.113.0', 'webpack-cli': '7.3.1' }, starts: ['node', 'app.js'] },
  rollup: {
    packages: { '@rollup/plugin-commonjs': '29.0.3', '@rollup/plugin-node-resolve': '16.0.3', rollup: '4.68.8' },
    starts: ['node', 'app.js'],
  },
  vite: { packages: { vite: '8.3.8' }, starts: ['node', 'app.mjs'] },
  'bun build': { packages: {}, runtime: ['bun', '1.4.5'], starts: ['bun', 'app.js'] },
  'bun build --compile': { packages: {}, runtime: ['bun', '1.4.5'], starts: ['./app'] },
  'Node.js 22, single executable': { ...SINGLE_EXECUTABLE, runtime: ['node', '22'] },
  'Node.js 24, single executable': { ...SINGLE_EXECUTABLE, runtime: ['node', '24'] },
};

module.exports = { BUNDLERS };
