#!/usr/bin/env bash
# Every test, against a stack of its own: other names and ports than a running `make up`, same images.
# PYTEST_ARGS is handed to pytest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/all.sh
source deploy/bootstrap/lib/sandboxes.sh

PROJECT=runlet-test-$$
ENV_FILE=$PWD/.runlet/$PROJECT.env
STARTED=

main() {
  deploy/bootstrap/lint.sh
  ensure_engine
  ensure_compose
  choose_mode
  trap tear_down EXIT
  write_env_file
  choose_stack "${STACK_FILES[@]}" tests/compose.test.yml
  STARTED=yes
  ensure_images
  start_stack
  run_pytest
}

# An env file instead of .env: the settings of the developer's own stack must not reach the tests.
write_env_file() {
  local gateway session execution postgres rabbitmq management
  read -r gateway session execution postgres rabbitmq management < <(free_ports 6)
  mkdir -p .runlet
  cat >"$ENV_FILE" <<EOF
GATEWAY_PORT=$gateway
SESSION_API_PORT=$session
EXECUTION_API_PORT=$execution
TEST_POSTGRES_PORT=$postgres
TEST_RABBITMQ_PORT=$rabbitmq
TEST_RABBITMQ_MANAGEMENT_PORT=$management
POSTGRES_PASSWORD=test-postgres
RABBITMQ_PASSWORD=test-rabbitmq
RATE_LIMIT_RUNS_PER_MINUTE=0
EOF
  set -a
  # shellcheck source=/dev/null
  source "$ENV_FILE"
  set +a
}

# free_ports COUNT: all held at once, so that no two are the same.
free_ports() {
  .venv/bin/python - "$1" <<'EOF'
import socket
import sys

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in sockets))
EOF
}

run_pytest() {
  local -a arguments=()
  # xargs takes quotes as a shell would: PYTEST_ARGS='-k "this or that"'.
  [ -z "${PYTEST_ARGS:-}" ] || mapfile -t arguments < <(xargs -n1 printf '%s\n' <<<"$PYTEST_ARGS")
  export RUNLET_TEST_GATEWAY_URL=http://127.0.0.1:$GATEWAY_PORT
  export RUNLET_TEST_SESSION_API_URL=http://127.0.0.1:$SESSION_API_PORT
  export RUNLET_TEST_EXECUTION_API_URL=http://127.0.0.1:$EXECUTION_API_PORT
  export RUNLET_TEST_POSTGRES_URL=postgresql+psycopg2://postgres:$POSTGRES_PASSWORD@127.0.0.1:$TEST_POSTGRES_PORT/postgres
  export RUNLET_TEST_AMQP_URL=amqp://runlet:$RABBITMQ_PASSWORD@127.0.0.1:$TEST_RABBITMQ_PORT/
  export RUNLET_TEST_RABBITMQ_MANAGEMENT_URL=http://runlet:$RABBITMQ_PASSWORD@127.0.0.1:$TEST_RABBITMQ_MANAGEMENT_PORT
  RUNLET_TEST_COMPOSE=$(printf '%q ' "${COMPOSE[@]}" "${STACK[@]}")
  export RUNLET_TEST_COMPOSE
  step "Running the tests"
  .venv/bin/python -m pytest "${arguments[@]}"
}

tear_down() {
  local status=$?
  trap - EXIT
  stop_children
  if [ -n "$STARTED" ]; then
    [ "$status" = 0 ] || show_logs "$status"
    step "Taking the tests' stack down"
    quietly compose down -v --remove-orphans -t 20 || status=$((status ? status : 1))
    remove_orphaned_sandboxes
  fi
  rm -f "$ENV_FILE"
  exit "$status"
}

# A signal that met only this script would leave pytest behind.
stop_children() {
  local children=
  read -r children 2>/dev/null <"/proc/$$/task/$$/children" || true
  # shellcheck disable=SC2086 # a list of process ids
  [ -z "$children" ] || kill $children 2>/dev/null || true
}

show_logs() {
  step "The end of the services' logs, as something failed (exit code $1; what failed stands above)"
  compose logs --no-color --tail 40 session-api execution-api execution-relay runner result-collector gateway || true
}

main
