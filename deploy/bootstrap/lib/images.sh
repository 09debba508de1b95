# Runlet's images, built when what goes into them changed. Sourced.
# The stamp holds a hash of the inputs and the id of each image: it cannot speak for an image that is
# gone or was replaced.

need log settings ca-certificates base-image registry-mode compose

IMAGE_STAMP=.runlet/images

ensure_images() {
  local inputs
  copy_host_ca_bundle
  if [ "$MODE" = online ]; then pull_official_images; else ensure_base_image; fi
  inputs=$(hash_of_inputs)
  if [ -f "$IMAGE_STAMP" ] && [ "$(image_stamp "$inputs")" = "$(cat "$IMAGE_STAMP")" ]; then
    return
  fi
  build_images
  build_language_images
  mkdir -p "$(dirname "$IMAGE_STAMP")"
  image_stamp "$inputs" >"$IMAGE_STAMP"
}

hash_of_inputs() {
  {
    find shared services deploy/service deploy/runtimes deploy/ca-certificates deploy/offline \
      "${STACK_FILES[@]}" \
      -type f -not -name '*.pyc' -not -path '*_cache/*' -exec sha256sum {} + | LC_ALL=C sort
    image_id "$BASE_IMAGE"
    image_id "$(official_base)"
    printf '%s\n' "$MODE" "$(setting LANGUAGES "")"
  } | sha256sum
}

image_stamp() {
  local image
  printf '%s\n' "$1"
  images_in "${STACK_FILES[@]}" | grep '^runlet/' | grep -v '^runlet/prometheus:' | while read -r image; do
    printf '%s %s\n' "$image" "$(image_id "$image")"
  done
}

# image_id NAME: empty when there is none.
image_id() {
  docker image inspect --format '{{.Id}}' "$1" 2>/dev/null || true
}

build_images() {
  step "Building Runlet's images (minutes the first time, seconds later)"
  # Without buildx the old builder is all there is, and it warns about itself at every image.
  docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
  quietly retry 2 compose build \
    || fail "An image could not be built; the builder's last words stand above." \
      "If they speak of a download, check this machine's network and run the command again."
}

# Apart from `up`, so that its progress can be seen.
build_language_images() {
  step "Building the language images (minutes the first time, seconds later)"
  compose run --rm --no-deps -T runtimes \
    || fail "A language image could not be built; the reason stands above." \
      "If it is a download, check this machine's network and run the command again."
}
