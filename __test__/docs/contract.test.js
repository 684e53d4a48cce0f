'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const ROOT = path.resolve(__dirname, '../..');
const TESTS = path.join(ROOT, '__test__');

/** The numbers of the rows of docs/contract.md, in its order. */
function rowsOfContract() {
  const page = fs.readFileSync(path.join(ROOT, 'docs/contract.md'), 'utf8');
  return Array.from(page.matchAll(/^\*\*(\d+)\.\*\* /gm), ([, number]) => Number(number));
}

/** The numbers of rows that a text cites: `(row 1)`, `(rows 1 and 2)`, `(rows 1, 2 and 3)`, at the end of a title. */
function citedIn(text) {
  const citations = text.matchAll(/\(rows? (\d+(?:(?:, | and )\d+)*)\)['"`]/g);
  return Array.from(citations, ([, numbers]) => numbers.match(/\d+/g).map(Number)).flat();
}

/** The test files but this one. `readdir` is recursive in later versions of Node.js only. */
function testFiles(folder = TESTS) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return testFiles(file);
    return file.endsWith('.test.js') && file !== __filename ? [file] : [];
  });
}

/** The numbers of rows that the titles of the tests cite, and the file of each. */
function citations() {
  return testFiles().flatMap((file) => citedIn(fs.readFileSync(file, 'utf8')).map((row) => ({ file, row })));
}

describe('docs/contract.md', () => {
  const rows = rowsOfContract();
  const cited = citations();
  const isCited = (row) => cited.some((citation) => citation.row === row);

  it('has rows in ascending order, each once', () => {
    assert.ok(rows.length > 50, `${rows}`);
    assert.deepEqual(rows, [...new Set(rows)].sort((one, other) => one - other));
  });

  it('has each row cited by the title of a test', () => {
    assert.deepEqual(rows.filter((row) => !isCited(row)), []);
  });

  it('has every row that a title cites', () => {
    assert.deepEqual(cited.filter(({ row }) => !rows.includes(row)), []);
  });
});

describe('a citation in the title of a test', () => {
  for (const [title, expected] of [
    ["it('does (row 3)', () => {", [3]],
    ['it(`does ${it} (rows 3 and 14)`, () => {', [3, 14]],
    ['it("does (rows 3, 9, 13 and 30)", () => {', [3, 9, 13, 30]],
    ['// As in row 3, and (row 4) says so.', []],
  ]) {
    it(`names the rows ${JSON.stringify(expected)} in: ${title}`, () => {
      assert.deepEqual(citedIn(title), expected);
    });
  }
});
