# shellcheck shell=bash disable=SC2154 # data is the caller's
# One MariaDB server, or three that are a Galera cluster.

mariadb_packages() { echo mariadb-server mariadb-client openssl; }

mariadb_url() { echo "mysql://dffmpeg:$(cat "$1/secret")@127.0.0.1:$(cat "$1/port")/dffmpeg"; }

# mariadb_prepare DIR makes an empty database.
mariadb_prepare() {
  local dir=$1
  keep "$dir/port" free_port
  keep "$dir/secret" random_secret
  [[ ! -d $dir/data/mysql ]] || return 0
  own mysql "$dir"
  (as mysql "$dir" mariadb-install-db --no-defaults --datadir="$dir/data" --auth-root-authentication-method=normal --skip-test-db --skip-log-bin)
}

# mariadb_launch DIR OPTION… starts a server; commits are on the disk, as the
# tests that kill servers expect.
mariadb_launch() {
  local dir=$1
  shift
  launch "$dir" mysql mariadbd --no-defaults --datadir="$dir/data" --port="$(cat "$dir/port")" --bind-address=127.0.0.1 \
    --socket="$dir/data/socket" --pid-file="$dir/data/pid" --innodb-buffer-pool-size=64M --innodb-log-file-size=32M \
    --innodb-flush-log-at-trx-commit=1 --performance-schema=OFF --max-connections=400 --skip-name-resolve \
    --ssl-ca="$data/tls/ca.pem" --ssl-cert="$data/tls/server.pem" --ssl-key="$data/tls/server.key" "$@"
}

mariadb_sql() { mariadb --no-defaults --socket="$1/data/socket" --user=root --batch --skip-column-names --execute="$2"; }

mariadb_user() {
  mariadb_sql "$1" "CREATE DATABASE IF NOT EXISTS dffmpeg;
    CREATE USER IF NOT EXISTS dffmpeg@'127.0.0.1' IDENTIFIED BY '$(cat "$1/secret")';
    GRANT ALL ON *.* TO dffmpeg@'127.0.0.1' WITH GRANT OPTION"
}

mariadb_start() {
  local dir=$1
  if ! alive "$dir"; then
    mariadb_prepare "$dir"
    # A database is a directory.
    [[ $dir != *-crash ]] || small_disk mysql "$dir/data/small" 12M
    mariadb_launch "$dir"
  fi
  wait_until 60 "$dir" mariadb_sql "$dir" "SELECT 1"
  mariadb_user "$dir"
}
