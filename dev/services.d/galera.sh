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
  local nodes living=0
  nodes="gcomm://127.0.0.1:$(cat "$dir/1/group.port"),127.0.0.1:$(cat "$dir/2/group.port"),127.0.0.1:$(cat "$dir/3/group.port")"
  for n in 1 2 3; do
    if alive "$dir/$n"; then living=$((living + 1)); fi
  done
  # One that is left of three accepts nothing, and takes nobody in.
  if ((living < 2)); then
    stop "$(basename "$dir")"
    galera_bootstrap "$dir" "$nodes"
  fi
  for n in 1 2 3; do
    alive "$dir/$n" || galera_launch "$dir" "$n" --wsrep-cluster-address="$nodes"
    wait_until 90 "$dir/$n" galera_synced "$dir/$n"
  done
}

# galera_bootstrap DIR NODES starts the node that has committed most, as the
# first of the cluster.
galera_bootstrap() {
  local dir=$1 nodes=$2 n position first=1 state='' most=-2
  for n in 1 2 3; do
    [[ -f $dir/$n/data/grastate.dat ]] || continue
    position=$(galera_position "$dir/$n")
    if ((${position##*:} > most)); then
      first=$n state=$position most=${position##*:}
    fi
  done
  local options=(--wsrep-cluster-address="$nodes" --wsrep-new-cluster)
  if [[ $state ]]; then
    sed -i 's/^safe_to_bootstrap:.*/safe_to_bootstrap: 1/' "$dir/$first/data/grastate.dat"
    options+=(--wsrep-start-position="$state")
  fi
  galera_launch "$dir" "$first" "${options[@]}"
  wait_until 60 "$dir/$first" galera_synced "$dir/$first"
  mariadb_user "$dir/$first"
}

# galera_position DIR prints the last transaction that a node, which does not
# run, has on its disk.
galera_position() {
  local log=$1/recover.log position
  (as mysql "$1" mariadbd --no-defaults --datadir="$1/data" --socket="$1/data/socket" --pid-file="$1/data/pid" \
    --innodb-log-file-size=32M --wsrep-on=ON --wsrep-provider=/usr/lib/galera/libgalera_smm.so --binlog-format=ROW \
    --innodb-autoinc-lock-mode=2 --wsrep-cluster-address=gcomm:// --wsrep-recover) >"$log" 2>&1 || true
  position=$(sed -n 's/.*WSREP: Recovered position: *//p' "$log" | tail -n 1)
  [[ $position ]] || {
    tail "$log" >&2
    return 1
  }
  echo "$position"
}
