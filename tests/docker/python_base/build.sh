#!/usr/bin/env bash
# A stand-in for the official image python:3.11-slim, from Debian packages: CPython 3.11 as `python`, venv, CA certificates.
# Made once and kept: the label is a digest of this script. Prints the tag. Needs root, debootstrap, and an engine.
set -euo pipefail
tag=autional-test/python:3.11
recipe=$(sha256sum "$0" | cut -c1-16)
label=org.autional.test.recipe
have=$(docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$tag" 2>/dev/null || true)
if [ "$have" = "$recipe" ]; then
  echo "$tag"
  exit 0
fi
command -v debootstrap >/dev/null || apt-get install -qq -y --no-install-recommends debootstrap >&2
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
root=$tree/root
{
  debootstrap --variant=minbase --include=ca-certificates bookworm "$root"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y --no-install-recommends python3.11 python3.11-venv
} >"$tree/log" 2>&1 || { tail -20 "$tree/log" >&2; exit 1; }
# The machine's own certificates as well: a build behind a proxy of one's own trusts what the machine trusts.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
ln -s /usr/bin/python3.11 "$root/usr/local/bin/python"
ln -s /usr/bin/python3.11 "$root/usr/local/bin/python3"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/*
tar -C "$root" -c . | docker import \
  --change "LABEL $label=$recipe" --change 'CMD ["python"]' \
  --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' --change 'ENV LANG=C.UTF-8' \
  - "$tag" >/dev/null
echo "$tag"
