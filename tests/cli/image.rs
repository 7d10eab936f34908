//! Images: baked, launched from, pruned, removed; killed at any time, and gone on with.

use serde_json::Value;

use super::world::World;

fn images(world: &World) -> Vec<Value> {
    world.json("image list")["images"].as_array().unwrap().clone()
}

/// One image of the name that is ready, without a persistent volume in it, and nothing of its builder.
#[track_caller]
fn assert_one_image(world: &World, environments: usize) {
    let account = world.account();
    let all = account.0["images"].as_array().unwrap().clone();
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(all[0]["state"], "available");
    assert_eq!(all[0]["devices"].as_array().unwrap().len(), 1, "{all:#?}");
    assert_eq!(all[0]["tags"]["cloudtop:role"], "image");
    let snapshots = account.live("snapshots");
    assert_eq!(snapshots.len(), 1, "{snapshots:#?}");
    assert_eq!(account.live("instances").len(), environments);
    assert_eq!(account.live("security_groups").len(), environments);
    assert_eq!(account.live("key_pairs").len(), environments);
    assert_eq!(world.json("list")["environments"].as_array().unwrap().len(), environments);
}

#[test]
fn an_image_is_baked_of_a_template_and_nodes_are_launched_from_it() {
    let world = World::new();
    world.run("image list").exits(0).says(&["there are no images of your own"]);
    let baked = world.ok("image bake tools", &[]);
    baked.says(&["the builder costs $", "at most $1.00 a month", "are taken from the builder", "--image tools"]);
    assert_one_image(&world, 0);
    let image = images(&world).remove(0);
    assert_eq!((&image["name"], &image["usable"]), (&"tools".into(), &true.into()), "{image:#}");
    assert_eq!(image["price_per_month_at_most"], 1.0);
    world.ok("up work --image tools --no-volume -q", &[]);
    let status = world.json("status work");
    assert_eq!(status["phase"], "ready");
    let id = image["image_id"].as_str().unwrap();
    assert_eq!(images(&world)[0]["used_by"], serde_json::json!(["work"]));
    world.run("image rm tools -y").exits(2).says(&["is used by work"]);
    world.ok("down work -q", &[]);
    world.run(&format!("image rm {id}")).exits(2).says(&["--yes"]);
    world.ok(&format!("image rm {id} -y"), &[]).says(&["is gone"]);
    world.assert_nothing_was_made();
    let account = world.account();
    assert!(account.live("images").is_empty() && account.live("snapshots").is_empty());
}

#[test]
fn an_image_of_a_running_environment_has_nothing_of_its_volume_and_the_environment_runs_on() {
    let world = World::new();
    world.ok("up dev --volume 10 -q", &[]);
    let before = world.json("status dev")["nodes"][0]["instance_id"].clone();
    world.ok("image bake tools --from dev", &[]).says(&["dev is copied as it is, and runs on"]);
    assert_one_image(&world, 1);
    assert_eq!(images(&world)[0]["made_from"], "dev");
    let status = world.json("status dev");
    assert_eq!((&status["nodes"][0]["instance_id"], &status["phase"]), (&before, &"ready".into()));
    assert_eq!(world.json("volume snapshots")["snapshots"], serde_json::json!([]), "an image's are none of a volume's");
}

