#!/bin/sh
# Holds the writes to the persistent volume until standard input ends, for $1 seconds at most. Run by sh, as root.
limit=$1
MOUNT=
# shellcheck source=/dev/null
if [ -r /etc/cloudtop/node.conf ]; then . /etc/cloudtop/node.conf; fi
just_sync() { sync; echo synced; exit 0; }
if [ -z "$MOUNT" ] || ! mountpoint -q "$MOUNT"; then just_sync; fi
# What is needed to thaw must not be on it.
for needed in / /usr /etc /var /run /tmp; do
    [ "$(stat -c %d "$MOUNT")" != "$(stat -c %d "$needed")" ] || just_sync
done
sync
# The timer is systemd's own: it fires whatever becomes of this shell, its session and its connection. Without it nothing is
# frozen. It fires within a minute of its time unless it is told to be exact.
unit=cloudtop-thaw
systemd-run --quiet --collect --unit="$unit" --on-active="${limit}s" --timer-property=AccuracySec=100ms \
    fsfreeze --unfreeze "$MOUNT" >/dev/null 2>&1 || just_sync
trap 'fsfreeze --unfreeze "$MOUNT" 2>/dev/null' EXIT
trap 'exit 1' HUP INT TERM PIPE
if ! fsfreeze --freeze "$MOUNT" 2>/dev/null; then
    systemctl stop "$unit.timer" >/dev/null 2>&1
    trap - EXIT
    just_sync
fi
echo frozen
read -r _
trap - EXIT
if fsfreeze --unfreeze "$MOUNT" 2>/dev/null; then said=thawed; else said=late; fi
systemctl stop "$unit.timer" >/dev/null 2>&1
echo "$said"
