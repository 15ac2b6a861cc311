#!/bin/sh
# The container's one entry point: gives the data folder to an ordinary user, becomes that user, becomes the service.
#
# It begins as root only because platforms mount volumes that belong to root (Fly.io does); started as anybody else it stays that.
set -eu

app=$(dirname "$(dirname "$(readlink -f "$0")")")
user=${APP_USER:-deno}
data=${DATA_DIR:-/data}

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$data"
  # Once: what the service writes later is that user's already.
  [ "$(stat -c %U "$data")" = "$user" ] || chown -R "$user" "$data"
  exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --no-new-privs "$0" "$@"
fi

# Caches go to the volume: the user has no home, and the next start is faster.
export HOME="$data" DENO_DIR="$data/.deno"
cd "$app"
# What the lock file says and nothing else; nothing is downloaded.
# The limits of heap and allocator are those of `deno task start` (docs/decisions/0013-memory.md).
export MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=262144 MALLOC_TRIM_THRESHOLD_=1048576
exec deno run --v8-flags=--max-old-space-size=768,--max-semi-space-size=8,--no-parallel-scavenge --cached-only --frozen --no-prompt \
  --allow-net --allow-read --allow-write --allow-env --allow-run --allow-sys \
  src/main.ts "$@"
