//! A Kubernetes cluster: what its nodes are given, and how its kubeconfig is got.

use std::os::unix::fs::PermissionsExt as _;

use super::world::World;

fn on(world: &World, node: &str, path: &str) -> String {
    world.ok(&format!("ssh {node} -- sudo cat {path}"), &[]).stdout
}

#[test]
fn node_0_is_the_server_and_the_others_are_told_where_it_is() {
    let world = World::new();
    let up = world.ok("up kube -n 3 --template k3s -q", &[]);
    assert!(!up.stderr.contains("token"), "{}", up.stderr);
    let status = world.json("status kube");
    let address = status["nodes"][0]["private_ip"].as_str().unwrap();
    let configs = [0, 1, 2].map(|node| on(&world, &format!("kube/{node}"), "/etc/rancher/k3s/config.yaml"));
    assert!(!configs[0].contains("server:") && configs[0].contains(&format!("node-ip: {address}\n")), "{}", configs[0]);
    for config in &configs[1..] {
        assert!(config.contains(&format!("server: https://{address}:6443\n")), "{config}");
    }
    let token = |config: &str| config.lines().find(|line| line.starts_with("token: ")).unwrap().to_owned();
    assert_eq!(token(&configs[0]), token(&configs[2]));
    assert_eq!(token(&configs[0]).len(), "token: ".len() + 64);
    let logs = [world.ok("logs kube/2", &[]).stdout, world.ok("logs kube/2 --of cluster", &[]).stdout];
    assert!(logs.iter().all(|log| log.contains(" cloudtop-k3s[1]: ")), "{logs:?}");
    let passwords = [0, 2].map(|node| on(&world, &format!("kube/{node}"), "/etc/rancher/node/password"));
    assert!(passwords[0] == passwords[1] && !configs[0].contains(passwords[0].trim()), "{passwords:?}");
}

#[test]
fn a_kubeconfig_is_named_after_its_environment_and_writes_over_nothing_else() {
    let world = World::new();
    world.ok("up kube -n 2 --template k3s -q", &[]);
    let told = world.ok("kubeconfig kube -o kube.json --port 7443", &[]);
    assert!(told.stderr.contains("-N -L 7443:127.0.0.1:6443 cloudtop-kube.0"), "{}", told.stderr);
    let file = world.cwd().join("kube.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    let config: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(config["clusters"][0]["cluster"]["server"], "https://127.0.0.1:7443");
    assert_eq!(config["current-context"], "cloudtop-kube");
    world.ok("kubeconfig kube -o kube.json", &[]);
    world.write("mine.yaml", "apiVersion: v1\ncurrent-context: production\n");
    world.run("kubeconfig kube -o mine.yaml").exits(2).says(&["mine.yaml exists and holds something else"]);
    assert!(std::fs::read_to_string(world.cwd().join("mine.yaml")).unwrap().contains("production"));
    assert_eq!(world.json("kubeconfig kube")["clusters"][0]["cluster"]["server"], "https://127.0.0.1:6443");
}

#[test]
fn an_environment_of_another_kind_has_no_kubeconfig() {
    let world = World::new();
    world.ok("up dev --no-volume -q", &[]);
    world.run("kubeconfig dev").exits(2).says(&["`dev` is no Kubernetes cluster: its template is `cloudtop`"]);
    world.run("kubeconfig nosuch").exits(3);
}
