# Settings: the environment first, then .env, then a default. Sourced.
# Of .env Runlet owns COMPOSE_PROJECT_NAME, COMPOSE_FILE and COMPOSE_PROFILES; the other lines are the
# user's.

# ENV_FILE names another file for the settings than .env; Runlet's own lines are always in .env.

ENV_FILE=

# setting NAME DEFAULT
setting() {
  local value=${!1:-}
  [ -n "$value" ] || value=$(value_in "${ENV_FILE:-.env}" "$1")
  printf '%s' "${value:-$2}"
}

# remembered NAME: what .env says; nothing when it does not.
remembered() {
  value_in .env "$1"
}

# value_in FILE NAME: without its quotes.
value_in() {
  [ -f "$1" ] || return 0
  sed -nE "s/^$2=[\"']?([^\"']*)[\"']?[[:space:]]*\$/\1/p" "$1" | tail -n 1
}

# remember NAME VALUE
remember() {
  [ "$(remembered "$1")" != "$2" ] || return 0
  replace_dotenv "$(dotenv_without "$1")" "$1=$2"
}

# forget NAME: the file goes with its last line.
forget() {
  [ -f .env ] || return 0
  replace_dotenv "$(dotenv_without "$1")"
}

dotenv_without() {
  [ ! -f .env ] || sed "/^$1=/d" .env
}

# replace_dotenv PART...: readable to its owner only, because passwords may stand in it.
replace_dotenv() {
  local part new=.env.new
  (umask 077 && for part in "$@"; do [ -z "$part" ] || printf '%s\n' "$part"; done >"$new")
  if [ -s "$new" ]; then
    mv "$new" .env
  else
    rm -f "$new" .env
  fi
}

# What `make up` of Runlet 0.1 wrote there. What it finds there still wins, as if it were the user's.
OLD_SECRETS=(POSTGRES_PASSWORD SESSION_DB_PASSWORD EXECUTION_DB_PASSWORD COLLECTOR_DB_PASSWORD RABBITMQ_PASSWORD
  SERVICE_TOKEN METRICS_TOKEN CALLBACK_SECRET GRAFANA_ADMIN_PASSWORD)

# Not those that the user wrote there.
forget_old_secrets() {
  local name
  for name in "${OLD_SECRETS[@]}"; do
    [[ ! $(remembered "$name") =~ ^runlet-[0-9a-f]{64}$ ]] || forget "$name"
  done
}
