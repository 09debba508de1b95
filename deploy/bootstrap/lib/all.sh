# What every command of Runlet needs, in the order in which the parts need each other. Sourced.
for part in say settings packages engine ca-certificates base-image mode compose images monitoring health passwords; do
  # shellcheck source=/dev/null
  source "deploy/bootstrap/lib/$part.sh"
done
unset part
