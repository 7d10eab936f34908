"""When a node takes itself for unused: the script itself, with a load, terminals and traffic that a test can set."""

import pytest

from conftest import on_stage

pytestmark = on_stage

# A machine that nobody uses: no load, no key pressed for a day, no network. What would be done to it is written down.
NODE = r"""
echo IDLE_MINUTES=45 >>/etc/cloudtop/node.conf
mkdir -p "$stage/fake" /run/cloudtop /dev/pts
for command in systemctl wall; do
    printf '#!/bin/sh\necho "%s $*" >>"%s/done"\n' "$command" "$stage" >"$stage/fake/$command"
done
chmod +x "$stage/fake"/*
PATH=$stage/fake:$PATH
load() { echo "$1 0.00 0.00 1/100 1" >"$stage/load"; }
load 0.01
mount --bind "$stage/load" /proc/loadavg
touch -d '1 day ago' /dev/pts/0 /dev/pts/ptmx
idle() { bash /opt/cloudtop/idle "$@"; }
# Nobody has used it for so many minutes.
unused_for() { echo $(($(date +%s) - $1 * 60)) >/run/cloudtop/used; }
deeds() { cat "$stage/done" 2>/dev/null || true; }
"""


def test_an_unused_machine_warns_once_and_then_stops(play):
    play(NODE + r"""
        idle
        [[ $(idle why) == 'in use: it has just started' ]] || fail "$(idle why)"
        unused_for 20
        idle
        [[ -z $(deeds) ]] || fail "$(deeds)"
        [[ $(idle why) == 'idle for 20 min'*'it stops after 45' ]] || fail "$(idle why)"
        unused_for 41
        idle
        idle
        [[ $(deeds) == 'wall cloudtop: nobody has used this machine for 41 minutes. It stops in 4.'* ]] || fail "$(deeds)"
        (($(deeds | wc -l) == 1)) || fail "$(deeds)"
        unused_for 45
        idle
        [[ $(deeds | tail -1) == 'systemctl --no-block poweroff' ]] || fail "$(deeds)"
    """)


@pytest.mark.parametrize(
    "uses, says",
    [
        ("load 3.20", "something is computing (load 3.20)"),
        ("touch -a /dev/pts/0", "somebody is typing in a terminal"),
        ("idle awake 4h", "it is kept awake until"),
    ],
    ids=["a build", "a key pressed", "a word to stay awake"],
)
def test_a_machine_in_use_does_not_stop_and_says_why(play, uses, says):
    play(NODE + f"""
        unused_for 60
        {uses}
        idle
        [[ -z $(deeds) ]] || fail "$(deeds)"
        [[ $(idle why) == 'in use: '*'{says}'* ]] || fail "$(idle why)"
        (($(cat /run/cloudtop/used) >= $(date +%s) - 2)) || fail "it counts from before"
    """)


def test_traffic_keeps_it_up_and_a_forgotten_session_does_not(play):
    play(NODE + r"""
        ip link add far type veth peer name near
        ip address add 192.0.2.1/24 dev near
        ip link set near up
        ip link set far up
        unused_for 60
        # What was counted a minute ago.
        bytes() { tr : ' ' </proc/net/dev | awk 'NR > 2 && $1 != "lo" { bytes += $2 + $10 } END { printf "%.0f\n", bytes }'; }
        echo $(($(bytes) - 20000)) >/run/cloudtop/traffic
        idle
        [[ $(deeds | tail -1) == 'systemctl --no-block poweroff' ]] || fail "20 KB kept it up: $(idle why)"
        rm "$stage/done"
        unused_for 60
        echo $(($(bytes) - 2000000)) >/run/cloudtop/traffic
        idle
        [[ -z $(deeds) && $(idle why) == 'in use: the network is in use'* ]] || fail "$(idle why)"
    """)


def test_awake_can_be_taken_back_and_wants_to_know_for_how_long(play):
    play(NODE + r"""
        idle awake 90m
        unused_for 60
        idle awake off
        idle
        [[ $(deeds | tail -1) == 'systemctl --no-block poweroff' ]] || fail "$(idle why)"
        code=0
        idle awake || code=$?
        ((code == 2)) || fail "exit code $code"
    """)
