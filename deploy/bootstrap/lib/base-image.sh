# runlet/base:bookworm, a Debian base for machines that cannot pull one. Sourced.

need log packages ca-certificates

BASE_IMAGE=runlet/base:bookworm
DEBIAN_RELEASE=bookworm

ensure_base_image() {
  if docker image inspect "$BASE_IMAGE" >/dev/null 2>&1; then
    return
  fi
  if [ "$(id -u)" != 0 ]; then
    fail "No image can be pulled here, and making a base image of Debian's packages needs root." \
      "Run make up as root, or give this machine a way to a registry, or load $BASE_IMAGE with docker load."
  fi
  command -v debootstrap >/dev/null || install_packages debootstrap debian-archive-keyring
  step "Making a Debian base image, as none can be pulled (about a minute)"
  (make_base_image)
}

# In a subshell, so that its trap and folder are its own.
make_base_image() {
  local mirror security root
  mirror=${RUNLET_DEBIAN_MIRROR:-$(host_mirror "")}
  security=$(host_mirror -security)
  root=$(mktemp -d -p /var/tmp runlet-base.XXXXXX)
  # shellcheck disable=SC2064 # the folder's name is wanted as it is now
  trap "rm -rf '$root'" EXIT
  retry 2 bootstrap_into "$root" "$mirror" \
    || fail "debootstrap could not make a Debian base. Its last words stand above." \
      "Set RUNLET_DEBIAN_MIRROR to a Debian mirror that this machine reaches, and try again."
  write_sources "$root" "$mirror" "$security"
  finish_root "$root"
  tar --numeric-owner -C "$root" -c . \
    | docker import --change 'CMD ["bash"]' --change 'ENV LANG=C.UTF-8' --change 'LABEL runlet.image=base' - "$BASE_IMAGE" >/dev/null
}

bootstrap_into() {
  local log
  log=$(debootstrap --variant=minbase --include=ca-certificates "$DEBIAN_RELEASE" "$1" ${2:+"$2"} 2>&1) \
    || { printf '%s\n' "$log" | tail -n 15 >&2; return 1; }
}

# host_mirror SUFFIX: where this host, if it is Debian, takes its own release's packages from.
host_mirror() {
  local id codename
  id=$(. /etc/os-release && printf '%s' "${ID:-}")
  codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
  [ "$id" = debian ] || return 0
  # shellcheck disable=SC2016 # apt fills these in
  apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' \
    | sed -nE "s#^$codename$1 main (https?://.*)#\1#p" | head -n 1
}

# The mirror debootstrap chose stands in the file it wrote.
write_sources() {
  local mirror=$2 security=$3
  local list=$1/etc/apt/sources.list
  [ -n "$mirror" ] || mirror=$(sed -nE 's#^deb ([^ ]+) .*#\1#p' "$list" | head -n 1)
  printf 'deb %s %s main\n' "$mirror" "$DEBIAN_RELEASE" "$mirror" "$DEBIAN_RELEASE-updates" >"$list"
  [ -z "$security" ] || printf 'deb %s %s main\n' "$security" "$DEBIAN_RELEASE-security" >>"$list"
}

# What the official slim image does as well: no services started by installing, no caches, no manuals.
finish_root() {
  local root=$1
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  printf 'path-exclude /usr/share/%s/*\n' doc man info locale >"$root/etc/dpkg/dpkg.cfg.d/runlet"
  printf 'path-include /usr/share/doc/*/copyright\n' >>"$root/etc/dpkg/dpkg.cfg.d/runlet"
  printf '%s\n' 'Acquire::Languages "none";' 'Acquire::Retries "3";' \
    'Binary::apt::APT::Keep-Downloaded-Packages "false";' >"$root/etc/apt/apt.conf.d/runlet"
  if [ -s "$HOST_CA_COPY" ]; then
    cp "$HOST_CA_COPY" "$root/usr/local/share/ca-certificates/host.crt"
    chroot "$root" update-ca-certificates >/dev/null 2>&1
  fi
  find "$root/usr/share/doc" -type f ! -name copyright -delete
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{man,info,locale}/* \
    "$root"/var/log/*.log "$root"/etc/{hostname,resolv.conf}
}
