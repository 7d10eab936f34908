"""What a node does when EC2 takes it away: the script itself, a metadata service, a real volume with real work on it."""

import pytest

from conftest import HERE, VOLUME, on_stage

pytestmark = on_stage

# A node with its volume mounted, and a metadata service that knows of nothing yet.
NODE = f"""
metadata {HERE}
disk data 64
attach_as {VOLUME}
volume
mkdir /etc/cloudtop/interrupt.d
hook() {{ cat >"/etc/cloudtop/interrupt.d/$1"; chmod +x "/etc/cloudtop/interrupt.d/$1"; }}
notice() {{
    date -u -d "$2 seconds" +'{{"action":"'"$1"'","time":"%FT%TZ"}}' >"$stage/says/new"
    mv "$stage/says/new" "$stage/says/spot_instance-action"
}}
interruption() {{ bash /opt/cloudtop/interrupt "$@"; }}
"""


def test_on_a_notice_the_hooks_run_in_order_and_the_volume_is_unmounted(play):
    play(NODE + r"""
        hook 10-first <<<$'#!/bin/bash\necho "$CLOUDTOP_ACTION $CLOUDTOP_DEADLINE" >>'"$stage"$'/ran; exit 1'
        hook 20-second <<<$'#!/bin/bash\necho second >>'"$stage"'/ran'
        echo '#!/bin/bash' >/etc/cloudtop/interrupt.d/30-not-executable
        notice stop 34
        interruption &
        watcher=$!
        until [[ -s $stage/ran ]] && grep -q second "$stage/ran"; do :; done
        [[ $(head -1 "$stage/ran") =~ ^stop\ 20..-..-..T..:..:..Z$ ]] || fail "$(cat "$stage/ran")"
        wait "$watcher"
        mountpoint -q "$home" && fail "it is still mounted"
        [[ $(cat /run/cloudtop/interruption) == 'the volume is unmounted' ]] || fail "$(cat /run/cloudtop/interruption)"
    """)


def test_work_that_holds_the_volume_is_ended_in_time_even_when_it_will_not_listen(play):
    out = play(NODE + r"""
        (cd "$home" && exec sleep 1000) &
        bash -c 'trap "" TERM; exec 3>"$1/open"; while true; do read -rt 1 <> <(:) || true; done' stubborn "$home" &
        stubborn=$!
        until [[ -e $home/open ]]; do :; done
        notice terminate 15
        interruption
        mountpoint -q "$home" && fail "it is still mounted"
        kill -0 "$stubborn" 2>/dev/null && fail "it still runs"
        e2fsck -fn "$disk"
    """)
    assert "ending what uses the volume" in out and "sleep (" in out, out


def test_a_hook_that_hangs_does_not_cost_the_volume_its_unmounting(play):
    out = play(NODE + r"""
        hook 10-hangs <<<$'#!/bin/bash\nsleep 1000'
        notice stop 33
        interruption
        mountpoint -q "$home" && fail "it is still mounted"
        left=$(($(date -d "$(sed 's/.*"time":"\([^"]*\)".*/\1/' "$stage/says/spot_instance-action")" +%s) - $(date +%s)))
        ((left > 5)) || fail "only $left s were left"
    """)
    assert "10-hangs ended with 124" in out, out


def test_a_node_that_hibernates_keeps_its_volume_and_its_work(play):
    play(NODE + r"""
        (cd "$home" && exec sleep 1000) &
        worker=$!
        notice hibernate 10
        interruption
        mountpoint -q "$home" || fail "it was unmounted"
        kill "$worker"
    """)


def test_a_rehearsal_runs_the_hooks_and_ends_nothing(play):
    out = play(NODE + r"""
        hook 10-first <<<$'#!/bin/bash\necho "$CLOUDTOP_ACTION" >'"$stage"'/ran'
        (cd "$home" && exec sleep 1000) &
        worker=$!
        until [[ $(readlink "/proc/$worker/cwd") == "$home" ]]; do :; done
        interruption rehearse
        [[ $(cat "$stage/ran") == rehearsal ]] || fail "$(cat "$stage/ran")"
        mountpoint -q "$home" || fail "it was unmounted"
        kill "$worker" || fail "the work was ended"
    """)
    assert "what would be ended before it is unmounted: sleep (" in out, out


def test_without_a_notice_nothing_happens_and_a_recommendation_is_passed_on_once(play):
    play(NODE + r"""
        hook 10-first <<<$'#!/bin/bash\ntouch '"$stage"'/ran'
        echo '{"noticeTime":"2026-11-21T10:00:00Z"}' >"$stage/says/events_recommendations_rebalance"
        bash /opt/cloudtop/interrupt &>"$stage/out" &
        watcher=$!
        until (($(grep -c 'GET /latest/meta-data/spot' "$stage/says/asked") > 1)); do :; done
        kill "$watcher"
        [[ $(grep -c 'may soon be taken away (2026-11-21T10:00:00Z)' "$stage/out") == 1 ]] || fail "$(cat "$stage/out")"
        [[ ! -e $stage/ran ]] || fail "a hook ran"
        mountpoint -q "$home" || fail "it was unmounted"
    """)
