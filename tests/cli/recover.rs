//! Going on where the state was lost, on another machine, and with what others have made.

use std::fs;

use serde_json::{Value, json};

use super::world::World;

/// Everything that tells this installation from another is put away: the account stays.
pub fn become_somebody_else(world: &World) {
    let own = world.state_file().with_file_name("state.json.d");
    for name in ["owner", "journal", "ssh/known_hosts", "ssh/config"] {
        let (from, to) = (own.join(name), own.join(format!("{name}.other")));
        if from.exists() {
            fs::rename(from, to).unwrap();
        }
    }
    fs::rename(world.state_file(), world.state_file().with_extension("other")).unwrap();
}

/// The owner of each thing in the account that has not ended.
fn owners(world: &World) -> Vec<String> {
    let account = world.account();
    let kinds = ["instances", "spot_requests", "volumes", "security_groups", "key_pairs", "network_interfaces"];
    let all = kinds.iter().flat_map(|kind| account.live(kind));
    all.map(|it| it["tags"]["cloudtop:owner"].as_str().unwrap().to_owned()).collect()
}

fn names(world: &World) -> Vec<Value> {
    world.json("list")["environments"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect()
}

#[test]
fn only_what_is_named_is_recovered_and_what_is_not_known_is_said() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.ok("up core -n 2 --template ./plain -q", &[]);
    fs::remove_file(world.state_file()).unwrap();
    world.run("recover nothing -r us-east-1").exits(3).says(&["nothing in that region has the tags of `nothing`"]);
    let said = world.ok("recover dev -r us-east-1", &[]).says(&["recovered dev: 1 instance in us-east-1"]);
    let said =
        said.says(&["--max-price: a node launched anew has no limit", "--set", "other types", "the image family"]);
    assert!(!said.stderr.contains("recovered core"), "{said:#?}");
    assert_eq!(names(&world), ["dev"]);
    world.ok("recover dev core -r us-east-1", &[]).says(&["dev is known already", "recovered core: 2 instances"]);
    assert_eq!(names(&world), ["core", "dev"]);
}

#[test]
fn a_kept_volume_is_known_again_and_used_again() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.ok("down dev -q", &[]);
    let volume = world.account().persistent_volumes()[0]["id"].clone();
    fs::remove_file(world.state_file()).unwrap();
    world.ok("recover", &[]).says(&["recovered dev: ended, 1 volume kept in us-east-1"]);
    world.run("start dev").exits(2).says(&["cloudtop up dev"]);
    world.ok("up dev -q", &[]);
    world.account().assert_one_cloudtop();
    assert_eq!(world.json("status dev")["volumes"][0]["volume_id"], volume);
}

#[test]
fn two_people_with_one_account_do_not_touch_each_others_environments() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let theirs = world.account().live("instances")[0]["id"].clone();
    become_somebody_else(&world);
    world.run("recover").exits(3).says(&["nothing here is of this installation", "--owner ID", "--adopt"]);
    world.run("recover dev -r us-east-1").exits(3).says(&["cloudtop recover dev --adopt"]);
    world.ok("up dev -q", &[]);
    assert_eq!(world.account().live("instances").len(), 2, "each has a dev of their own");
    world.ok("recover", &[]).says(&["left alone", "(dev)"]);
    world.run("recover dev --adopt -y -r us-east-1").exits(2).says(&["a `dev` of its own"]);
    world.ok("down dev --delete-volumes -y -q", &[]);
    assert_eq!(world.account().live("instances")[0]["id"], theirs);
    world.account().assert_one_cloudtop();
}

#[test]
fn what_was_adopted_is_ours_to_the_last_thing_and_works_as_before() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let before = world.json("status dev")["nodes"][0]["instance_id"].clone();
    let first = owners(&world)[0].clone();
    become_somebody_else(&world);
    world.run("recover --adopt").exits(2).says(&["NAME"]);
    world.run("recover dev --adopt -r us-east-1").exits(2).says(&[
        "installation",
        &first,
        "will not find it any more",
        "--yes",
    ]);
    assert!(owners(&world).iter().all(|owner| *owner == first), "nothing before the yes");
    world.ok("recover dev --adopt -y -r us-east-1", &[]).says(&["adopted dev from installation", &first]);
    let now = owners(&world);
    assert!(now.iter().all(|owner| *owner == now[0] && *owner != first), "{now:?}");

    world.ok("up dev -q", &[]);
    world.account().assert_one_cloudtop();
    assert_eq!(world.json("status dev")["nodes"][0]["instance_id"], before);
    assert_eq!(world.ok("ssh dev -- uname", &[]).stdout, "Linux\n");
    world.ok("stop dev -q", &[]);
    world.ok("start dev -q", &[]);
    assert_eq!(world.json("gc")["leftovers"], json!([]));
    let history = world.ok("history dev", &[]).stdout;
    assert!(history.contains(&format!("recover dev --adopt (from {first})")), "{history}");
    world.ok("down dev --delete-volumes -y -q", &[]);
    world.assert_nothing_was_made();
}

#[test]
fn an_adopted_environment_that_grows_makes_its_own_key_and_leaves_neither() {
    let world = World::new();
    world.ok("up core -n 1 --template ./plain -q", &[]);
    become_somebody_else(&world);
    world.ok("recover core --adopt -y -r us-east-1", &[]);
    world.ok("up core -n 2 -y -q", &[]);
    let account = world.account();
    assert_eq!((account.live("instances").len(), account.live("security_groups").len()), (2, 1), "{account:#?}");
    assert_eq!(account.live("key_pairs").len(), 2, "the old one is in the old request's launch");
    world.ok("down core -q", &[]);
    world.assert_nothing_was_made();
}

#[test]
fn an_adoption_that_was_broken_off_is_finished_by_running_it_again() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let first = owners(&world)[0].clone();
    become_somebody_else(&world);
    // It has the new tag and is not in the state yet.
    let mut adopt = world.start("recover dev --adopt -y -r us-east-1", &[]);
    super::world::eventually("the new tag", || owners(&world).iter().any(|owner| *owner != first).then_some(()));
    adopt_is_killed(&mut adopt);
    drop(adopt);
    world.ok("recover dev --adopt -y -r us-east-1", &[]);
    assert!(owners(&world).iter().all(|owner| *owner != first));
    world.ok("up dev -q", &[]);
    world.account().assert_one_cloudtop();
}

fn adopt_is_killed(adopt: &mut super::world::Running) {
    adopt.signal("KILL");
    while adopt.next_line().is_some() {}
}

#[test]
fn an_installation_whose_state_is_lost_can_be_taken_up_as_a_whole() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.ok("up core --template ./plain -q", &[]);
    let first = owners(&world)[0].clone();
    become_somebody_else(&world);
    world
        .run("recover --owner 0199f000-0000-7000-8000-00000000000f")
        .exits(3)
        .says(&["nothing was found of installation"]);
    world.ok("recover", &["--owner", &first]);
    assert_eq!(names(&world), ["core", "dev"]);
    assert!(owners(&world).iter().all(|owner| *owner == first), "nothing was retagged");
    world.ok("down dev --delete-volumes -y -q", &[]);
    world.ok("down core -q", &[]);
    world.assert_nothing_was_made();
}
