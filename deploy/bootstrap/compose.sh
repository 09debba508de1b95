#!/usr/bin/env bash
# compose.sh ARGUMENT...: the compose command on the stack that `make up` made.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/need.sh
need log compose

find_compose || fail "There is no compose command here; make up installs one."
choose_remembered_stack
compose "$@"
