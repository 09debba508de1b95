#!/usr/bin/env bash
# Writes the documents that are made of the code.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/need.sh
need log python

SERVICES=services/session-api:services/execution-api:services/runner:services/result-collector

# write MODULE DOCUMENT
write() {
  PYTHONPATH=shared:tests:$SERVICES .venv/bin/python -m "$1" >"$2.new"
  mv "$2.new" "$2"
}

ensure_venv
step "Writing docs/settings.md and docs/metrics.md"
write support.documents.setting_docs docs/settings.md
write support.telemetry.metric_docs docs/metrics.md
