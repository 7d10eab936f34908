//! Clusters whose members know each other: what they are given, and what is kept of it.

use std::collections::BTreeSet;

use super::world::World;

/// What a node has in a file.
fn on(world: &World, node: &str, path: &str) -> String {
    world.ok(&format!("ssh {node} -- cat {path}"), &[]).stdout
}

/// The authority of the environment `core`.
fn authority(world: &World) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![world.home().parent().unwrap().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() => open.push(path),
                path if path.ends_with("ca.json") => found.push(path),
                _ => {}
            }
        }
    }
    found
}

#[test]
fn members_of_a_cluster_get_their_own_certificates_and_the_names_of_all() {
    for template in ["etcd", "coreos", "fedora-coreos"] {
        let world = World::new();
        world.ok(&format!("up core -n 3 --template {template} -q"), &[]);
        let files = |name: &str| -> BTreeSet<String> {
            (0..3).map(|index| on(&world, &format!("core/{index}"), &format!("/etc/cloudtop/etcd/{name}"))).collect()
        };
        assert_eq!((files("ca.crt").len(), files("member.crt").len(), files("member.key").len()), (1, 3, 3));
        let lines = |key: &str| -> BTreeSet<String> {
            let confs = files("cluster.conf");
            let lines = confs.iter().flat_map(|conf| conf.lines()).filter(|line| line.starts_with(key));
            lines.map(str::to_owned).collect()
        };
        assert_eq!((lines("NAME=").len(), lines("ADDRESS=").len()), (3, 3));
        assert_eq!((lines("TOKEN=").len(), lines("MEMBERS=").len()), (1, 1));
        let members = lines("MEMBERS=").pop_first().unwrap();
        for address in lines("ADDRESS=") {
            assert!(members.contains(&format!("={}", address.trim_start_matches("ADDRESS="))), "{members}");
        }
        world.ok("ssh core/1 -- sudo /opt/cloudtop/etcd ready", &[]);
    }
}

#[test]
fn the_authority_stays_at_home_through_a_stop_and_goes_with_the_environment() {
    let world = World::new();
    world.ok("up core -n 3 --template etcd -q", &[]);
    let [path] = authority(&world).try_into().unwrap();
    let made = std::fs::read_to_string(&path).unwrap();
    let given = on(&world, "core/0", "/etc/cloudtop/etcd/member.crt");
    world.ok("stop core -q", &[]);
    world.ok("start core -q", &[]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), made);
    assert_eq!(on(&world, "core/0", "/etc/cloudtop/etcd/member.crt"), given);
    world.ok("down core -q", &[]);
    assert_eq!(authority(&world), Vec::<std::path::PathBuf>::new());
    world.assert_nothing_was_made();
}

#[test]
fn who_recovers_a_cluster_is_told_where_its_secrets_are_unless_they_are_here() {
    let world = World::new();
    world.ok("up core -n 2 --template etcd -q", &[]);
    let lost = "its random secrets and certificates: the next `up` makes new ones";
    std::fs::remove_file(world.state_file()).unwrap();
    let here = world.ok("recover core -r us-east-1", &[]);
    assert!(!here.stderr.contains(lost), "{}", here.stderr);
    std::fs::remove_file(world.state_file()).unwrap();
    std::fs::remove_dir_all(world.state_file().with_file_name("state.json.d/private")).unwrap();
    world.ok("recover core -r us-east-1", &[]).says(&[lost, "copy the directory private/NAME"]);
}
