#!/bin/sh
# The container's entry point: gives the data folder to an unprivileged user, switches to that user, runs the service.
#
# It starts as root only because platforms such as Fly.io mount volumes owned by root; started as another user, it stays that user.
set -eu

app=$(dirname "$(dirname "$(readlink -f "$0")")")
user=${APP_USER:-deno}
data=${DATA_DIR:-/data}

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$data"
  # Only once: the service's later files already belong to that user.
  [ "$(stat -c %U "$data")" = "$user" ] || chown -R "$user" "$data"
  exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --no-new-privs "$0" "$@"
fi

# Caches go to the volume: the user has no home folder, and the next start is faster.
export HOME="$data" DENO_DIR="$data/.deno"
cd "$app"
# Uses exactly the packages of the lock file; downloads nothing.
# The limits of heap and allocator are those of `deno task start` (docs/decisions/0013-memory.md).
export MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=262144 MALLOC_TRIM_THRESHOLD_=1048576
exec deno run --v8-flags=--max-old-space-size=768,--max-semi-space-size=8,--no-parallel-scavenge --cached-only --frozen --no-prompt \
  --allow-net --allow-read --allow-write --allow-env --allow-run --allow-sys \
  src/main.ts "$@"
