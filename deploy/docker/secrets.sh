#!/bin/sh
# Draws every secret that docker-compose.yml asks for: sh deploy/docker/secrets.sh >.env
set -eu
umask 077

drawn() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

echo "PARLOUR_MASTER_KEY=$(drawn)"
echo "PARLOUR_SESSION_KEY=$(drawn)"
echo "PARLOUR_TURN_SECRET=$(drawn)"
echo "PARLOUR_POSTGRES_PASSWORD=p$(drawn)"
for service in AUTH ROOM REGISTRY IM RECORD; do
    echo "PARLOUR_POSTGRES_PASSWORD_$service=p$(drawn)"
done
for user in AUTH ROOM REGISTRY RELAY IM RECORD GATEWAY CLI SYSTEM; do
    echo "PARLOUR_NATS_PASSWORD_$user=p$(drawn)" # a letter first: NATS would read digits as a number
done
