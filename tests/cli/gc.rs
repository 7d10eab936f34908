//! What has our tags and no use any more: what is listed, what it costs, and what ends.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::world::{Running, World, eventually, phase_reached};

/// The simulated EC2 over HTTP, for changes behind the program's back.
struct Ec2 {
    address: String,
    _server: Running,
}

impl Ec2 {
    fn of(world: &World) -> Self {
        let mut server = world.start("sim serve --port 0", &[]);
        // The address is on stdout; the hint beside it on stderr has it too.
        let line = server.next_line().unwrap();
        let address = line.split("http://").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        Self { address, _server: server }
    }

    /// Calls an action with parameters; its answer must be a success.
    fn call(&self, action: &str, parameters: &str) -> String {
        let body = format!("Action={action}&Version=2016-11-15&{parameters}");
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let scope = "Credential=AK/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=00";
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: {}\r\nAuthorization: AWS4-HMAC-SHA256 {scope}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }
}

/// The state forgets an environment.
fn forget(world: &World, name: &str) {
    let mut state: Value = serde_json::from_slice(&std::fs::read(world.state_file()).unwrap()).unwrap();
    state["environments"].as_object_mut().unwrap().remove(name);
    std::fs::write(world.state_file(), serde_json::to_vec(&state).unwrap()).unwrap();
}

fn kinds_and_ids(gc: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    gc["leftovers"].as_array().unwrap().iter().map(|it| (text(&it["kind"]), text(&it["id"]))).collect()
}

fn only(gc: &Value) -> Value {
    assert_eq!(gc["leftovers"].as_array().unwrap().len(), 1, "{gc:#}");
    gc["leftovers"][0].clone()
}

#[test]
fn what_is_known_and_in_use_is_not_listed() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.ok("up rest -q", &[]);
    world.ok("stop rest -q", &[]);
    let gc = world.ok("gc", &[]).says(&["known and in use"]);
    assert_eq!(gc.stdout, "");
    assert_eq!(world.json("gc")["leftovers"], json!([]));
}

#[test]
fn an_unknown_environment_is_one_line_with_its_price_and_ends_when_it_is_named() {
    let world = World::new();
    world.ok("up lost --template ./plain -q", &[]);
    world.ok("up dev -q", &[]);
    forget(&world, "lost");
    let gc = world.ok("gc -r us-east-1", &[]).says(&["cloudtop gc --end", "cloudtop recover"]);
    assert_eq!(gc.rows()[0][..3], ["environment", "lost", "us-east-1"]);
    assert!(gc.stdout.contains("no state knows it"), "{gc:#?}");
    let leftover = only(&world.json("gc"));
    assert!(leftover["price_per_month"].as_f64().unwrap() > 1.0, "{leftover:#}");
    assert_eq!((&leftover["ours"], &leftover["ended_with_others"]), (&json!(true), &json!(true)));
    assert_eq!(leftover["parts"].as_array().unwrap().len(), 2, "an instance and a request");

    world.run("gc lost").exits(2).says(&["--yes"]);
    world.run("gc dev -y").exits(3).says(&["it is in use"]);
    world.ok("gc lost -y", &[]).says(&["lost is gone"]);
    world.account().assert_one_cloudtop();
    assert_eq!(world.json("status dev")["phase"], "ready");
}

#[test]
fn a_volume_goes_only_when_it_is_named() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.ok("up lost -q", &[]);
    forget(&world, "lost");
    let ended = world.ok("gc --end -y", &[]).says(&["lost is gone; its volume vol-", "cloudtop gc vol-"]);
    assert!(!ended.stderr.contains("volume vol- is gone"));
    let volume = only(&world.json("gc"));
    assert_eq!(volume["kind"], "volume", "an environment of which only a volume is left is a volume");
    assert_eq!((&volume["price_per_month"], &volume["ended_with_others"]), (&json!(4.0), &json!(false)));
    world.ok("gc --end -y", &[]);
    assert_eq!(only(&world.json("gc"))["id"], volume["id"], "all that is safe is not a volume");
    world.run("gc lost -y").exits(2).says(&["only by its id"]);

    let id = volume["id"].as_str().unwrap();
    world
        .run(&format!("gc {id}"))
        .exits(2)
        .says(&[&format!("Delete volume {id} (of lost), with all that is on them?")]);
    world.ok(&format!("gc {id} -y"), &[]).says(&[&format!("volume {id} is gone")]);
    world.account().assert_one_cloudtop();
}

