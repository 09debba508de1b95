# Online or offline: whether images can be pulled. Sourced.
# Once a stack was made offline it stays so, because its RabbitMQ keeps its data in another volume;
# RUNLET_OFFLINE=0 or make clean takes it back.

need log settings

MODE=
STACK_FILES=()
# Which are pulled only where there is monitoring.
MONITORING_IMAGES='^(prom|grafana)/'

choose_mode() {
  MODE=online
  case ${RUNLET_OFFLINE:-} in
    1) MODE=offline ;;
    0) ;;
    *) is_offline && MODE=offline ;;
  esac
  STACK_FILES=(docker-compose.yml)
  if [ "$MODE" = offline ]; then
    STACK_FILES+=(docker-compose.offline.yml)
    note "Offline: all images are made here, from Debian's packages."
  fi
}

is_offline() {
  case $(remembered COMPOSE_FILE) in
    *offline*) return 0 ;;
  esac
  [ -n "$(missing_official_images)" ] || return 1
  ! timeout 8 docker manifest inspect "$(official_base)" >/dev/null 2>&1
}

official_base() {
  sed -n 's/^ARG BASE_IMAGE=//p' deploy/service/Dockerfile
}

# Those of the stack itself: see monitoring.sh for the others.
missing_official_images() {
  missing_images "$(official_base)" $(images_in docker-compose.yml | grep -vE "^runlet/|$MONITORING_IMAGES")
}

# images_in FILE...
images_in() {
  sed -nE 's/^ +image: ([^ ]+)$/\1/p' "$@" | sort -u
}

missing_images() {
  local image
  for image in "$@"; do
    docker image inspect "$image" >/dev/null 2>&1 || printf '%s\n' "$image"
  done
}

pull_official_images() {
  pull_images $(missing_official_images)
}

pull_images() {
  local image
  for image in $(missing_images "$@"); do
    step "Pulling $image"
    retry 3 docker pull -q "$image" >/dev/null \
      || fail "$image could not be pulled; Docker's reason stands above." \
        "RUNLET_OFFLINE=1 make up does without pulled images (as root: it makes its own Debian base)."
  done
}
