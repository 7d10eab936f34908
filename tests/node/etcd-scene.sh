# shellcheck shell=bash
# The life of a cluster of three, after cluster.sh.

echo "a cluster forms when all are there, and not before"
for node in core-1 core-2; do power_on $node; done
eventually says core-1 'they come over ssh'
[[ $(ready core-1 || true) == *'they come over ssh' ]] || fail "$(ready core-1)"
for node in core-1 core-2; do deliver $node; done
eventually says core-1 'waiting for core-0'
[[ ! -e $stage/core-1/data/member ]] || fail "core-1 has begun a cluster by itself"
power_on core-0
deliver core-0
all_ready
ready core-0
ctl core-0 put kept yes

echo "nobody gets in without a certificate"
for port in 2379 2380; do
    url=$(address core-0):$port/health
    if on core-1 curl -sk "https://$url" || on core-1 curl -s "http://$url"; then fail "port $port answers anybody"; fi
done
on core-1 curl -s --cacert /run/cloudtop/etcd-tls/ca.crt --cert "$stage/stranger/member.crt" --key "$stage/stranger/member.key" \
    "https://$(address core-0):2379/health" && fail "a certificate of somebody else's authority is taken"
on core-1 curl -s --cacert "$stage/client/ca.pem" --cert "$stage/client/client.pem" --key "$stage/client/client.key" \
    "https://$(address core-0):2379/health" | grep -q true || fail "the user's own certificate is not taken"

echo "a member whose data is gone is replaced"
before=$(id_of core-0 core-1)
power_off core-1
eventually says core-0 started
[[ $(ready core-0 || true) == *core-1* ]] || fail "core-1 is not missed: $(ready core-0)"
replace core-1
power_on core-1
deliver core-1
all_ready
[[ $(id_of core-0 core-1) != "$before" ]] || fail "it is the same member"
ctl core-1 --endpoints "https://$(address core-1):2379" get kept | grep -qx yes || fail "core-1 does not have the data"

echo "so is the first one, which alone may begin a new cluster"
power_off core-0
replace core-0
power_on core-0
deliver core-0
all_ready
ctl core-0 --endpoints "https://$(address core-0):2379" get kept | grep -qx yes || fail "core-0 does not have the data"

echo "a member with its data is the same again"
before=$(id_of core-0 core-2)
power_off core-2
power_on core-2
all_ready
[[ $(id_of core-0 core-2) == "$before" ]] || fail "it is another member"

echo "and so are all of them at once"
for node in "${nodes[@]}"; do power_off $node; done
for node in "${nodes[@]}"; do power_on $node; done
all_ready
ctl core-1 get kept | grep -qx yes || fail "the data is gone"

echo "two of three without data wait, and do not begin a new cluster beside the third"
for node in "${nodes[@]}"; do power_off $node; done
for node in core-0 core-1; do
    replace $node
    power_on $node
    deliver $node
done
# core-2, which has the data, is not there yet.
eventually says core-0 'waiting for core-2'
eventually says core-1 'waiting for core-2'
power_on core-2
eventually says core-0 'lost their quorum'
eventually says core-1 'lost their quorum'
[[ $(ready core-2 || true) == *core-0* ]] || fail "core-2 is ready alone"
for node in core-0 core-1; do
    [[ ! -e $stage/$node/data/member ]] || fail "$node has begun a cluster"
done

echo "where all data is gone a new cluster begins"
for node in "${nodes[@]}"; do power_off $node; done
for node in "${nodes[@]}"; do
    replace $node
    power_on $node
    deliver $node
done
all_ready
[[ -z $(ctl core-0 get kept) ]] || fail "data from nowhere"

echo "renewed certificates are taken up without a restart"
before=$(on core-0 pgrep -x etcd)
cp "$stage/renewed/core-0"/* "$stage/core-0/given"
deliver core-0
on core-0 /opt/cloudtop/etcd refresh
# Without a certificate of its own s_client is turned away, but not before it has seen the server's.
served=$({ on core-1 openssl s_client -connect "$(address core-0):2379" </dev/null 2>/dev/null || true; } |
    openssl x509 -noout -serial)
[[ $served == $(openssl x509 -noout -serial -in "$stage/renewed/core-0/member.crt") ]] || fail "the old one is served"
[[ $(on core-0 pgrep -x etcd) == "$before" ]] || fail "etcd was restarted"
all_ready
