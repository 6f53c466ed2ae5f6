# shellcheck shell=bash
# Message brokers: RabbitMQ, Mosquitto and NATS, each with a user and a password.

rabbitmq_packages() { echo rabbitmq-server; }
rabbitmq_url() { echo "amqp://dffmpeg:$(cat "$1/secret")@127.0.0.1:$(cat "$1/port")/"; }

# rabbitmq_ctl DIR COMMAND… talks to our node.
rabbitmq_ctl() {
  local dir=$1
  shift
  (as rabbitmq "$dir" env RABBITMQ_NODENAME="dffmpeg$(cat "$dir/port")@localhost" \
    ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$(cat "$dir/epmd.port")" /usr/lib/rabbitmq/bin/rabbitmqctl "$@")
}

rabbitmq_start() {
  local dir=$1
  keep "$dir/port" free_port
  keep "$dir/epmd.port" free_port
  keep "$dir/dist.port" free_port
  keep "$dir/secret" random_secret
  if ! alive "$dir"; then
    cat >"$dir/rabbitmq.conf" <<END
listeners.tcp.1 = 127.0.0.1:$(cat "$dir/port")
default_user = dffmpeg
default_pass = $(cat "$dir/secret")
log.file = false
log.console = true
END
    launch "$dir" rabbitmq env RABBITMQ_NODENAME="dffmpeg$(cat "$dir/port")@localhost" RABBITMQ_CONFIG_FILE="$dir/rabbitmq.conf" \
      RABBITMQ_MNESIA_BASE="$dir/data" RABBITMQ_LOG_BASE="$dir/data" RABBITMQ_ENABLED_PLUGINS_FILE="$dir/data/plugins" \
      RABBITMQ_DIST_PORT="$(cat "$dir/dist.port")" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$(cat "$dir/epmd.port")" \
      RABBITMQ_PID_FILE="$dir/data/pid" /usr/lib/rabbitmq/bin/rabbitmq-server
  fi
  wait_until 90 "$dir" rabbitmq_ctl "$dir" await_startup --timeout 5
}

# rabbitmq_down ends the name server that Erlang has started beside the node. That
# refuses until it has noticed that the node is gone.
rabbitmq_down() {
  [[ -s $1/epmd.port ]] || return 0
  local -x ERL_EPMD_PORT
  ERL_EPMD_PORT=$(cat "$1/epmd.port")
  local deadline=$((SECONDS + 10))
  while epmd -names >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "Erlang's name server at port $ERL_EPMD_PORT does not end"
    epmd -kill >/dev/null 2>&1 || sleep 0.1
  done
}

mosquitto_packages() { echo mosquitto mosquitto-clients; }
mosquitto_url() { echo "mqtt://dffmpeg:$(cat "$1/secret")@127.0.0.1:$(cat "$1/port")/"; }

mosquitto_start() {
  local dir=$1
  keep "$dir/port" free_port
  keep "$dir/secret" random_secret
  if ! alive "$dir"; then
    own mosquitto "$dir"
    mosquitto_passwd -b -c "$dir/data/users" dffmpeg "$(cat "$dir/secret")"
    if [[ $EUID == 0 ]]; then chown mosquitto: "$dir/data/users"; fi
    cat >"$dir/mosquitto.conf" <<END
listener $(cat "$dir/port") 127.0.0.1
allow_anonymous false
password_file $dir/data/users
persistence true
persistence_location $dir/data/
# After each change: one that is killed saves nothing.
autosave_on_changes true
autosave_interval 1
log_dest stderr
END
    launch "$dir" mosquitto mosquitto -c "$dir/mosquitto.conf"
  fi
  wait_until 30 "$dir" mosquitto_pub -h 127.0.0.1 -p "$(cat "$dir/port")" -u dffmpeg -P "$(cat "$dir/secret")" -t started -n
}

nats_packages() { echo nats-server; }
nats_url() { echo "nats://dffmpeg:$(cat "$1/secret")@127.0.0.1:$(cat "$1/port")"; }

nats_answers() { timeout 2 bash -c "exec 3<>/dev/tcp/127.0.0.1/$1 && read -r line <&3 && [[ \$line == INFO* ]]"; }

nats_start() {
  local dir=$1
  keep "$dir/port" free_port
  keep "$dir/secret" random_secret
  if ! alive "$dir"; then
    cat >"$dir/nats.conf" <<END
listen: "127.0.0.1:$(cat "$dir/port")"
authorization { user: dffmpeg, password: "$(cat "$dir/secret")" }
jetstream { store_dir: "$dir/data" }
END
    launch "$dir" nats nats-server -c "$dir/nats.conf"
  fi
  wait_until 30 "$dir" nats_answers "$(cat "$dir/port")"
}
