//! The operating systems that a template can be put on, and docker hosts.

use std::fs;

use super::world::World;

#[test]
fn an_environment_has_the_system_that_was_asked_for_and_keeps_it() {
    let world = World::new();
    world.ok("up dev --os debian -q", &[]);
    // Its image lets nobody else in.
    assert_eq!(world.ok("ssh dev -- whoami", &[]).stdout, "admin\n");
    assert!(world.ok("ssh dev -- mountpoint ~/persistent", &[]).stdout.starts_with("/home/admin/persistent is"));

    world.run("up dev --os ubuntu").exits(2).says(&["`dev` has its operating system already", "cloudtop down dev"]);
    world.ok("up dev", &[]).says(&["dev: ready"]);
    world.ok("down dev -q", &[]);
    world.ok("up dev -q", &[]);
    assert_eq!(world.ok("ssh dev -- whoami", &[]).stdout, "admin\n");
}

#[test]
fn the_system_may_be_said_in_the_configuration() {
    let world = World::new();
    world.write("cloudtop.toml", "os = \"amazon-linux\"\n");
    world.ok("up dev -q --no-volume", &[]);
    assert_eq!(world.ok("ssh dev -- whoami", &[]).stdout, "ec2-user\n");
}

#[test]
fn a_system_that_the_template_is_not_made_for_is_refused_with_those_that_it_is_for() {
    let world = World::new();
    world.run("up dev --template coreos --os debian").exits(2).says(&["not made for debian; it is for flatcar"]);
    world.run("up dev --os flatcar").exits(2).says(&["it is for ubuntu, debian, amazon-linux"]);
    world.run("up dev --os centos").exits(2).says(&["use ubuntu, debian or amazon-linux"]);
    world.assert_nothing_was_made();
}

#[test]
fn a_recovered_environment_logs_in_as_its_system_wants() {
    let world = World::new();
    world.ok("up dev --os debian -q", &[]);
    fs::remove_file(world.state_file()).unwrap();
    world.ok("recover dev -r us-east-1", &[]);
    assert_eq!(world.ok("ssh dev -- whoami", &[]).stdout, "admin\n");
}

#[test]
fn a_docker_host_says_how_docker_reaches_it_from_here() {
    let world = World::new();
    let line = "docker context create cloudtop-box --docker host=ssh://cloudtop-box";
    world.ok("up box --template docker", &[]).says(&["box: ready", line]);
    assert!(world.account().persistent_volumes().is_empty());
    let two = world.ok("up two --template docker -n 2", &[]);
    two.says(&["docker context create cloudtop-two.0 --docker host=ssh://cloudtop-two.0", "host=ssh://cloudtop-two.1"]);
}
