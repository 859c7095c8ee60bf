# The part of the official image's entry point that docker-compose.yml and deploy/k8s rely on.
set -eu
state=/var/lib/postgresql/18/docker
if [ ! -e "$state/PG_VERSION" ]; then
    mkdir -p "$state"
    cat "${POSTGRES_PASSWORD_FILE:-/dev/null}" >/tmp/password
    [ -s /tmp/password ] || echo "$POSTGRES_PASSWORD" >/tmp/password
    initdb -D "$state" -U "$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 -E UTF8 --locale=C >/dev/null
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$state/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D "$state" postgres >/dev/null
fi
exec postgres -D "$state" -c listen_addresses='*' -c unix_socket_directories=/tmp
