# A stack for tests and measurements: own project, own ports, same images as `make up`. Sourced.
# PROJECT names it.

need log settings registry-mode compose images health python sandboxes

TEST_STACK_STARTED=
# Chosen here, because the tests call the servers by themselves.
SERVER_PASSWORDS=(POSTGRES_PASSWORD SESSION_DB_PASSWORD EXECUTION_DB_PASSWORD COLLECTOR_DB_PASSWORD RABBITMQ_PASSWORD)

start_test_stack() {
  ENV_FILE=$PWD/.runlet/$PROJECT.env
  write_env_file
  choose_stack "${STACK_FILES[@]}" tests/compose.test.yml
  TEST_STACK_STARTED=yes
  ensure_images
  start_stack
}

# Gives 1 when something could not be removed.
tear_down_test_stack() {
  local status=0
  if [ -n "$TEST_STACK_STARTED" ]; then
    step "Taking the stack down"
    quietly compose down -v --remove-orphans -t 20 || status=1
    remove_orphaned_sandboxes
  fi
  [ -z "$ENV_FILE" ] || rm -f "$ENV_FILE"
  return "$status"
}

# An env file instead of .env: the settings of the developer's own stack must not reach the tests.
write_env_file() {
  local gateway session execution postgres rabbitmq management prometheus
  read -r gateway session execution postgres rabbitmq management prometheus < <(free_ports 7)
  mkdir -p .runlet
  install -m 600 /dev/null "$ENV_FILE"
  cat >"$ENV_FILE" <<EOF
GATEWAY_PORT=$gateway
SESSION_API_PORT=$session
EXECUTION_API_PORT=$execution
TEST_POSTGRES_PORT=$postgres
TEST_RABBITMQ_PORT=$rabbitmq
TEST_RABBITMQ_MANAGEMENT_PORT=$management
PROMETHEUS_PORT=$prometheus
COMPOSE_PROFILES=
$(for name in "${SERVER_PASSWORDS[@]}"; do printf '%s=%s\n' "$name" "$(random_password)"; done)
RATE_LIMIT_RUNS_PER_MINUTE=0
RATE_LIMIT_USER_RUNS_PER_MINUTE=0
API_TOKENS=
API_TOKENS_FILE=
CALLBACK_ALLOWED_HOSTS=callback-receiver:8090!private
CALLBACK_SECRET=test-callback-secret
EOF
  set -a
  # shellcheck source=/dev/null
  source "$ENV_FILE"
  set +a
}

random_password() {
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
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
