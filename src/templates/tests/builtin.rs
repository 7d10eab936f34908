//! The built-in templates.

use super::*;

#[test]
fn every_built_in_template_loads_and_renders_with_and_without_everything() {
    for name in Template::builtin() {
        let template = Template::load(name).unwrap();
        assert_eq!(template.manifest.name, name);
        for context in [context(&template, &[]), with_everything(&template)] {
            let user_data = template.render(&context, &node(0)).unwrap();
            assert!(!user_data.per_node, "one call launches all nodes of {name}");
            prepare(user_data.raw, template.manifest.may_be_gzipped()).unwrap();
            template.ready_command(&context, &node(0)).unwrap();
        }
    }
    assert_eq!(Template::builtin(), ["cloudtop", "coreos", "docker", "etcd", "fedora-coreos", "k3s"]);
}

#[test]
fn built_in_templates_are_their_own_directories_too() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    for name in Template::builtin() {
        let directory = Template::load(root.join(name).to_str().unwrap()).unwrap();
        let builtin = Template::load(name).unwrap();
        let context = with_everything(&builtin);
        assert_eq!(builtin.render(&context, &node(0)).unwrap(), directory.render(&context, &node(0)).unwrap());
    }
}

#[test]
fn a_cloudtop_waits_for_its_volume_by_serial_number() {
    let template = Template::load("cloudtop").unwrap();
    let context = with_everything(&template);
    let text = String::from_utf8(template.render(&context, &node(0)).unwrap().raw).unwrap();
    assert!(text.starts_with("#cloud-config\n"), "{text}");
    for line in [
        "      VOLUME_ID=vol-0123456789abcdef0\n",
        "      DEVICE=/dev/sdj\n",
        "      MOUNT=/home/ubuntu/persistent\n",
        "      OnCalendar=2026-11-21 15:30:00 UTC\n",
        "packages: [\"mdadm\"]\n",
        "  - systemctl enable --now --no-block cloudtop-volume.service\n",
        "      IDLE_MINUTES=45\n",
        "  - systemctl enable --now cloudtop-idle.timer\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert_eq!(
        template.ready_command(&context, &node(0)).unwrap().as_deref(),
        Some(
            "cloud-init status --long; echo 'ready check:'; mountpoint -q /home/ubuntu/persistent || \
             cat /run/cloudtop/volume || echo 'the volume is not mounted at ~/persistent yet'; mountpoint -q /home/ubuntu/persistent"
        )
    );
}

