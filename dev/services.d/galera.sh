# shellcheck shell=bash
# Three MariaDB servers that are a Galera cluster, on one machine.

galera_packages() { echo mariadb-server mariadb-client galera-4 rsync openssl iproute2 lsof; }

galera_url() { echo "$(mariadb_url "$1/1"),$(mariadb_url "$1/2"),$(mariadb_url "$1/3")"; }

# galera_launch DIR N OPTION… starts node N.
galera_launch() {
  local dir=$1 n=$2
  shift 2
  mariadb_launch "$dir/$n" --wsrep-on=ON --wsrep-provider=/usr/lib/galera/libgalera_smm.so --binlog-format=ROW \
    --innodb-autoinc-lock-mode=2 --wsrep-cluster-name=tests --wsrep-node-name="node$n" --wsrep-node-address=127.0.0.1 \
    --wsrep-sst-method=rsync --wsrep-sst-receive-address="127.0.0.1:$(cat "$dir/$n/sst.port")" \
    --wsrep-provider-options="base_host=127.0.0.1;base_port=$(cat "$dir/$n/group.port");gmcast.listen_addr=tcp://127.0.0.1:$(cat "$dir/$n/group.port");ist.recv_addr=127.0.0.1:$(cat "$dir/$n/ist.port");gcache.size=32M" \
    "$@"
}

galera_synced() { [[ $(mariadb_sql "$1" "SHOW STATUS LIKE 'wsrep_local_state_comment'") == *Synced ]]; }

galera_start() {
  local dir=$1 n port
  for n in 1 2 3; do
    mkdir -p "$dir/$n"
    [[ $n == 1 ]] || cp "$dir/1/secret" "$dir/$n/secret"
    mariadb_prepare "$dir/$n"
    for port in group ist sst; do keep "$dir/$n/$port.port" free_port; done
  done
  local nodes
  nodes="gcomm://127.0.0.1:$(cat "$dir/1/group.port"),127.0.0.1:$(cat "$dir/2/group.port"),127.0.0.1:$(cat "$dir/3/group.port")"
  if ! alive "$dir/1" && ! alive "$dir/2" && ! alive "$dir/3"; then
    [[ ! -f $dir/1/data/grastate.dat ]] || sed -i 's/^safe_to_bootstrap:.*/safe_to_bootstrap: 1/' "$dir/1/data/grastate.dat"
    galera_launch "$dir" 1 --wsrep-cluster-address="$nodes" --wsrep-new-cluster
    wait_until 60 "$dir/1" galera_synced "$dir/1"
  fi
  mariadb_user "$dir/1"
  for n in 1 2 3; do
    alive "$dir/$n" || galera_launch "$dir" "$n" --wsrep-cluster-address="$nodes"
    wait_until 90 "$dir/$n" galera_synced "$dir/$n"
  done
}
