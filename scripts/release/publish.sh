#!/bin/sh
# Publishes the tarballs in target/packages: those of the platforms first, so that whoever gets this package
# gets its binary too. What is published already is left out, so that a publication that broke off can be
# run again. Arguments go to `npm publish`:
#
#     scripts/release/publish.sh --dry-run
#
# With NPM_TOKEN in the environment npm logs in with that; without it, by the identity of the workflow.
set -eu
cd "$(dirname "$0")/../../target/packages"

if [ -n "${NPM_TOKEN:-}" ]; then
  registry=$(npm config get registry)
  # Not its value: npm reads it from the environment.
  npm config set --location user "${registry#https:}:_authToken" '${NPM_TOKEN}'
fi

field() { tar -xOzf "$1" package/package.json | node -p "JSON.parse(fs.readFileSync(0, 'utf8')).$2"; }

for tarball in callosum-client-tcp-rover-[a-z]*.tgz callosum-client-tcp-rover-[0-9]*.tgz; do
  [ -f "$tarball" ] || continue # a pattern that matches none
  version=$(field "$tarball" version)
  package=$(field "$tarball" name)@$version
  case $version in *-*) tag=next ;; *) tag=latest ;; esac
  if [ -n "$(npm view "$package" version 2>/dev/null)" ]; then
    echo "$package is published already"
  else
    npm publish "./$tarball" --tag "$tag" "$@"
  fi
done
