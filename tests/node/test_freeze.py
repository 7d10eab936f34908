"""The script that holds a node's writes while a snapshot of its volume is begun, on a real file system on a loop device."""

from pathlib import Path

import pytest

from conftest import VOLUME, needs, on_stage

pytestmark = [on_stage, needs("fsfreeze")]

SCRIPT = Path(__file__).parent.parent.parent / "src" / "commands" / "volume" / "freeze.sh"

# systemd's part: what is to be run after a time is run then, whatever becomes of whoever asked.
STAGE = f"""
    disk data 64
    attach_as {VOLUME}
    volume
    stand_in systemd-run <<'SHELL'
#!/bin/bash
for word; do
    shift
    case $word in
        --on-active=*) time=${{word#--on-active=}} ;;
        --*) ;;
        *) setsid bash -c 'sleep "$1"; shift; "$@"' timer "$time" "$word" "$@" >/dev/null 2>&1 & echo $! >/run/timer; exit ;;
    esac
done
SHELL
    stand_in systemctl <<'SHELL'
#!/bin/bash
[[ $* == "stop cloudtop-thaw.timer" ]] && kill "$(cat /run/timer)" && touch /run/stopped
SHELL
    mkfifo /run/input /run/output
    freeze() {{ sh -c "$(cat {SCRIPT})" cloudtop-freeze "$1" </run/input >/run/output & script=$!; exec 8>/run/input 9</run/output; read -r said <&9; }}
    writes() {{ dd if=/dev/zero of="$home/written" bs=4k count=1 conv=fsync status=none; }}
    # Begins a write, and waits until the kernel holds it.
    held() {{
        dd if=/dev/zero of="$home/held" bs=4k count=1 conv=fsync status=none 8>&- & writer=$!
        until [[ $(cut -d " " -f 3 "/proc/$writer/stat") == D ]]; do
            kill -0 "$writer" 2>/dev/null || fail "it could write"
        done
    }}
"""


def test_writes_are_held_until_the_input_ends(play):
    play(STAGE + """
        freeze 20
        [[ $said == frozen ]] || fail "$said"
        held
        exec 8>&-
        read -r said <&9
        [[ $said == thawed ]] || fail "$said"
        wait "$writer" || fail "it cannot write"
        wait "$script"
        [[ -e /run/stopped ]] || fail "the timer is still there"
    """)


def test_the_timer_thaws_when_the_script_is_killed(play):
    play(STAGE + """
        freeze 3
        [[ $said == frozen ]] || fail "$said"
        kill -KILL "$script"
        held
        wait "$writer" || fail "it cannot write"
    """)


def test_what_ends_the_script_otherwise_thaws_at_once(play):
    play(STAGE + """
        freeze 60
        kill -HUP "$script"
        wait "$script" || true
        kill "$(cat /run/timer)" || fail "the timer was first"
        writes || fail "it cannot write"
    """)


def test_a_call_that_takes_longer_than_the_limit_is_told(play):
    play(STAGE + """
        freeze 1
        held
        wait "$writer" || fail "it cannot write"
        exec 8>&-
        read -r said <&9
        [[ $said == late ]] || fail "$said"
    """)


def test_without_a_timer_or_a_volume_nothing_is_frozen(play):
    play(STAGE + """
        stand_in systemd-run <<<$'#!/bin/sh\\nexit 1'
        freeze 60
        [[ $said == synced ]] || fail "$said"
        writes || fail "it cannot write"
        wait "$script"
        umount "$home"
        freeze 60
        [[ $said == synced ]] || fail "$said"
    """)


def test_what_is_needed_to_thaw_is_never_frozen(play):
    play(STAGE + """
        mkdir /run/all
        mount --bind / /run/all
        sed -i 's,^MOUNT=.*,MOUNT=/run/all,' /etc/cloudtop/node.conf
        freeze 60
        [[ $said == synced ]] || fail "$said"
        umount /run/all
    """)
