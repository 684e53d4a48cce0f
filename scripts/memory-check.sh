#!/bin/sh
# Runs the mocha suite with the addon under AddressSanitizer, and fails on memory errors, and on leaks
# of ours. Needs Linux, a nightly toolchain and gcc's libasan. Arguments go to mocha:
#
#     scripts/memory-check.sh [__test__/zoo/zoo.test.js …]
#
# The addon that is checked is built apart and found by lib/native/index.js through CALLOSUM_CLIENT_TCP_ROVER_BINARY:
# the normal one stays as it is.
set -eu
cd "$(dirname "$0")/.."

build=$PWD/target/asan
reports=$build/reports
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
runtime=$(gcc -print-file-name=libasan.so)

RUSTFLAGS='-Zsanitizer=address -Cforce-frame-pointers=yes' CARGO_TARGET_DIR=$build \
  cargo +nightly build --features failpoints --target "$host"
cp "$build/$host/debug/libcallosum_client_tcp_rover.so" "$build/rover.node"
rm -rf "$reports"
mkdir -p "$reports"

[ $# -gt 0 ] || set -- '__test__/**/*.test.js'
tests=passed
# Reports go to files, since children of the tests must say nothing on stderr and end with their own
# exit code: also sh and unshare, whose leaks are no concern of ours.
LD_PRELOAD=$runtime \
  CALLOSUM_CLIENT_TCP_ROVER_BINARY=$build/rover.node \
  ASAN_OPTIONS="log_path=$reports/asan:detect_leaks=1" \
  LSAN_OPTIONS='exitcode=0' \
  node node_modules/mocha/bin/mocha.js --no-config --timeout 120000 "$@" || tests=failed

errors=$(grep -rlE 'ERROR: AddressSanitizer' "$reports" || true)
# Each leak is a paragraph with the stack of its allocation, which is ours down to the first frame of
# Node. Two of napi-rs are not: wrappers, which are for JavaScript to let go, whose heap no checker knows;
# and wake-ups (24 bytes) that are queued for an environment when it goes down, which napi-rs forgets.
leaks=$(find "$reports" -type f -exec awk -v RS= -v FS='\n' '
  /leak of/ {
    ours = 0
    for (i = 2; i <= NF && $i !~ /\/node\+0x/; i++) {
      if ($i ~ /callback_info.*construct|call_threadsafe_function_with_data|napi_register_module_v1/) { ours = 0; break }
      if ($i ~ /callosum_client_tcp_rover/) ours = 1
    }
    if (ours) print FILENAME ":\n" $0 "\n"
  }
' {} +)
[ -z "$errors" ] || cat $errors
printf '%s\n' "$leaks"
echo "reports: $(find "$reports" -type f | wc -l), memory errors: $(echo "$errors" | grep -c . || true)," \
  "leaks of ours: $(printf '%s\n' "$leaks" | grep -c 'leak of' || true), tests: $tests"
[ -z "$errors$leaks" ] && [ "$tests" = passed ]
