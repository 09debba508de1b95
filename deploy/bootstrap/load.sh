#!/usr/bin/env bash
# Lets 200 clients type and 20 run on a stack of its own, and writes docs/load/. LOAD_SECONDS sets
# for how long.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/all.sh
source deploy/bootstrap/lib/own-stack.sh

measure() {
  step "Loading the stack (three minutes; let the machine do nothing else)"
  .venv/bin/python -m benchmarks.load
}

on_own_stack measure
