#!/usr/bin/env bash
# Stops Runlet; the data stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/need.sh
need log engine compose sandboxes

if ! engine_answers; then
  fail "The Docker engine does not answer, so nothing of Runlet is running, or you may not use it."
fi
find_compose || fail "There is no compose command here; make up installs one."
choose_remembered_stack
compose down --remove-orphans
remove_orphaned_sandboxes
step "Runlet is down. Its data is kept: make up brings it back, make clean deletes it."
