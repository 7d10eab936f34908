"""What a node fetches for whoever works there: the script itself, with real repositories, scripts and a file server."""

import pytest

from conftest import HERE, on_stage

pytestmark = on_stage

# A login user with a home, and repositories of theirs that stand for a git server. `says` greps what came of the items.
NODE = rf"""
mkdir -p /var/lib/cloud "$stage/cloud" "$stage/log" "$stage/srv" "$stage/login"
for place in /var/lib/cloud /var/log; do mkdir -p "$stage/bound$place"; mount --bind "$stage/bound$place" "$place"; done
chmod 755 "$(dirname "$stage")" "$(dirname "$(dirname "$stage")")" "$stage" "$stage/home"
useradd -M -d "$stage/login" -s /bin/bash dev
chown dev "$stage/login" "$stage/srv"
printf 'OWNER=dev\n' >/etc/cloudtop/node.conf
login=$stage/login
ip link set lo up
as_dev() {{ runuser -u dev -- env HOME="$login" "$@"; }}
as_dev git config --global user.name Dev
as_dev git config --global user.email dev@example.com
as_dev git config --global init.defaultBranch main
# Makes a repository with a file of this name and text, or adds one to it.
commit() {{
    as_dev mkdir -p "$stage/srv/$1/$(dirname "$2")"
    [[ -e $stage/srv/$1/.git ]] || as_dev git -C "$stage/srv/$1" init -q
    cat >"$stage/srv/$1/$2"
    chown dev "$stage/srv/$1/$2"
    as_dev git -C "$stage/srv/$1" add -A
    as_dev git -C "$stage/srv/$1" commit -qm "$2"
}}
tools() {{ ANSWER=2 ITEM=${{limit-20}} VOLUME=1 sh /opt/cloudtop/tools; }}
boot() {{ rm -rf /run/cloudtop; tools; }}
says() {{ grep -q -- "$1" /run/cloudtop/tools || fail "no '$1' in: $(cat /run/cloudtop/tools /var/log/cloudtop/tools.log)"; }}
url=file://$stage/srv
SERVER={HERE}/files.py
serve() {{
    mkdir -p "$stage/files"
    python3 "$SERVER" "$stage/files" "$stage/port" &
    servers+=($!)
    until [[ -s $stage/port ]]; do :; done
    files=http://127.0.0.1:$(cat "$stage/port")
}}
sum_of() {{ sha256sum <"$1" | cut -d ' ' -f 1; }}
"""


def test_a_repository_is_cloned_as_the_user_and_moves_on_at_the_next_boot(play):
    play(NODE + r"""
        commit work README <<<one
        echo "repository $url/work" >/etc/cloudtop/tools
        boot
        says "^ok repository $url/work: cloned$"
        says '^state done$'
        says '^exit 0$'
        [[ $(stat -c %U "$login/work/README") == dev ]] || fail "it belongs to $(stat -c %U "$login/work/README")"
        commit work README <<<two
        boot
        says "^ok repository $url/work: pulled$"
        [[ $(cat "$login/work/README") == two ]] || fail "it was not pulled"
        boot
        says "^ok repository $url/work: nothing new$"
    """)


def test_repositories_go_onto_the_volume_and_wait_for_it_no_longer_than_they_must(play):
    play(NODE + r"""
        commit work README <<<one
        echo "repository $url/work there/mine" >/etc/cloudtop/tools
        echo "MOUNT=$stage/home/persistent" >>/etc/cloudtop/node.conf
        mkdir -p "$home"
        boot
        says "^failed repository $url/work: the volume is not mounted$"
        [[ -z $(ls "$home") ]] || fail "it was put onto the root disk"
        mount -t tmpfs none "$home"
        chown dev "$home"
        boot
        [[ -e $home/there/mine/README ]] || fail "it is not on the volume"
    """)


@pytest.mark.parametrize(
    "does, says",
    [
        ('echo mine >"$login/work/README"', "it has changes of yours"),
        ('echo mine >"$login/work/own"; as_dev git -C "$login/work" add -A; as_dev git -C "$login/work" commit -qm mine', "went apart"),
        ('as_dev git -C "$login/work" switch -qc mine', "its branch follows none"),
        ('rm -r "$login/work/.git"', "is no git repository"),
    ],
    ids=["changes", "a commit", "a branch", "no repository"],
)
def test_what_the_user_did_in_a_repository_is_left_to_the_byte(play, does, says):
    play(NODE + f"""
        commit work README <<<one
        echo "repository $url/work" >/etc/cloudtop/tools
        boot
        commit work README <<<two
        {does}
        before=$(cat "$login/work/"* | sha256sum)
        boot
        says "^left repository .*{says}"
        says '^exit 0$'
        [[ $(cat "$login/work/"* | sha256sum) == "$before" ]] || fail 'it was changed'
    """)


def test_a_dead_server_costs_its_own_item_alone_and_no_more_than_its_time(play):
    play(NODE + r"""
        commit work README <<<one
        # It takes connections and never says a word.
        python3 -c 'import socket, sys, time
s = socket.create_server(("127.0.0.1", 0)); open(sys.argv[1], "w").write(str(s.getsockname()[1])); time.sleep(60)' "$stage/dead" &
        servers+=($!)
        until [[ -s $stage/dead ]]; do :; done
        dead=http://name:secret@127.0.0.1:$(cat "$stage/dead")
        printf '%s\n' "repository $dead/never" "repository $url/nowhere" "repository $url/work" >/etc/cloudtop/tools
        SECONDS=0
        boot
        ((SECONDS < 15)) || fail "it took $SECONDS s"
        says '^failed repository http://127.0.0.1:[0-9]*/never: no end within 2 s'
        says "^failed repository $url/nowhere: .*"
        says "^ok repository $url/work: cloned$"
        says '^exit 1$'
        ! grep -q secret /run/cloudtop/tools || fail 'it tells a password'
    """)


