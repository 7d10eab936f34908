//! `template check`, and what `up` makes of the same.

use super::world::World;

const MANIFEST: &str = "name = \"mine\"\ndescription = \"x\"\nuser = \"ubuntu\"\nuser_data_format = \"cloud-config\"\n[image]\nfamily = \"ubuntu\"\n[ready]\ncommand = \"true\"\n";

#[test]
fn a_good_template_passes_and_a_bad_one_says_where_and_what_to_do() {
    let world = World::empty();
    for name in ["cloudtop", "coreos"] {
        let ended = world.ok("template check", &[name]);
        assert!(ended.stdout.starts_with(&format!("{name}: nothing found; ")), "{ended:#?}");
    }
    world.write("mine/template.toml", MANIFEST);
    world.write("mine/user-data", "#cloud-config\npakages: [git]\nmounts:\n  - [/dev/xvdb, /data]\n");
    let ended = world.run("template check ./mine -q").exits(2);
    assert_eq!(
        ended.stdout,
        "./mine (rendered):2:1: error[misspelt-key]: there is no key `pakages`; did you mean `packages`?; cloud-init would pass over it\n\
         ./mine (rendered):4:6: warning[device]: there is no /dev/xvdb on instance types with NVMe disks; use LABEL=, UUID= or /dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol...\n\
         ./mine: 1 error, 1 warning; 60 bytes, of 16384\n"
    );
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_file_is_looked_at_for_the_image_that_it_is_for() {
    let world = World::empty();
    world.write("boot.yaml", "#cloud-config\ncoreos:\n  units: []\n");
    world.run("template check boot.yaml -q").exits(0);
    world.run("template check boot.yaml -q --strict").exits(2);
    world.run("template check boot.yaml -q --strict --template coreos").exits(0);
    let ended = world.run("template check boot.yaml -q --template cloudtop --json").exits(2);
    let report = ended.json();
    assert_eq!((&report["errors"], &report["findings"][0]["rule"]), (&1.into(), &"wrong-dialect".into()));
    assert_eq!((&report["findings"][0]["line"], &report["findings"][0]["level"]), (&2.into(), &"error".into()));
    world.run("template check nosuch").exits(3).says(&["nosuch", "cloudtop, coreos"]);
    world.run("template check nosuch.yaml").exits(2).says(&["nosuch.yaml"]);
}

#[test]
fn up_makes_nothing_of_user_data_that_cannot_work_and_warns_of_what_is_doubtful() {
    let world = World::new();
    world.write("mine/template.toml", MANIFEST);
    world.write("mine/user-data", "#cloud-config\nruncmd:\n  - if true\n");
    for words in ["up dev --template ./mine", "plan dev --template ./mine"] {
        world.run(words).exits(2).says(&["error[shell]", "template check ./mine"]);
    }
    world.write("boot", "hostname: x\n");
    world.run("up dev --user-data boot").exits(2).says(&["boot:1:1: error[header]"]);
    world.assert_nothing_was_made();
    world.write("mine/user-data", "#cloud-config\nfrobnicate: 1\n");
    world.run("plan dev --template ./mine").exits(0).says(&["warning: ", "[unknown-key]"]);
}

#[test]
fn what_is_rendered_follows_the_options() {
    let world = World::empty();
    let all = world.ok("template render cloudtop --ttl 8h --idle 45m --volume 100 -q", &[]).stdout;
    for unit in ["cloudtop-expire.timer", "cloudtop-idle.timer", "cloudtop-volume.service"] {
        assert!(all.contains(unit), "{unit}");
    }
    let bare = world.ok("template render cloudtop --no-volume -q", &[]).stdout;
    for unit in ["cloudtop-expire.timer", "cloudtop-idle.timer", "cloudtop-volume.service"] {
        assert!(!bare.contains(unit), "{unit}");
    }
    let with = |volume: &str| world.ok(&format!("template render coreos {volume} -q"), &[]).stdout.len();
    assert!(with("--volume 20") > with("--no-volume"), "what is compressed is larger with a volume in it");
    assert!(world.ok("template render --help", &[]).stdout.contains("Example"));
}

#[test]
fn show_tells_what_to_run_after_up_as_it_is_run() {
    let world = World::empty();
    let shown = world.ok("template show docker", &[]).stdout;
    let line = "after `up dev`, on your machine: docker context create cloudtop-dev --docker host=ssh://cloudtop-dev";
    assert!(shown.contains(line), "{shown}");
}
