#!/bin/sh
# The ground of every stand-in: Debian's own Python, and this machine's certificates and pip settings, as an image.
# Needs debootstrap and an engine that imports: sh base.sh podman
set -eu
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mirror=$(grep -rhoE 'https?://[^ ]+' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | grep '/debian/*$' | head -1 || true)
debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv bookworm "$root" $mirror
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
[ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/"
ln -sf python3 "$root/usr/bin/python"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale
tar -C "$root" -c . | "$1" import - localhost/parlour-test/base
