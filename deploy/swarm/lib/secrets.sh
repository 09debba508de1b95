# Secrets of the swarm: made once, and never read back. Sourced.

DATA_SECRETS=(postgres-password session-db-password execution-db-password collector-db-password rabbitmq-user)
ADDRESS_SECRETS=(session-database-url execution-database-url collector-database-url amqp-url)

# ensure_engine_secrets: from the folder ENGINE_CERTIFICATES, with the names that Docker gives them.
ensure_engine_secrets() {
  local part file
  for part in ca cert key; do
    if has_secret "engine-$part"; then
      continue
    fi
    file=${ENGINE_CERTIFICATES:-}/$part.pem
    [ -r "$file" ] || fail "The swarm has no secret runlet-engine-$part yet, and there is no $file." \
      "Set ENGINE_CERTIFICATES to a folder with ca.pem, cert.pem and key.pem, which the engine of the runners trusts."
    make_secret "engine-$part" <"$file"
  done
}

# Passwords and the addresses that hold them, all or none: no half of a pair can be made again.
ensure_data_secrets() {
  local missing
  missing=$(missing_secrets "${DATA_SECRETS[@]}" "${ADDRESS_SECRETS[@]}")
  case $(wc -w <<<"$missing") in
    0) ;;
    $((${#DATA_SECRETS[@]} + ${#ADDRESS_SECRETS[@]}))) make_data_secrets ;;
    *) fail "Some of Runlet's secrets are in the swarm, but these are not: $missing." \
      "The others cannot be read back: remove them (docker secret ls) along with the volumes of PostgreSQL and RabbitMQ, or add those that are missing." ;;
  esac
}

require_address_secrets() {
  local missing
  missing=$(missing_secrets "${ADDRESS_SECRETS[@]}")
  [ -z "$missing" ] || fail "With EXTERNAL_DATA=1 these secrets have to be in the swarm, and are not: $missing." \
    "Create each with: printf %s ADDRESS | docker secret create runlet-NAME -"
}

make_data_secrets() {
  local broker
  make_secret postgres-password < <(random_password)
  make_database session session_api sessions
  make_database execution execution_api executions
  make_database collector result_collector executions
  broker=$(random_password)
  make_secret rabbitmq-user <<<"default_user = runlet
default_pass = $broker
default_vhost = runlet"
  make_secret amqp-url < <(printf %s "amqp://runlet:$broker@rabbitmq:5672/runlet")
}

# make_database PREFIX ROLE DATABASE
make_database() {
  local password
  password=$(random_password)
  make_secret "$1-db-password" < <(printf %s "$password")
  make_secret "$1-database-url" \
    < <(printf %s "postgresql+psycopg2://$2:$password@postgres:5432/$3")
}

random_password() {
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

missing_secrets() {
  local name
  for name in "$@"; do
    has_secret "$name" || printf 'runlet-%s ' "$name"
  done
}

has_secret() {
  docker secret inspect "runlet-$1" >/dev/null 2>&1
}

# make_secret NAME, with its content on standard input.
make_secret() {
  docker secret create "runlet-$1" - >/dev/null
}
