"""The `k3s` template's script, with a k3s that a test wrote: what is installed, what is started as what, when it is ready."""

from conftest import PARTS, on_stage

pytestmark = on_stage

SCRIPT = PARTS.parent / "k3s" / "k3s"

# Releases on disk: curl reads them as it would read the real ones. The k3s in them writes down how it is called.
NODE = rf"""
release=$stage/releases/v1.2.3+k3s1
mkdir -p "$release" /opt/cloudtop "$stage/local"
mkdir -p /usr/local/bin
mount --bind "$stage/local" /usr/local/bin
cp {SCRIPT} /opt/cloudtop/k3s
cat >"$release/k3s" <<'K3S'
#!/bin/bash
case "$1 ${{2:-}}" in
    '--version '*) echo 'k3s version v1.2.3+k3s1 (0123456)' ;;
    'kubectl get') cat /run/nodes ;;
    *) echo "k3s $*" ;;
esac
K3S
cp "$release/k3s" "$release/k3s-arm64"
for arch in amd64 arm64; do (cd "$release" && sha256sum k3s k3s-arm64 >sha256sum-$arch.txt); done
export K3S_RELEASES=file://$stage/releases
echo VERSION=v1.2.3+k3s1 >/etc/cloudtop/k3s.conf
mkdir -p /etc/rancher/k3s
config() {{ printf 'node-name: kube-0\ntoken: t\n%s\n' "$1" >/etc/rancher/k3s/config.yaml; }}
k3s() {{ bash /opt/cloudtop/k3s "$@"; }}
"""


def test_a_release_is_installed_only_with_the_sum_that_it_names(play):
    play(NODE + r"""
        echo tampered >>"$release/k3s"
        echo tampered >>"$release/k3s-arm64"
        said=$(k3s install 2>&1) && fail "a wrong sum passed"
        [[ $said == *'is not the one that its release names: not installed' ]] || fail "$said"
        [[ ! -e /usr/local/bin/k3s ]] || fail "it is there all the same"
        sed -i '/^tampered$/d' "$release/k3s" "$release/k3s-arm64"
        k3s install
        [[ $(/usr/local/bin/k3s --version) == 'k3s version v1.2.3+k3s1 '* ]] || fail "$(ls -l /usr/local/bin)"
    """)


def test_what_is_there_already_is_not_fetched_again_and_another_version_is(play):
    play(NODE + r"""
        k3s install
        mv "$release" "$stage/gone"
        k3s install
        echo VERSION=v1.2.4+k3s1 >/etc/cloudtop/k3s.conf
        said=$(timeout 1 bash /opt/cloudtop/k3s install 2>&1) && fail 'a version that is not there passed'
        [[ $said == *"$stage/releases/v1.2.4"* ]] || fail "$said"
    """)


def test_node_0_is_the_server_and_the_others_are_its_agents(play):
    play(NODE + r"""
        k3s install
        config ''
        [[ $(k3s run) == 'k3s server --data-dir /var/lib/rancher/k3s' ]] || fail "$(k3s run)"
        config 'server: https://10.0.0.5:6443'
        [[ $(k3s run) == 'k3s agent' ]] || fail "$(k3s run)"
    """)


def test_the_server_keeps_what_it_knows_on_the_volume_and_waits_for_it(play):
    play(NODE + r"""
        k3s install
        config ''
        mkdir -p "$home"
        echo "VOLUME_MOUNT=$home" >>/etc/cloudtop/k3s.conf
        echo 'kind: Deployment' >/etc/cloudtop/registry.yaml
        said=$(timeout 1 bash /opt/cloudtop/k3s run) && fail 'it started on an empty directory'
        [[ $said == "waiting for the volume at $home"* ]] || fail "$said"
        mount -t tmpfs none "$home"
        [[ $(k3s run) == "k3s server --data-dir $home/k3s" ]] || fail "$(k3s run)"
        cmp /etc/cloudtop/registry.yaml "$home/k3s/server/manifests/cloudtop-registry.yaml"
        umount "$home"
    """)


def test_the_cluster_is_ready_when_its_server_counts_every_node(play):
    play(NODE + r"""
        k3s install
        [[ $(k3s ready 3 || true) == 'k3s waits for its configuration' ]] || fail "$(k3s ready 3)"
        config ''
        [[ $(k3s ready 3) == 'the API server does not answer yet' ]] || fail "$(k3s ready 3)"
        printf '%s\n' 'kube-0 Ready control-plane 1m v1' 'kube-1 NotReady <none> 1m v1' 'kube-2 Ready <none> 1m v1' >/run/nodes
        [[ $(k3s ready 3) == '2 of 3 nodes are Ready in the cluster' ]] || fail "$(k3s ready 3)"
        sed -i 's/NotReady/Ready,SchedulingDisabled/' /run/nodes
        k3s ready 3 || fail 'three of three'
        config 'server: https://10.0.0.5:6443'
        [[ $(k3s ready 3) == 'the kubelet does not answer yet' ]] || fail "$(k3s ready 3)"
    """)
