#!/usr/bin/env bash
# Formatting, lint and types, as `make test` checks them first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/need.sh
need log python

ensure_venv
step "Checking format, lint and types"
.venv/bin/ruff format --check --quiet .
.venv/bin/ruff check --quiet .
.venv/bin/mypy --strict shared services clients/python tests benchmarks deploy/monitoring \
  deploy/bootstrap/demo.py deploy/secrets/stack_secrets.py deploy/service/gunicorn.conf.py