#[test]
fn the_kept_volume_of_an_ended_environment_is_listed_and_the_environment_forgotten_with_it() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.ok("down dev -q", &[]);
    let volume = only(&world.json("gc"));
    assert!(volume["why"].as_str().unwrap().contains("environment was ended"), "{volume:#}");
    world.ok("gc --end --volumes -y", &[]);
    world.assert_nothing_was_made();
}

#[test]
fn what_a_broken_off_down_has_left_is_listed_and_ended() {
    let world = World::new();
    world.ok("up dev --no-volume -q", &[]);
    world.ok("sim set setting denied DeleteSecurityGroup,DeleteKeyPair", &[]);
    world.run("down dev -q").exits(6);
    world.ok("sim set setting denied", &[""]);
    let gc = world.json("gc");
    let kinds: Vec<String> = kinds_and_ids(&gc).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["security group", "key pair"]);
    assert_eq!(gc["price_per_month"], json!(0.0));
    let table = world.ok("gc", &[]);
    assert!(table.stdout.lines().skip(1).all(|line| line.contains("free")), "{table:#?}");
    world.ok("gc --end -y", &[]);
    world.account().assert_empty();
}

#[test]
fn an_orphan_is_listed_and_ends_only_when_it_is_named() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let node = world.json("status dev")["nodes"][0].clone();
    let (request, instance) = (node["spot_request_id"].as_str().unwrap(), node["instance_id"].as_str().unwrap());
    Ec2::of(&world).call("CancelSpotInstanceRequests", &format!("SpotInstanceRequestId.1={request}"));
    let orphan = only(&world.json("gc"));
    assert_eq!((&orphan["kind"], &orphan["id"]), (&json!("instance"), &json!(instance)));
    assert!(orphan["price_per_month"].as_f64().unwrap() > 1.0, "{orphan:#}");
    world.ok("gc --end -y", &[]);
    assert_eq!(world.account().live("instances").len(), 1, "somebody may be working on it");
    world.ok(&format!("gc {instance} -y"), &[]).says(&["is gone"]);
    assert!(world.account().live("instances").is_empty());
    assert_eq!(world.account().persistent_volumes().len(), 1);
}

#[test]
fn an_interface_that_nothing_has_and_a_second_instance_of_a_node_are_ended_and_the_node_stays() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let ec2 = Ec2::of(&world);
    let node = world.json("status dev")["nodes"][0].clone();
    let tags = |kind: &str| {
        let all = &world.account().0["instances"][0]["tags"];
        let pairs = all.as_object().unwrap().iter().enumerate().map(|(place, (key, value))| {
            let value = value.as_str().unwrap().replace('/', "%2F");
            let tag = format!("TagSpecification.1.Tag.{}", place + 1);
            format!("&{tag}.Key={key}&{tag}.Value={value}")
        });
        format!("TagSpecification.1.ResourceType={kind}{}", pairs.collect::<String>())
    };
    let subnets = ec2.call("DescribeSubnets", "");
    let subnet = subnets.split("<subnetId>").nth(1).unwrap().split('<').next().unwrap();
    ec2.call("CreateNetworkInterface", &format!("SubnetId={subnet}&{}", tags("network-interface")));
    let amd64 = "Owner.1=099720109477&Filter.1.Name=architecture&Filter.1.Value.1=x86_64";
    let images = ec2.call("DescribeImages", amd64);
    let image = images.split("<imageId>").nth(1).unwrap().split('<').next().unwrap();
    ec2.call(
        "RunInstances",
        &format!("MinCount=1&MaxCount=1&InstanceType=m5.large&ImageId={image}&{}", tags("instance")),
    );
    let gc = eventually("both", || {
        let gc = world.json("gc -r us-east-1");
        (gc["leftovers"].as_array().unwrap().len() == 2).then_some(gc)
    });
    let kinds: Vec<String> = kinds_and_ids(&gc).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["instance", "interface"]);
    assert_ne!(gc["leftovers"][0]["id"], node["instance_id"], "the node is the one that has the volume");
    let ended = world.ok("gc -r us-east-1 --end -y", &["--json"]).json();
    assert_eq!(ended["ended"].as_array().unwrap().len(), 2);
    world.account().assert_one_cloudtop();
    assert_eq!(world.json("status dev")["nodes"][0]["instance_id"], node["instance_id"]);
    assert_eq!(world.json("gc")["leftovers"], json!([]));
}

