# Settings: the environment first, then .env, then a default. Sourced.
# Of .env Runlet owns COMPOSE_PROJECT_NAME, COMPOSE_FILE, COMPOSE_PROFILES and the secrets it made; the
# other lines are the user's.

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

MADE_SECRET_PREFIX=runlet-

# What a setting needs beside it that nobody has to know: made once, kept in .env.
ensure_secrets() {
  ensure_passwords
  # Where callers show tokens the APIs do so too.
  if [ -n "$(setting API_TOKENS "")$(setting API_TOKENS_FILE "")" ]; then
    ensure_secret SERVICE_TOKEN
    # Prometheus is a caller too, and needs no more than the APIs' /metrics.
    ensure_secret METRICS_TOKEN
  fi
  ! has_grafana || ensure_secret GRAFANA_ADMIN_PASSWORD
  # Receivers of callbacks check their signatures with it.
  [ -z "$(setting CALLBACK_ALLOWED_HOSTS "")" ] || ensure_secret CALLBACK_SECRET
}

ensure_secret() {
  [ -z "$(setting "$1" "")" ] || return 0
  remember "$1" "$(random_secret)"
  chmod 600 .env
}

random_secret() {
  printf '%s%s' "$MADE_SECRET_PREFIX" "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')"
}

# Not those that the user wrote there.
forget_secrets() {
  local name
  for name in SERVICE_TOKEN CALLBACK_SECRET METRICS_TOKEN GRAFANA_ADMIN_PASSWORD "${SERVER_PASSWORDS[@]}"; do
    [[ ! $(remembered "$name") =~ ^$MADE_SECRET_PREFIX[0-9a-f]{64}$ ]] || forget "$name"
  done
}
