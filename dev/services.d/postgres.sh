# shellcheck shell=bash disable=SC2154 # data is the caller's
# One PostgreSQL server.

postgres_packages() { echo postgresql postgresql-client openssl; }

postgres_bin() { find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -1; }

postgres_url() { echo "postgres://dffmpeg:$(cat "$1/secret")@127.0.0.1:$(cat "$1/port")/dffmpeg"; }

postgres_sql() {
  PGPASSWORD=$(cat "$1/secret") psql -qAt -h 127.0.0.1 -p "$(cat "$1/port")" -U dffmpeg -d "$2" -c "$3"
}

postgres_start() {
  local dir=$1 bin
  bin=$(postgres_bin)
  keep "$dir/port" free_port
  keep "$dir/secret" random_secret
  if ! alive "$dir"; then
    if [[ ! -f $dir/data/PG_VERSION ]]; then
      own postgres "$dir"
      (as postgres "$dir" "$bin/initdb" -D "$dir/data" -U dffmpeg -A scram-sha-256 --pwfile="$dir/secret" --encoding=UTF8 --locale=C.UTF-8)
      # A server reads its key only if nobody else can.
      cp "$data/tls/server.key" "$dir/data/server.key"
      if [[ $EUID == 0 ]]; then chown postgres: "$dir/data/server.key"; fi
      chmod 600 "$dir/data/server.key"
    fi
    # Those of a server that was killed. It is dead, but its number may still be
    # in the table of processes, or be another's.
    rm -f "$dir/data/postmaster.pid" "$dir"/data/.s.PGSQL.*.lock
    [[ $dir != *-crash ]] || small_disk postgres "$dir/small" 16M
    launch "$dir" postgres "$bin/postgres" -D "$dir/data" -p "$(cat "$dir/port")" -k "$dir/data" -c listen_addresses=127.0.0.1 \
      -c max_connections=400 -c shared_buffers=64MB -c ssl=on -c ssl_ca_file="$data/tls/ca.pem" \
      -c ssl_cert_file="$data/tls/server.pem" -c ssl_key_file="$dir/data/server.key"
  fi
  wait_until 60 "$dir" postgres_sql "$dir" postgres "SELECT 1"
  [[ -n $(postgres_sql "$dir" postgres "SELECT 1 FROM pg_database WHERE datname = 'dffmpeg'") ]] ||
    postgres_sql "$dir" postgres "CREATE DATABASE dffmpeg"
  [[ $dir == *-crash ]] || return 0
  [[ -n $(postgres_sql "$dir" postgres "SELECT 1 FROM pg_tablespace WHERE spcname = 'small'") ]] ||
    postgres_sql "$dir" postgres "CREATE TABLESPACE small LOCATION '$dir/small'"
  [[ -n $(postgres_sql "$dir" postgres "SELECT 1 FROM pg_database WHERE datname = 'small'") ]] ||
    postgres_sql "$dir" postgres "CREATE DATABASE small TABLESPACE small"
}
