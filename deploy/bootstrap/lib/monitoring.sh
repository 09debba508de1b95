# Prometheus and Grafana, which run where MONITORING=1 asks for them. Sourced.
# Asked for once they stay, as the profile is kept in .env, where plain compose commands find it too;
# MONITORING=0 takes them away.

need log settings registry-mode compose containers

MONITORING_PROFILE=

# choose_monitoring: once the mode is chosen.
choose_monitoring() {
  local wanted
  wanted=$(setting MONITORING "")
  case $wanted in
    1) ;;
    0) return 0 ;;
    '') [ -n "$(remembered COMPOSE_PROFILES)" ] || return 0 ;;
    *) fail "MONITORING is \"$wanted\". It is 1 for Prometheus and Grafana, or 0 for neither." ;;
  esac
  MONITORING_PROFILE=monitoring
  if [ "$MODE" = offline ]; then
    MONITORING_PROFILE=prometheus
    note "Offline there is Prometheus without Grafana, which no distribution has a package of."
  fi
}

has_grafana() {
  [ "$MONITORING_PROFILE" = monitoring ]
}

# Apart from the other images, as there may be no monitoring.
ensure_monitoring_images() {
  [ -n "$MONITORING_PROFILE" ] || return 0
  if has_grafana; then
    pull_images $(monitoring_images)
  else
    build_prometheus
  fi
}

# Prometheus alone, for the tests: its rules are tested with its own tools.
ensure_prometheus_image() {
  if [ "$MODE" = online ]; then
    pull_images "$(monitoring_images | grep prometheus)"
  else
    build_prometheus
  fi
}

monitoring_images() {
  images_in docker-compose.yml | grep -E "$MONITORING_IMAGES"
}

build_prometheus() {
  quietly retry 2 compose build prometheus \
    || fail "The Prometheus image could not be built; the builder's last words stand above." \
      "If they speak of a download, check this machine's network and run the command again."
}

# Also what an earlier `make up` started, when it is wanted no more.
remember_monitoring() {
  if [ -n "$MONITORING_PROFILE" ]; then
    remember COMPOSE_PROFILES "$MONITORING_PROFILE"
    return
  fi
  forget COMPOSE_PROFILES
  local service
  for service in prometheus grafana; do
    containers_of "$service" -a | xargs -r docker rm -f >/dev/null
  done
}

say_where_monitoring_is() {
  [ -n "$MONITORING_PROFILE" ] || return 0
  note "Prometheus    http://127.0.0.1:$(setting PROMETHEUS_PORT 9090)/consoles/runlet.html"
  ! has_grafana || note "Grafana       http://$1:$(setting GRAFANA_PORT 3000), user admin, password: make secret NAME=GRAFANA_ADMIN_PASSWORD"
}
