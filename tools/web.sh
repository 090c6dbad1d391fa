#!/usr/bin/env bash
# Builds the web UI (`build`), or checks types and that the built files which are committed are those
# of the source (`check`): `make proto WEB=build`. npm brings exactly what web/package-lock.json says.
set -euo pipefail
cd "$(dirname "$0")/../web"
built=../src/polyrhythm/transports/http/ui

npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
npm run --silent check
if [ "${1:-build}" = build ]; then
  npm run --silent build
  exit 0
fi
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
npm run --silent build -- --outDir "$fresh" --emptyOutDir
diff -r "$fresh" "$built" || { echo "the UI is not built from its source: make proto WEB=build" >&2; exit 1; }
