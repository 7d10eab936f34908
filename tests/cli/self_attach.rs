//! Nodes that attach their own volumes: what is made for it in the account, and what they are launched with.

use serde_json::Value;

use super::world::World;

fn profile(world: &World) -> String {
    world.json("--config cloudtop.toml init --self-attach --yes")["instance_profile"].as_str().unwrap().to_owned()
}

/// How many calls a command launches nodes by.
fn launched(world: &World, command: &str) -> u64 {
    let before = world.account().calls("RunInstances") + world.account().calls("RequestSpotInstances");
    world.ok(command, &[]);
    world.account().calls("RunInstances") + world.account().calls("RequestSpotInstances") - before
}

#[test]
fn init_says_what_it_can_make_and_asks_before_it_makes_anything() {
    let world = World::new();
    world.run("init --remove").exits(2);
    let asked = world.run("init --self-attach").exits(2);
    asked.says(&[
        "attach to itself those with the tag cloudtop:owner = ",
        "Make the role and the instance profile",
        "--yes (-y)",
    ]);
    assert_eq!(world.account().calls("CreateRole"), 0);
    assert!(!world.cwd().join("cloudtop.toml").exists());
}

#[test]
fn init_is_the_same_done_twice_and_writes_a_configuration_only_where_there_is_none() {
    let world = World::new();
    let name = profile(&world);
    let line = format!("instance_profile = \"{name}\"\n");
    let file = world.cwd().join("cloudtop.toml");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), line);
    assert_eq!(profile(&world), name);

    let own = "# mine\n[env.dev]\ncpus = 2\n";
    world.write("cloudtop.toml", own);
    let said = world.ok("--config cloudtop.toml init --self-attach -y", &[]);
    assert!(
        said.stdout.contains(&format!("Add to cloudtop.toml, above its first [table]: {}", line.trim())),
        "{said:?}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), own);
}

#[test]
fn what_the_built_in_ec2_has_made_is_written_into_no_file_that_was_not_named() {
    let world = World::new();
    let said = world.ok("init --self-attach -y", &[]);
    assert!(said.stdout.contains("They are of the built-in EC2, so cloudtop.toml is left as it is"), "{said:?}");
    assert!(!world.cwd().join("cloudtop.toml").exists());
}

#[test]
fn what_init_made_is_taken_away_again_however_often_it_is_asked() {
    let world = World::new();
    let name = profile(&world);
    world.run("init --self-attach --remove").exits(2).says(&["EC2 cannot launch them again", "--yes"]);
    world.ok("init --self-attach --remove -y", &[]).says(&["take the line with", "out of cloudtop.toml"]);
    assert_eq!(world.json("init --self-attach --remove -y")["removed"], Value::from(name));
    assert_eq!(world.account().calls("DeleteRole"), 1);
}

#[test]
fn a_run_that_was_broken_off_is_finished_by_the_next() {
    let world = World::new();
    for denied in ["PutRolePolicy", "CreateInstanceProfile", "AddRoleToInstanceProfile"] {
        world.ok("sim set setting denied", &[denied]);
        world.run("init --self-attach -y").exits(6).says(&[&format!("iam:{denied}"), "OptionalMakeSelfAttachRole"]);
    }
    world.ok("sim set setting denied", &[""]);
    let name = profile(&world);
    world.ok("up dev -q --on-interruption terminate", &[]);
    for denied in ["DeleteInstanceProfile", "DeleteRolePolicy", "DeleteRole"] {
        world.ok("sim set setting denied", &[denied]);
        world.run("init --self-attach --remove -y").exits(6).says(&[&format!("iam:{denied}")]);
    }
    world.ok("sim set setting denied", &[""]);
    assert_eq!(world.json("init --self-attach --remove -y")["removed"], Value::from(name));
}

#[test]
fn nodes_that_attach_their_own_volumes_have_user_data_of_their_own() {
    let world = World::new();
    profile(&world);
    // In one call where EC2 brings nodes back with their volumes.
    assert_eq!(launched(&world, "up still -n 2 -q --wait running"), 1);
    assert_eq!(launched(&world, "up moving -n 2 -q --wait running --on-interruption terminate"), 2);
    let state: Value = serde_json::from_str(&std::fs::read_to_string(world.state_file()).unwrap()).unwrap();
    let intent = |name: &str| state["environments"][name]["intent"].clone();
    assert!(intent("still")["user_data"]["shared"].is_string(), "{:#}", intent("still"));
    assert_eq!(intent("moving")["user_data"]["per-node"].as_array().unwrap().len(), 2);
    world.ok("up still -q --wait running", &["--instance-profile", ""]);
    let state: Value = serde_json::from_str(&std::fs::read_to_string(world.state_file()).unwrap()).unwrap();
    assert_eq!(state["environments"]["still"]["intent"]["instance_profile"], Value::Null);
}

#[test]
fn a_role_that_may_not_be_passed_on_is_told_with_the_statement_to_add() {
    let world = World::new();
    profile(&world);
    world.ok("sim set setting denied", &["PassRole"]);
    let said = world.run("up dev").exits(6);
    said.says(&["may not call iam:PassRole on arn:aws:iam::", "OptionalLaunchWithSelfAttachRole"]);
}

#[test]
fn what_is_no_name_of_an_instance_profile_is_refused_before_anything_is_made() {
    let world = World::new();
    world.run("up dev --instance-profile arn:aws:iam::123456789012:instance-profile/x").exits(2).says(&["not its ARN"]);
    world.assert_nothing_was_made();
}