#[test]
fn a_second_volume_of_a_node_that_has_one_is_listed_and_ends_only_when_it_is_named() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let account = world.account();
    let own = account.persistent_volumes()[0];
    let tags = own["tags"].as_object().unwrap().iter().enumerate().map(|(place, (key, value))| {
        let tag = format!("TagSpecification.1.Tag.{}", place + 1);
        format!("&{tag}.Key={key}&{tag}.Value={}", value.as_str().unwrap().replace('/', "%2F"))
    });
    let zone = own["zone"].as_str().unwrap();
    let tags: String = tags.collect();
    let wish = format!("AvailabilityZone={zone}&Size=10&TagSpecification.1.ResourceType=volume{tags}");
    Ec2::of(&world).call("CreateVolume", &wish);
    let second = only(&world.json("gc"));
    assert_eq!(second["kind"], "volume");
    assert!(second["why"].as_str().unwrap().contains(own["id"].as_str().unwrap()), "{second:#}");
    world.ok("gc --end -y", &[]);
    let id = second["id"].as_str().unwrap();
    assert_eq!(only(&world.json("gc"))["id"], id);
    world.ok(&format!("gc {id} -y"), &[]).says(&["is gone"]);
    world.account().assert_one_cloudtop();
}

#[test]
fn what_others_made_is_listed_on_demand_and_never_ended() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    super::recover::become_somebody_else(&world);
    assert_eq!(world.json("gc")["leftovers"], json!([]));
    let theirs = only(&world.json("gc --all-owners"));
    assert_eq!((&theirs["ours"], &theirs["ended_with_others"]), (&json!(false), &json!(false)));
    let table = world.ok("gc --all-owners", &[]);
    assert!(table.stdout.contains(theirs["owner"].as_str().unwrap()), "{table:#?}");
    world.ok("gc --all-owners --end --volumes -y", &[]);
    world.run("gc dev --all-owners -y").exits(2).says(&["belongs to installation", "--adopt"]);
    world.account().assert_one_cloudtop();
}

#[test]
fn a_killed_gc_is_finished_by_the_next() {
    for said in ["cancel spot request", "terminate i-", "is shutting down", "delete security group"] {
        let world = World::new();
        world.ok("up lost --no-volume -q", &[]);
        forget(&world, "lost");
        let mut gc = world.start("gc --end -y -v -r us-east-1", &[]);
        gc.wait_for(said);
        gc.kill();
        world.ok("gc --end -y -q -r us-east-1", &[]);
        world.assert_nothing_was_made();
    }
}

#[test]
fn a_region_that_refuses_is_told_and_left_out() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.ok("sim set setting denied DescribeSnapshots", &[]);
    let gc = world.ok("gc", &["--json"]).says(&["us-east-1", "DescribeSnapshots"]).json();
    assert!(gc["left_out"].as_array().unwrap().iter().any(|it| it["region"] == "us-east-1"), "{gc:#}");
    world.ok("sim set setting denied DescribeInstances", &[]);
    world.run("gc").exits(6).says(&["DescribeInstances"]);
    world.run("recover").exits(6).says(&["DescribeInstances"]);
}

#[test]
fn a_signal_in_the_middle_tells_how_to_go_on() {
    let world = World::new();
    world.ok("up lost --no-volume -q", &[]);
    forget(&world, "lost");
    world.ok("sim set setting terminate 600s", &[]);
    let mut gc = world.start("gc --end -y -r us-east-1", &[]);
    gc.wait_for("is shutting down");
    gc.signal("INT");
    gc.finish().exits(130).says(&["interrupted", "cloudtop gc lost"]);
    world.ok("sim set setting terminate 1s", &[]);
    world.ok("up dev -q", &[]);
    phase_reached(&world, "dev", "ready");
}
