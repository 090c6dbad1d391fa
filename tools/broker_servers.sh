#!/usr/bin/env bash
# Installs Redis, RabbitMQ and Chromium from Debian's packages, for tests that start servers of their
# own on loopback and look at the web UI: `make servers`. No service of the system is started. What is there already is left alone.
set -euo pipefail

missing=()
command -v redis-server >/dev/null || missing+=(redis-server)
command -v redis-sentinel >/dev/null || missing+=(redis-sentinel)
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing+=(rabbitmq-server)
command -v chromium >/dev/null || missing+=(chromium)
if ((${#missing[@]} == 0)); then
  echo "Redis, RabbitMQ and Chromium are installed"
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "apt-get is not here: install ${missing[*]} as this system does" >&2
  exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)

# Packages ask this file whether a service may start; 101 says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
echo "apt-get install ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
