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

# workers and clients print the names of the conformance suite's workers and clients, who
# have accounts of their own, with the least permissions (docs/operations.md).
workers() { printf 'worker%d\n' {0..199}; }
clients() { printf '%s\n' alice bob; }

# rabbitmq_definitions SECRET prints users and permissions.
rabbitmq_definitions() {
  local secret=$1 name users permissions topics
  users="{\"name\":\"dffmpeg\",\"password\":\"$secret\",\"tags\":\"administrator\"},{\"name\":\"coordinator\",\"password\":\"$secret\",\"tags\":\"\"}"
  permissions='{"user":"dffmpeg","vhost":"/","configure":".*","write":".*","read":".*"}'
  permissions+=',{"user":"coordinator","vhost":"/","configure":"^(dffmpeg\\.(workers|jobs|coordinators)|amq\\.gen-.*)$","write":"^(dffmpeg\\.(workers|jobs|coordinators)|amq\\.gen-.*)$","read":"^(dffmpeg\\.coordinators|amq\\.gen-.*)$"}'
  topics='{"user":"dffmpeg","vhost":"/","exchange":"","write":".*","read":".*"}'
  for name in $(workers); do
    users+=",{\"name\":\"$name\",\"password\":\"$secret\",\"tags\":\"\"}"
    permissions+=",{\"user\":\"$name\",\"vhost\":\"/\",\"configure\":\"^dffmpeg\\\\.worker\\\\.$name\$\",\"write\":\"^dffmpeg\\\\.worker\\\\.$name\$\",\"read\":\"^dffmpeg\\\\.(worker\\\\.$name|workers)\$\"}"
    topics+=",{\"user\":\"$name\",\"vhost\":\"/\",\"exchange\":\"dffmpeg.workers\",\"write\":\"^\$\",\"read\":\"^worker\\\\.$name\$\"}"
  done
  for name in $(clients); do
    users+=",{\"name\":\"$name\",\"password\":\"$secret\",\"tags\":\"\"}"
    permissions+=",{\"user\":\"$name\",\"vhost\":\"/\",\"configure\":\"^dffmpeg\\\\.job\\\\.$name\\\\.\",\"write\":\"^dffmpeg\\\\.job\\\\.$name\\\\.\",\"read\":\"^dffmpeg\\\\.(job\\\\.$name\\\\..*|jobs)\$\"}"
    topics+=",{\"user\":\"$name\",\"vhost\":\"/\",\"exchange\":\"dffmpeg.jobs\",\"write\":\"^\$\",\"read\":\"^job\\\\.$name\\\\.\"}"
  done
  printf '{"vhosts":[{"name":"/"}],"users":[%s],"permissions":[%s],"topic_permissions":[%s]}\n' "$users" "$permissions" "$topics"
}

rabbitmq_start() {
  local dir=$1
  keep "$dir/port" free_port
  keep "$dir/tls.port" free_port
  keep "$dir/epmd.port" free_port
  keep "$dir/dist.port" free_port
  keep "$dir/secret" random_secret
  if ! alive "$dir"; then
    cat >"$dir/rabbitmq.conf" <<END
listeners.tcp.1 = 127.0.0.1:$(cat "$dir/port")
listeners.ssl.1 = 127.0.0.1:$(cat "$dir/tls.port")
ssl_options.cacertfile = $data/tls/ca.pem
ssl_options.certfile = $data/tls/server.pem
ssl_options.keyfile = $data/tls/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
default_user = dffmpeg
default_pass = $(cat "$dir/secret")
log.file = false
log.console = true
load_definitions = $dir/definitions.json
END
    rabbitmq_definitions "$(cat "$dir/secret")" >"$dir/definitions.json"
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
  local dir=$1 name
  keep "$dir/port" free_port
  keep "$dir/tls.port" free_port
  keep "$dir/secret" random_secret
  if ! alive "$dir"; then
    own mosquitto "$dir"
    for name in dffmpeg coordinator $(workers) $(clients); do
      echo "$name:$(cat "$dir/secret")"
    done >"$dir/data/users"
    mosquitto_passwd -U "$dir/data/users"
    cat >"$dir/data/acl" <<'END'
user dffmpeg
topic readwrite #
user coordinator
topic write dffmpeg/#
topic read dffmpeg/coordinators
pattern read dffmpeg/workers/%u
pattern read dffmpeg/jobs/%u/#
END
    if [[ $EUID == 0 ]]; then chown mosquitto: "$dir/data/users" "$dir/data/acl"; fi
    cat >"$dir/mosquitto.conf" <<END
listener $(cat "$dir/port") 127.0.0.1
listener $(cat "$dir/tls.port") 127.0.0.1
cafile $data/tls/ca.pem
certfile $data/tls/server.pem
keyfile $data/tls/server.key
allow_anonymous false
password_file $dir/data/users
acl_file $dir/data/acl
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
tls { cert_file: "$data/tls/server.pem", key_file: "$data/tls/server.key", ca_file: "$data/tls/ca.pem" }
allow_non_tls: true
END
    launch "$dir" nats nats-server -c "$dir/nats.conf"
  fi
  wait_until 30 "$dir" nats_answers "$(cat "$dir/port")"
}
