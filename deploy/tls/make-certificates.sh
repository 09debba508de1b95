#!/usr/bin/env bash
# make-certificates.sh FOLDER NAME...: an authority, and a certificate for RabbitMQ under the names and
# addresses by which runners on other machines reach it. FOLDER is then good as RABBITMQ_TLS_DIR.
# Called again, it issues the server's certificate anew with the authority that is there.
set -euo pipefail

DAYS_OF_AUTHORITY=3650
DAYS_OF_SERVER=825
# RabbitMQ's user in its container.
SERVER_USER=999
NEW_KEY=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

main() {
  if [ $# -lt 2 ]; then
    printf 'Usage: %s FOLDER NAME...\nNAME is a host name or an IP address of the broker.\n' "$0" >&2
    exit 2
  fi
  local folder=$1
  shift
  umask 077
  mkdir -p "$folder"
  [ -f "$folder/ca-key.pem" ] || make_authority "$folder"
  issue_server "$folder" "$(alternatives "$@")"
  chmod 755 "$folder"
  chmod 644 "$folder/ca.pem" "$folder/server.pem"
  chown "$SERVER_USER" "$folder/server-key.pem" 2>/dev/null || chmod 644 "$folder/server-key.pem"
  printf '%s\n' "$folder/ca.pem is what runners trust: AMQP_CA_FILE." \
    "$folder/ca-key.pem can issue certificates for any name: keep it elsewhere."
}

make_authority() {
  quietly openssl req -x509 "${NEW_KEY[@]}" -days "$DAYS_OF_AUTHORITY" -subj "/CN=Runlet broker authority" \
    -keyout "$1/ca-key.pem" -out "$1/ca.pem"
}

issue_server() {
  local request
  request=$(mktemp)
  quietly openssl req -new "${NEW_KEY[@]}" -subj "/CN=Runlet broker" -keyout "$1/server-key.pem" -out "$request"
  quietly openssl x509 -req -in "$request" -days "$DAYS_OF_SERVER" -CA "$1/ca.pem" -CAkey "$1/ca-key.pem" \
    -set_serial "0x$(openssl rand -hex 16)" -extfile <(printf 'subjectAltName=%s\n' "$2") -out "$1/server.pem"
  rm -f "$request"
}

# alternatives NAME...: as certificates write them.
alternatives() {
  local name list=
  for name in "$@"; do
    if [[ $name =~ ^[0-9.]+$ || $name == *:* ]]; then list+=,IP:$name; else list+=,DNS:$name; fi
  done
  printf '%s' "${list#,}"
}

quietly() {
  local said
  said=$("$@" 2>&1) || { printf '%s\n' "$said" >&2; exit 1; }
}

main "$@"