def test_a_clone_that_was_cut_off_is_made_again(play):
    play(NODE + r"""
        commit work README <<<one
        echo "repository $url/work" >/etc/cloudtop/tools
        as_dev mkdir -p "$login/work.cloning/.git"
        boot
        [[ -e $login/work/README && ! -e $login/work.cloning ]] || fail "$(ls -a "$login")"
    """)


def test_dotfiles_install_themselves_once_for_each_commit(play):
    play(NODE + r"""
        commit dots install.sh <<<'echo "$PWD $HOME $(id -un)" >>~/ran'
        echo "dotfiles $url/dots" >/etc/cloudtop/tools
        boot
        boot
        [[ $(cat "$login/ran") == "$login/.dotfiles $login dev" ]] || fail "$(cat "$login/ran")"
        says '^ok dotfiles .*: nothing new$'
        commit dots more <<<x
        boot
        says 'install.sh was run'
        (($(wc -l <"$login/ran") == 2)) || fail "$(cat "$login/ran")"
        commit dots install.sh <<<'echo about to fail; exit 7'
        boot
        says 'failed dotfiles .*: install.sh failed (exit code 7)'
        grep -q 'about to fail' /var/log/cloudtop/tools.log || fail 'what it printed is lost'
        boot
        says 'failed dotfiles .*: install.sh failed (exit code 7)'
    """)


def test_dotfiles_without_a_script_are_linked_and_overwrite_nothing_of_the_users(play):
    play(NODE + r"""
        for file in .bashrc .vimrc .config/tool README; do commit dots "$file" <<<theirs; done
        echo "dotfiles $url/dots" >/etc/cloudtop/tools
        cp /etc/skel/.bashrc "$login/.bashrc"
        echo mine >"$login/.vimrc"
        boot
        says 'linked, but for what was there already: .vimrc'
        [[ $(cat "$login/.vimrc") == mine ]] || fail 'it was overwritten'
        [[ $(cat "$login/.bashrc") == theirs ]] || fail 'what every new user gets stood in the way'
        [[ $(cat "$login/.config/tool") == theirs ]] || fail 'a directory was not linked'
        [[ ! -e $login/README && ! -L $login/.git ]] || fail "$(ls -a "$login")"
    """)


def test_a_download_is_installed_when_its_sum_is_right_and_not_fetched_again(play):
    play(NODE + r"""
        serve
        echo tool >"$stage/files/tool"
        right=$(sum_of "$stage/files/tool")
        printf 'download %s/tool sha256:%s %s\n' "$files" "$right" '~/bin/tool 0755' "$files" "$right" "$stage/sys/tool" >/etc/cloudtop/tools
        boot
        says '^ok download .*/tool: done$'
        [[ $(stat -c '%a %U' "$login/bin/tool") == '755 dev' ]] || fail "$(stat -c '%a %U' "$login/bin/tool")"
        [[ $(stat -c '%a %U' "$stage/sys/tool") == '644 root' ]] || fail "$(stat -c '%a %U' "$stage/sys/tool")"
        boot
        says '^ok download .*/tool: there already$'
        (($(grep -c GET "$stage/files/asked") == 2)) || fail 'it was fetched again'
    """)


def test_a_download_of_another_sum_is_refused_and_what_was_there_stays(play):
    play(NODE + r"""
        serve
        echo tampered >"$stage/files/tool"
        echo old | as_dev tee "$login/tool" >/dev/null
        right=$(echo tool | sha256sum | cut -d ' ' -f 1)
        printf 'download %s\n' "$files/tool sha256:$right ~/tool" "$files/tool ~/tool" "$files/none sha256:$right ~/none" >/etc/cloudtop/tools
        boot
        says "^failed download $files/tool: its sum is $(sum_of "$stage/files/tool"), not the one that was given"
        says '^failed download .*: it needs a sum'
        says '^failed download .*/none: curl: (22)'
        [[ $(cat "$login/tool") == old && ! -e $login/none ]] || fail "$(ls "$login")"
        [[ -z $(ls /var/tmp/download.* 2>/dev/null) ]] || fail 'it left its pieces'
    """)


def test_setup_runs_once_for_each_instance_and_the_other_at_every_boot(play):
    play(NODE + r"""
        : >/etc/cloudtop/tools
        echo 'echo "once $PWD $(id -un)" >>~/ran; [ -e ~/works ]' >/etc/cloudtop/setup
        printf '#!/bin/bash\necho each >>~/ran\n' >/etc/cloudtop/setup_each_boot
        chmod +x /etc/cloudtop/setup*
        boot
        says '^failed setup: exit code 1$'
        touch "$login/works"
        boot
        says '^ok setup: done$'
        boot
        says '^ok setup: was run before$'
        [[ $(tr '\n' , <"$login/ran") == "once $login dev,each,once $login dev,each,each," ]] || fail "$(cat "$login/ran")"
        # Another instance, from an image of this one.
        rm -r /var/lib/cloud/instance
        boot
        (($(grep -c once "$login/ran") == 3)) || fail "$(cat "$login/ran")"
    """)


def test_a_script_that_hangs_is_ended_and_the_next_still_runs(play):
    play(NODE + r"""
        : >/etc/cloudtop/tools
        echo 'sleep 1000' >/etc/cloudtop/setup
        echo 'touch ~/ran' >/etc/cloudtop/setup_each_boot
        chmod +x /etc/cloudtop/setup*
        limit=1 boot
        says '^failed setup: no end within 1 s$'
        [[ -e $login/ran ]] || fail 'the other did not run'
    """)
