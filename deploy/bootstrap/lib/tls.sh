# RabbitMQ's TLS listener, for runners on other machines. Sourced.

need log settings registry-mode ports

TLS_FILES=(ca.pem server.pem server-key.pem)

# Where RABBITMQ_TLS_DIR is set, the stack has deploy/tls/compose.tls.yml on top.
choose_tls() {
  local folder file
  folder=$(setting RABBITMQ_TLS_DIR "")
  [ -n "$folder" ] || return 0
  [[ $folder == /* || $folder == ./* ]] \
    || fail "RABBITMQ_TLS_DIR is \"$folder\". Write it as an absolute path, or begin it with ./"
  for file in "${TLS_FILES[@]}"; do
    [ -f "$folder/$file" ] || fail "RABBITMQ_TLS_DIR is $folder, but there is no file $file in it." \
      "It holds the authority's certificate (ca.pem), and the server's with its key (server.pem, server-key.pem)."
  done
  is_readable_to_server "$folder/server-key.pem" \
    || fail "RabbitMQ's user cannot read $folder/server-key.pem. Make it its own: chown 999 $folder/server-key.pem"
  check_port RABBITMQ_TLS_PORT 5671 rabbitmq "RabbitMQ's TLS listener"
  STACK_FILES+=(deploy/tls/compose.tls.yml)
}

# is_readable_to_server FILE: by user 999, as whom RabbitMQ runs, or by everybody.
is_readable_to_server() {
  [ -n "$(find -L "$1" \( -uid 999 -perm -400 -o -gid 999 -perm -040 -o -perm -004 \))" ]
}
