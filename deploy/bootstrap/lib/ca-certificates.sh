# The CAs this host trusts, for builds behind a proxy that signs with its own. Sourced.

HOST_CA_COPY=deploy/ca-certificates/host.crt

copy_host_ca_bundle() {
  local bundle
  for bundle in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    if [ -n "$bundle" ] && [ -s "$bundle" ]; then
      # Left alone when it is the same: a new date would spoil the builder's cache.
      cmp -s "$bundle" "$HOST_CA_COPY" || install -m 644 "$bundle" "$HOST_CA_COPY"
      return
    fi
  done
}