#[test]
fn versions_are_kept_by_count_and_a_name_is_the_newest() {
    let world = World::new();
    world.ok("image bake tools -q", &[]);
    let first = images(&world)[0]["image_id"].as_str().unwrap().to_owned();
    world.ok("up old --image tools --no-volume -q", &[]);
    // A version is the second in which it began.
    world.ok("image bake tools -q", &[]);
    let all = images(&world);
    let second = all[0]["image_id"].as_str().unwrap().to_owned();
    assert_eq!(all[1]["image_id"], first.as_str(), "{all:#?}");
    let pruned = world.ok("image bake tools --keep 1", &[]);
    let pruned = pruned.says(&[&format!("{second}, version"), "is deleted"]);
    assert!(!pruned.stderr.contains(&format!("{first}, version")), "{pruned:#?}");
    let left: Vec<Value> = images(&world);
    assert_eq!((left.len(), left[1]["image_id"].as_str()), (2, Some(first.as_str())), "one in use stays");
    let newest = left[0]["image_id"].as_str().unwrap();
    world.ok("up new --image tools --no-volume -q", &[]);
    let used: Vec<_> = images(&world).into_iter().filter(|it| it["used_by"] == serde_json::json!(["new"])).collect();
    assert_eq!(used[0]["image_id"], newest);
}

#[test]
fn an_image_of_another_system_or_of_no_such_name_is_refused_before_anything_is_made() {
    let world = World::new();
    world.ok("image bake tools -q", &[]);
    world.run("up dev --image toolz").exits(3).says(&["there is no image `toolz`", "did you mean `tools`?"]);
    world.run("up dev --image tools --os debian").exits(2).says(&["has ubuntu", "debian"]);
    world.run("up dev --image tools --ami ami-0123456789abcdef0").exits(2);
    world.run("image bake flat --template coreos").exits(2).says(&["Ignition"]);
    world.run("image rm toolz -y").exits(3).says(&["did you mean `tools`?"]);
    assert_one_image(&world, 0);
    world.write("cloudtop.toml", "[env.dev]\nimage = \"tools\"\nvolume = false\n");
    world.ok("up dev -q", &[]);
    assert_eq!(images(&world)[0]["used_by"], serde_json::json!(["dev"]));
}

#[test]
fn a_bake_that_is_killed_is_finished_by_the_same_command() {
    for words in [
        "launch node 0",
        "are taken from the builder",
        "stop i-",
        "create an image of",
        "cancel spot request",
        "delete security group",
    ] {
        let world = World::new();
        let mut first = world.start("image bake tools -v", &[]);
        first.wait_for(words);
        assert!(first.kill(), "{words}");
        world.ok("image bake tools", &[]);
        assert_one_image(&world, 0);
    }
}

#[test]
fn a_copy_of_a_machine_that_is_given_up_is_told_of_and_can_be_removed() {
    let world = World::new();
    world.ok("up dev --no-volume -q", &[]);
    let mut first = world.start("image bake tools --from dev -v", &[]);
    first.wait_for("launch node 0");
    assert!(first.kill());
    world.run("up bake-tools").exits(2).says(&["is the builder of the image `tools`"]);
    let raw = images(&world)[0]["image_id"].as_str().unwrap().to_owned();
    world.run("up work --image tools").exits(3).says(&["is not ready"]);
    world.run(&format!("image rm {raw} -y")).exits(2);
    world.ok("down bake-tools", &[]).says(&["of bakes that came to no end", &raw]);
    world.ok("gc -r us-east-1", &[]).says(&[&format!("cloudtop image rm {raw}")]);
    world.ok(&format!("image rm {raw} -y"), &[]);
    let account = world.account();
    assert!(account.live("images").is_empty() && account.live("snapshots").is_empty());
    world.ok("image bake tools --from dev -q", &[]);
    assert_one_image(&world, 1);
}

#[test]
fn an_image_that_ec2_cannot_make_is_told_and_the_next_run_makes_another() {
    let world = World::new();
    world.ok("sim set setting snapshots fail", &[]);
    world.run("image bake tools").exits(1).says(&["EC2 could not make ami-"]);
    world.ok("sim set setting snapshots complete", &[]);
    world.ok("image bake tools", &[]);
    assert_one_image(&world, 0);
}

#[test]
fn an_image_whose_answer_is_lost_is_made_once() {
    let world = World::new();
    world.ok("sim set fault CreateImage reset-after --first 1", &[]);
    world.ok("image bake tools -q", &[]);
    assert_one_image(&world, 0);
}
