#!/usr/bin/env bash
# Builds a real Temporal server and the `temporal` command into .cache/temporal/bin, from the Go
# module proxy. What is there with the right version is not built again. Called by
# `make servers WHICH=temporal`; the server is then started by tools/temporal_server/run.py.
set -euo pipefail
cd "$(dirname "$0")/.."

SERVER=go.temporal.io/server
SERVER_VERSION=v1.31.2
# The newest release of the command that `go install` can build: later ones carry replace lines.
# Its `server start-dev` is server 1.29.1.
CLI=github.com/temporalio/cli
CLI_VERSION=v1.5.1
BIN="$PWD/.cache/temporal/bin"

if ! command -v go >/dev/null; then
  echo "Go is needed to build the real Temporal server, and there is no \`go\` here." >&2
  echo "Install Go 1.26 or later, put its bin folder into PATH, and run this again." >&2
  exit 1
fi

# install MODULE VERSION PACKAGE BINARY
install() {
  if go version -m "$BIN/$4" 2>/dev/null | grep -q "^[[:space:]]*mod[[:space:]]$1[[:space:]]$2[[:space:]]"; then
    echo "$4: $1 $2 is there"
    return
  fi
  echo "$4: building $1 $2 (3 to 12 minutes on two cores)"
  GOBIN="$BIN" nice -n 10 go install "$1/$3@$2"
}

mkdir -p "$BIN"
install "$SERVER" "$SERVER_VERSION" cmd/server server
install "$CLI" "$CLI_VERSION" cmd/temporal temporal

cat <<EOF

Start the server on a database file (it takes the flags of \`temporal server start-dev\`):
    .venv/bin/python tools/temporal_server/run.py --port 7233 --db-filename temporal.db
Talk to it:
    .cache/temporal/bin/temporal workflow list
EOF
