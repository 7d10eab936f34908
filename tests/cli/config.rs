//! `cloudtop config`: what the files say, whether it is right, and the schema.

use super::world::World;

#[test]
fn each_setting_is_shown_with_the_place_that_says_it() {
    let world = World::empty();
    world.write(
        "cloudtop.toml",
        "region = \"us-east-1\"\ncpus = 4\n[tags]\nteam = \"x\"\n[env.dev]\ntypes = [\"m5.large\"]\n",
    );
    let shown = world.ok("config show dev", &[]).stdout;
    assert!(shown.contains("region = \"us-east-1\"  # cloudtop.toml\n"), "{shown}");
    assert!(shown.contains("types = [\"m5.large\"]  # cloudtop.toml [env.dev]"), "{shown}");
    assert!(shown.contains("tags.team = \"x\"") && !shown.contains("cpus"), "{shown}");
    let json = world.json("config show other");
    let keys: Vec<_> = json["settings"].as_array().unwrap().iter().map(|it| it["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["cpus", "region", "tags.team"]);
}

#[test]
fn a_check_fails_where_other_commands_only_warn() {
    let world = World::empty();
    world.ok("config check", &[]).says(&["there is no cloudtop.toml"]);
    world.write("cloudtop.toml", "[env.dev]\ntemplate = \"coreos\"\n");
    world.ok("config check", &[]).says(&["nothing is wrong"]);
    world.write("cloudtop.toml", "regoin = \"us-east-1\"\n[env.Dev]\ntemplate = \"coroes\"\n");
    let ended = world.run("config check").exits(2);
    let ended = ended.says(&["did you mean `region`?", "[env.Dev]: the name", "did you mean `coreos`?"]);
    assert_eq!(ended.stdout, "");
    assert_eq!(world.run("config check --json").exits(2).json()["wrong"].as_array().unwrap().len(), 3);
    world.write("cloudtop.toml", "nodes = = 3\n");
    world.run("config check").exits(2).says(&["line 1"]);
}

#[test]
fn a_credential_in_the_file_stops_every_command() {
    let world = World::empty();
    world.write("cloudtop.toml", "[env.dev]\naws_secret_access_key = \"hunter2\"\n");
    for words in ["config check", "config show dev", "up dev", "plan dev"] {
        let ended = world.run(words).exits(2);
        let ended = ended.says(&["cloudtop.toml:2", "looks like a credential", "~/.aws", "[secrets]"]);
        assert!(!ended.stderr.contains("hunter2"), "{ended:#?}");
    }
}

#[test]
fn the_schema_is_printed_for_editors() {
    let schema = World::empty().ok("config schema", &[]).json();
    assert_eq!(schema["title"], "cloudtop.toml");
    assert!(schema["properties"]["env"].is_object());
}
