'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const { ALWAYS, ROOT, readManifest } = require('../../scripts/packing.js');

const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');

/** Where nothing is written by hand. */
const IGNORED = ['.git', 'node_modules', 'target'];

/** All pages of the repository. */
function pagesIn(folder = '') {
  return fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.posix.join(folder, entry.name);
    if (IGNORED.includes(entry.name)) return [];
    if (entry.isDirectory()) return pagesIn(file);
    return file.endsWith('.md') ? [file] : [];
  });
}

/** A page without its blocks of code, in which nothing is a heading or a link. */
const proseOf = (file) => read(file).replace(/^ *```.*?^ *```$/gms, '');

/** What GitHub calls the headings of a page. One that is there already gets a number. */
function anchorsOf(file) {
  const seen = new Map();
  return Array.from(proseOf(file).matchAll(/^#+ (.*)$/gm), ([, heading]) => {
    const anchor = heading.toLowerCase().replace(/[^\p{L}\p{N}_\s-]/gu, '').replaceAll(' ', '-');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}

const PAGES = pagesIn();

describe('the pages', () => {
  it('are found', () => {
    for (const page of ['README.md', 'CHANGELOG.md', 'docs/rover.md', 'bench/fleet/README.md']) assert.ok(PAGES.includes(page), page);
  });

  for (const page of PAGES) {
    it(`link to files that are there, and to headings of theirs: ${page}`, () => {
      const links = Array.from(proseOf(page).matchAll(/\]\(([^)]*)\)/g), ([, link]) => link);
      for (const link of links.filter((link) => !link.includes('://'))) {
        const [file, anchor] = link.split('#');
        const target = file === '' ? page : path.join(path.dirname(page), file);
        assert.ok(fs.existsSync(path.join(ROOT, target)), link);
        if (anchor !== undefined) assert.ok(anchorsOf(target).includes(anchor), link);
      }
    });
  }
});

/** What npm packs. */
const PACKED = [...ALWAYS, ...readManifest(ROOT).files];

const isPacked = (target) => PACKED.some((file) => target === file || target.startsWith(`${file}/`));

describe('the packed pages', () => {
  const pages = PAGES.filter(isPacked);

  it('are found', () => {
    for (const page of ['README.md', 'SECURITY.md', 'docs/rover.md', 'examples/README.md']) assert.ok(pages.includes(page), page);
  });

  for (const page of pages) {
    it(`show and link to nothing but what is packed: ${page}`, () => {
      const links = Array.from(proseOf(page).matchAll(/\]\(([^)#]+)/g), ([, link]) => link);
      const targets = links
        .filter((link) => !link.includes('://'))
        .map((link) => path.posix.join(path.posix.dirname(page), link));
      assert.deepEqual(targets.filter((target) => !isPacked(target)), []);
    });
  }
});

/** The pages of docs/ in the order of their index. */
const items = Array.from(read('docs/README.md').matchAll(/^(\d+)\. \[(.*?)\]\((.*?)\): ./gm), ([, number, title, file]) => ({
  number: Number(number),
  title,
  file,
}));

describe('docs/README.md', () => {
  it('has each page of docs/ once, in an order', () => {
    const files = fs.readdirSync(path.join(ROOT, 'docs')).filter((name) => name.endsWith('.md') && name !== 'README.md');
    assert.deepEqual(items.map(({ file }) => file).sort(), files.sort());
    assert.deepEqual(items.map(({ number }) => number), items.map((_, index) => index + 1));
  });

  for (const [index, { file }] of items.entries()) {
    it(`has the order of the links at the end of docs/${file}`, () => {
      const [before, after] = [items[index - 1], items[index + 1]];
      const links = [
        ...(before ? [`[← ${before.title}](${before.file})`] : []),
        '[All pages](README.md)',
        ...(after ? [`[${after.title} →](${after.file})`] : []),
      ];
      assert.equal(read(`docs/${file}`).split('\n---\n').at(-1), `\n${links.join(' · ')}\n`);
    });
  }
});

describe('the README', () => {
  it('links to each page of docs/, in the order of docs/README.md', () => {
    const [, section] = /^## Documentation\n(.*?)^## /ms.exec(read('README.md'));
    const pages = Array.from(section.matchAll(/\]\(docs\/(.*?)\)/g), ([, file]) => file);
    assert.deepEqual(pages, ['README.md', ...items.map(({ file }) => file)]);
  });

  it('has at most 250 lines', () => assert.ok(read('README.md').split('\n').length <= 250));
});
