# shellcheck shell=bash disable=SC2154 # data is the caller's
# An authority of our own, a certificate for the servers and one for clients.

tls_files() {
  local dir=$data/tls
  [[ ! -s $dir/client.pem ]] || return 0
  mkdir -p "$dir"
  {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=test-authority \
      -keyout "$dir/ca.key" -out "$dir/ca.pem" -addext basicConstraints=critical,CA:TRUE
    local name
    for name in server client; do
      openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=dffmpeg-$name" \
        -keyout "$dir/$name.key" -out "$dir/$name.csr"
      openssl x509 -req -in "$dir/$name.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 30 -out "$dir/$name.pem" \
        -extfile <(echo "subjectAltName=IP:127.0.0.1,DNS:localhost")
    done
  } >"$dir/log" 2>&1
  # The servers' accounts read these, tests the client's.
  chmod 644 "$dir"/*.key
}

# random_secret prints a password.
random_secret() { head -c 18 /dev/urandom | base64 | tr -d '+/='; }
