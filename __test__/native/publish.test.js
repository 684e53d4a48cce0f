'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const { temporaryDirectory } = require('../helpers/temporary.js');
const { ROOT } = require('../../scripts/packing.js');

const NAME = 'callosum-client-tcp-rover';
const OWNED = { repository: 'github:owner/name', bugs: 'https://example.org/bugs', homepage: 'https://example.org' };

/** In the place of npm: prints its arguments, and knows of no package that is published. */
const NPM = '#!/bin/sh\n[ "$1" = view ] || echo npm "$@"\n';

/** Runs publish.sh on tarballs with these manifests, in a folder of its own and with a npm that publishes nothing. */
function publish(manifests, ...args) {
  const pathOf = temporaryDirectory();
  for (const folder of ['scripts/release', 'target/packages', 'bin', 'package']) {
    fs.mkdirSync(pathOf(folder), { recursive: true });
  }
  fs.copyFileSync(path.join(ROOT, 'scripts/release/publish.sh'), pathOf('scripts/release/publish.sh'));
  fs.writeFileSync(pathOf('bin/npm'), NPM, { mode: 0o755 });
  for (const manifest of manifests) {
    const tarball = pathOf(`target/packages/${manifest.name}-${manifest.version}.tgz`);
    fs.writeFileSync(pathOf('package/package.json'), JSON.stringify(manifest));
    execFileSync('tar', ['-czf', tarball, '-C', pathOf('.'), 'package']);
  }
  const env = { ...process.env, PATH: `${pathOf('bin')}:${process.env.PATH}`, NPM_TOKEN: '' };
  const options = { env, encoding: 'utf8' };
  const { status, stdout, stderr } = spawnSync('sh', [pathOf('scripts/release/publish.sh'), ...args], options);
  return { status, stdout, stderr };
}

describe('release:publish', () => {
  const main = { name: NAME, version: '1.0.0', ...OWNED };
  const platform = { name: `${NAME}-linux-x64-gnu`, version: '1.0.0', ...OWNED };

  it('publishes the packages of the platforms first', () => {
    assert.deepEqual(publish([main, platform], '--dry-run'), {
      status: 0,
      stdout:
        `npm publish ./${NAME}-linux-x64-gnu-1.0.0.tgz --tag latest --dry-run\n` +
        `npm publish ./${NAME}-1.0.0.tgz --tag latest --dry-run\n`,
      stderr: '',
    });
  });

  it('gives a version with a hyphen the tag next', () => {
    const { stdout } = publish([{ ...main, version: '1.1.0-rc.1' }]);
    assert.equal(stdout, `npm publish ./${NAME}-1.1.0-rc.1.tgz --tag next\n`);
  });

  for (const missing of Object.keys(OWNED)) {
    for (const [which, incomplete] of Object.entries({ main, platform })) {
      it(`publishes nothing while the ${which} package has no ${missing}, and says whose that is to set`, () => {
        const without = { ...incomplete, [missing]: undefined };
        const manifests = [main, platform].map((manifest) => (manifest === incomplete ? without : manifest));
        assert.deepEqual(publish(manifests, '--dry-run'), {
          status: 1,
          stdout: '',
          stderr:
            `${incomplete.name}-1.0.0.tgz has no ${missing}: repository, bugs and homepage are the owner's to set, ` +
            'see RELEASING.md\n',
        });
      });
    }
  }
});
