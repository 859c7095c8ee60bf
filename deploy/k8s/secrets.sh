#!/bin/sh
# Draws every secret of an installation and prints them as Kubernetes secrets: sh deploy/k8s/secrets.sh | kubectl create -f -
# `create` leaves secrets alone that exist: without the first master-key the texts of the record cannot be decrypted. The variables below name servers that are elsewhere, and the
# namespace of the relays (parlour-media for host ports).
set -eu
nats=${NATS_HOST:-nats:4222}
postgres=${POSTGRES_HOST:-postgres:5432}
database=${POSTGRES_DATABASE:-parlour}
owner=${POSTGRES_OWNER:-parlour}
relays=${RELAY_NAMESPACE:-parlour}

drawn() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

secret() { # NAMESPACE NAME, then KEY VALUE …
    printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: { name: %s, namespace: %s }\nstringData:\n' "$2" "$1"
    shift 2
    while [ $# -gt 0 ]; do
        printf '  %s: |-\n' "$1"
        printf '%s\n' "$2" | sed 's/^/    /'
        shift 2
    done
}

for namespace in parlour $([ "$relays" = parlour ] || echo "$relays"); do
    printf -- '---\napiVersion: v1\nkind: Namespace\nmetadata: { name: %s }\n' "$namespace"
done

owner_password=${POSTGRES_OWNER_PASSWORD:-p$(drawn)}
master_key=$(drawn)
passwords=
migrate="postgres-dsn postgresql://$owner:$owner_password@$postgres/$database"
for service in auth room registry im record; do
    own=p$(drawn) # a letter first: NATS would read digits as a number
    database_password=p$(drawn)
    secret parlour $service nats-url "nats://$service:$own@$nats" \
        postgres-dsn "postgresql://parlour_$service:$database_password@$postgres/$database" master-key "$master_key"
    passwords="${passwords}PARLOUR_NATS_PASSWORD_$(echo $service | tr a-z A-Z) = $own
"
    migrate="$migrate postgres-password-$service $database_password"
done
for service in relay gateway cli; do
    own=p$(drawn)
    passwords="${passwords}PARLOUR_NATS_PASSWORD_$(echo $service | tr a-z A-Z) = $own
"
    case $service in
    relay) secret "$relays" relay nats-url "nats://relay:$own@$([ "$relays" = parlour ] && echo "$nats" || echo "$nats" | sed '/\./!s/^\([^:]*\)/\1.parlour/')" ;;
    gateway) secret parlour gateway nats-url "nats://gateway:$own@$nats" session-key "$(drawn)" ;;
    cli) secret parlour cli nats-url "nats://cli:$own@$nats" ;;
    esac
done
# shellcheck disable=SC2086 # keys and values have no blanks
secret parlour migrate $migrate
secret parlour postgres password "$owner_password"
secret parlour nats passwords.conf "$passwords"
