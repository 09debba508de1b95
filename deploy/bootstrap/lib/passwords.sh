# The passwords of PostgreSQL and RabbitMQ: what the settings say holds, also where a data volume was
# made with others. Sourced.

SERVER_PASSWORDS=(POSTGRES_PASSWORD SESSION_DB_PASSWORD EXECUTION_DB_PASSWORD COLLECTOR_DB_PASSWORD RABBITMQ_PASSWORD)

ensure_passwords() {
  local name
  for name in "${SERVER_PASSWORDS[@]}"; do
    ensure_secret "$name"
  done
}

# For commands that make no container: compose wants every password, and .env may be gone.
do_without_passwords() {
  local name
  for name in "${SERVER_PASSWORDS[@]}"; do
    [ -n "$(setting "$name" "")" ] || export "$name=not-known"
  done
}

# New volumes take the passwords from the environment. What is in others is reached without one, by
# the servers' own sockets: an .env that was lost, or an older Runlet's passwords, lock nobody out.
fit_passwords() {
  [ -n "$(docker volume ls -q --filter "label=com.docker.compose.project=$PROJECT")" ] || return 0
  quietly compose up -d postgres rabbitmq || explain_failure
  wait_for_service postgres
  wait_for_service rabbitmq
  fit_postgres || fail "PostgreSQL did not take the passwords; its reason stands above."
  rabbitmq_takes_its_password || fit_rabbitmq \
    || fail "RabbitMQ did not take its password; its reason stands above."
}

fit_postgres() {
  docker exec -i "$(container_of postgres)" psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 \
    --username=postgres --dbname=postgres <deploy/postgres/passwords.sql
}

# rabbitmqctl would take seconds of CPU to tell.
rabbitmq_takes_its_password() {
  # shellcheck disable=SC2016 # the container's shell fills these in
  docker exec "$(container_of rabbitmq)" bash -c '
    exec 3<>/dev/tcp/127.0.0.1/15672
    login=$(printf %s "$RABBITMQ_DEFAULT_USER:$RABBITMQ_DEFAULT_PASS" | base64 -w0)
    printf "GET /api/whoami HTTP/1.0\r\nAuthorization: Basic %s\r\n\r\n" "$login" >&3
    read -r answer <&3
    [[ $answer == *" 200 "* ]]' 2>/dev/null
}

fit_rabbitmq() {
  # shellcheck disable=SC2016 # the container's shell fills these in
  quietly docker exec "$(container_of rabbitmq)" bash -c \
    'printf "%s\n" "$RABBITMQ_DEFAULT_PASS" | rabbitmqctl --quiet change_password "$RABBITMQ_DEFAULT_USER"'
}

container_of() {
  docker ps -q --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$1"
}

wait_for_service() {
  local deadline=$((SECONDS + HEALTH_TIMEOUT_SECONDS)) container
  until container=$(container_of "$1") && [ -n "$container" ] && passes_its_check "$container"; do
    [ "$SECONDS" -lt "$deadline" ] || explain_failure
    sleep 0.5
  done
}
