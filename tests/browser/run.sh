#!/usr/bin/env bash
# Tests the page of isotach web in Debian's Chromium. Ends with "N passed, N failed".
#
#   ISOTACH=build/isotach tests/browser/run.sh [WORDS]
#
# With WORDS only tests whose names hold them.
#
# ISOTACH_WEB_MODULES is the folder whose node_modules has playwright-core; by default the one that
# the build of $ISOTACH made. CHROMIUM names another browser.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ISOTACH=$(realpath "${ISOTACH:-$here/../../build/isotach}")
ISOTACH_WEB_MODULES=${ISOTACH_WEB_MODULES:-$(dirname "$ISOTACH")/web}
CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
export ISOTACH ISOTACH_WEB_MODULES CHROMIUM
for needed in "$ISOTACH" "$CHROMIUM" "$ISOTACH_WEB_MODULES/node_modules/playwright-core"; do
  if [[ ! -e $needed ]]; then
    echo "tests/browser: $needed is missing" >&2
    echo "0 passed, 1 failed"
    exit 1
  fi
done
# An interrupted run must leave no process that still holds memory.
trap 'trap - TERM; kill -- -$$ 2>/dev/null || true' INT TERM
node "$here/page.mjs" "$@"