/// A file that is in a template's directory and not in the program would be missing for everybody but its author.
#[test]
fn the_program_carries_every_file_of_its_templates() {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/templates"));
    let mut seen = 0;
    for name in Template::builtin() {
        let mut directories = vec![root.join(name)];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                    continue;
                }
                let inside = path.strip_prefix(root.join(name)).unwrap().to_str().unwrap();
                let carried = Template::load(name).unwrap().source.read(inside);
                assert_eq!(carried.expect(inside), std::fs::read_to_string(&path).unwrap());
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn a_node_that_attaches_its_own_volume_knows_which_node_of_whom_it_is() {
    for name in Template::builtin() {
        let template = Template::load(name).unwrap();
        // Nodes that stop themselves are not launched again by EC2.
        let context = Context { self_attach: true, idle_minutes: None, ..with_everything(&template) };
        let user_data = template.render(&context, &node(2)).unwrap();
        assert!(user_data.per_node, "{name}");
        prepare(user_data.raw, template.manifest.may_be_gzipped()).unwrap();
        let without = template.render(&with_everything(&template), &node(2)).unwrap();
        assert!(!String::from_utf8(without.raw).unwrap().contains("attach.service"), "{name}");
    }
    let template = Template::load("cloudtop").unwrap();
    let context = Context { self_attach: true, ..with_everything(&template) };
    let text = String::from_utf8(template.render(&context, &node(2)).unwrap().raw).unwrap();
    for line in [
        "      ENVIRONMENT=dev\n      INSTALLATION=a1b2c3\n      NODE=2\n",
        "  - path: /opt/cloudtop/attach\n    permissions: \"0755\"\n",
        "  - systemctl enable --now --no-block cloudtop-attach.service\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[test]
fn a_cloudtop_without_a_volume_does_not_speak_of_one() {
    let template = Template::load("cloudtop").unwrap();
    let context = context(&template, &[("packages", "")]);
    let text = String::from_utf8(template.render(&context, &node(0)).unwrap().raw).unwrap();
    for word in ["VOLUME_ID", "cloudtop-volume", "expire", "idle", "packages:"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    let question = template.ready_command(&context, &node(0)).unwrap();
    assert_eq!(question.as_deref(), Some("cloud-init status --long"));
}

#[test]
fn a_volume_that_is_not_made_yet_has_an_empty_id() {
    let template = Template::load("cloudtop").unwrap();
    let mut context = with_everything(&template);
    context.volume = context.volume.map(|volume| Volume { id: None, ..volume });
    let text = String::from_utf8(template.render(&context, &node(0)).unwrap().raw).unwrap();
    assert!(text.contains("      VOLUME_ID=''\n"), "{text}");
}

fn text_on(template: &str, os: ImageFamily, set: &[(&str, &str)]) -> String {
    let template = Template::load(template).unwrap().on(Some(os)).unwrap();
    let context = Context { volume: with_everything(&template).volume, ..context(&template, set) };
    String::from_utf8(template.render(&context, &node(0)).unwrap().raw).unwrap()
}

#[test]
fn the_login_name_the_mount_and_the_packages_follow_the_system() {
    for (os, user, docker) in [
        (ImageFamily::Ubuntu, "ubuntu", "docker.io"),
        (ImageFamily::Debian, "admin", "docker.io\",\"docker-cli"),
        (ImageFamily::AmazonLinux, "ec2-user", "docker"),
    ] {
        let text = text_on("docker", os, &[("ephemeral_fs", "btrfs"), ("packages", "git")]);
        for line in [
            format!("      OWNER={user}\n"),
            format!("      MOUNT=/home/{user}/persistent\n"),
            format!("packages: [\"git\",\"btrfs-progs\",\"{docker}\"]\n"),
            format!("  - usermod --append --groups docker {user}\n"),
            "      EPHEMERAL_FS=btrfs\n      EPHEMERAL_DOCKER=\"yes\"\n".to_owned(),
        ] {
            assert!(text.contains(&line), "{line}{text}");
        }
    }
    let text = text_on("cloudtop", ImageFamily::Debian, &[]);
    assert!(!text.contains("docker.io") && text.contains("EPHEMERAL_DOCKER=\"\"\n"), "{text}");
}

#[test]
fn a_system_that_a_template_is_not_made_for_is_an_error_with_those_that_it_is_for() {
    let error = Template::load("docker").unwrap().on(Some(ImageFamily::Flatcar)).unwrap_err();
    assert_eq!(error.to_string(), "template `docker` is not made for flatcar; it is for ubuntu, debian, amazon-linux");
    assert!(Template::load("coreos").unwrap().on(Some(ImageFamily::Flatcar)).is_ok());
}

#[test]
fn a_text_that_must_be_one_of_several_is_checked_in_the_default_and_in_what_is_set() {
    let template = Template::load("cloudtop").unwrap();
    let set = BTreeMap::from([("ephemeral_fs".to_owned(), "zfs".to_owned())]);
    let error = set_variables(&template, &set).unwrap_err().to_string();
    assert!(error.ends_with("variable `ephemeral_fs` takes ext4 or btrfs, not `zfs`"), "{error}");
    let manifest = MANIFEST.replace("default = \"x\"", "default = \"x\"\none_of = [\"y\"]");
    let error = Own::new(&manifest, "").load().unwrap_err().to_string();
    assert!(error.ends_with("the default of variable `word` is not y"), "{error}");
}

#[test]
fn what_a_user_runs_after_up_names_the_node_as_their_ssh_does() {
    let template = Template::load("docker").unwrap();
    let command = template.after_up(&context(&template, &[]), &node(1)).unwrap();
    let wanted = "docker context create cloudtop-core.1 --docker host=ssh://cloudtop-core.1";
    assert_eq!(command.as_deref(), Some(wanted));
}

/// The config that takes the place of the one that is sent.
fn unpacked(raw: &[u8]) -> serde_json::Value {
    let sent: serde_json::Value = serde_json::from_slice(raw).unwrap();
    let replace = &sent["ignition"]["config"]["replace"];
    assert_eq!((&sent["ignition"]["version"], &replace["compression"]), (&"3.3.0".into(), &"gzip".into()));
    let packed = replace["source"].as_str().unwrap().strip_prefix("data:;base64,").unwrap();
    let packed = base64::engine::general_purpose::STANDARD.decode(packed).unwrap();
    serde_json::from_reader(flate2::read::GzDecoder::new(packed.as_slice())).unwrap()
}

/// What a `data:` URL without base64 holds.
fn of_data_url(url: &str) -> String {
    let mut pieces = url.strip_prefix("data:,").unwrap().split('%');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend(piece[2..].bytes());
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn coreos_is_ignition_that_holds_the_files_and_units() {
    let template = Template::load("coreos").unwrap();
    let context = with_everything(&template);
    let raw = template.render(&context, &node(0)).unwrap().raw;
    assert!(raw.len() <= USER_DATA_LIMIT, "{} bytes cannot be compressed for Ignition", raw.len());
    let config = unpacked(&raw);
    assert_eq!(config["ignition"]["version"], "3.3.0");
    let names = |list: &serde_json::Value, key: &str| -> Vec<String> {
        list.as_array().unwrap().iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        names(&config["storage"]["files"], "path"),
        [
            "/etc/flatcar/update.conf",
            "/etc/cloudtop/node.conf",
            "/opt/cloudtop/interrupt",
            "/etc/cloudtop/interrupt.d/20-docker",
            "/etc/cloudtop/etcd.conf",
            "/opt/cloudtop/etcd",
            "/etc/cloudtop/interrupt.d/15-etcd",
            "/opt/cloudtop/volume",
            "/etc/udev/rules.d/90-cloudtop-volume.rules",
            "/opt/cloudtop/idle",
            "/opt/cloudtop/ephemeral"
        ]
    );
    let units =
        ["cloudtop-volume.service", "cloudtop-etcd.service", "cloudtop-expire.service", "cloudtop-expire.timer"];
    assert_eq!(names(&config["systemd"]["units"], "name")[..4], units);
    assert_eq!(config["storage"]["files"][0]["contents"]["source"], "data:,REBOOT_STRATEGY%3Doff%0A");
    let files = config["storage"]["files"].as_array().unwrap();
    for (path, script) in [
        ("/opt/cloudtop/volume", include_str!("../../../templates/parts/volume")),
        ("/opt/cloudtop/etcd", include_str!("../../../templates/parts/etcd")),
    ] {
        let file = files.iter().find(|file| file["path"] == path).unwrap();
        let sent = of_data_url(file["contents"]["source"].as_str().unwrap());
        let is_code = |line: &&str| !line.trim_start().starts_with('#') || line.starts_with("#!/bin/");
        assert_eq!(sent.lines().collect::<Vec<_>>(), script.lines().filter(is_code).collect::<Vec<_>>());
    }
    let timer = config["systemd"]["units"][3]["contents"].as_str().unwrap();
    assert!(timer.contains("\nOnCalendar=2026-11-21 15:30:00 UTC\n"), "{timer}");
}

#[test]
fn without_etcd_a_coreos_node_has_nothing_of_it() {
    let template = Template::load("coreos").unwrap();
    let context = context(&template, &[("etcd", "false")]);
    let raw = template.render(&context, &node(0)).unwrap().raw;
    assert!(!unpacked(&raw).to_string().contains("etcd"));
    assert_eq!(template.ready_command(&context, &node(0)).unwrap().unwrap().matches("etcd").count(), 0);
    assert_eq!(template.deliver_done(&context, &node(0)).unwrap(), None);
}
