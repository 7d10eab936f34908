#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;

use super::*;
use crate::domain::intent::ImageFamily;

const MANIFEST: &str = r#"
name = "own"
description = "a test"
user = "ubuntu"
user_data_format = "cloud-config"
gzip = true
boot = "cloud-init"
persistent_volume = false
volume_mount = "/data"
[image]
family = "debian"
[ready]
command = "{% if volume %}test -e {{ vars.word }}{% endif %}"
[variables.word]
type = "string"
default = "x"
description = "a word"
[variables.count]
type = "integer"
default = 3
description = "a number"
[variables.fast]
type = "boolean"
default = false
description = "a switch"
[variables.items]
type = "list"
default = ["a", "b"]
description = "things"
"#;

/// A template of the user's own in a directory.
struct Own(tempfile::TempDir);

impl Own {
    fn new(manifest: &str, user_data: &str) -> Self {
        let own = Self(tempfile::tempdir().unwrap());
        own.put("template.toml", manifest);
        own.put("user-data", user_data);
        own
    }

    fn put(&self, file: &str, text: &str) {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn load(&self) -> Result<Template, TemplateError> {
        Template::load(self.0.path().to_str().unwrap())
    }
}

fn node(index: u32) -> Node {
    Node { index, name: format!("core-{index}"), ssh_host: format!("cloudtop-core.{index}") }
}

fn context(template: &Template, set: &[(&str, &str)]) -> Context {
    let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Context {
        environment: "dev".to_owned(),
        region: "us-east-1".to_owned(),
        nodes: 1,
        expires_at: None,
        idle_minutes: None,
        self_attach: false,
        installation: "a1b2c3".to_owned(),
        variables: set_variables(template, &set).unwrap(),
        volume: None,
    }
}

fn with_everything(template: &Template) -> Context {
    Context {
        expires_at: Some("2026-11-21T15:30:00Z".parse().unwrap()),
        idle_minutes: Some(45),
        volume: Some(Volume {
            device: "/dev/sdj".to_owned(),
            gib: Some(20),
            id: Some("vol-0123456789abcdef0".to_owned()),
        }),
        ..context(template, &[])
    }
}

fn rendered(user_data: &str, set: &[(&str, &str)]) -> Result<String, TemplateError> {
    let template = Own::new(MANIFEST, user_data);
    let loaded = template.load().unwrap();
    let raw = loaded.render(&context(&loaded, set), &node(0))?.raw;
    Ok(String::from_utf8(raw).unwrap())
}

fn complaint(user_data: &str) -> String {
    rendered(user_data, &[]).unwrap_err().to_string()
}

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
        ("/opt/cloudtop/volume", include_str!("../../templates/parts/volume")),
        ("/opt/cloudtop/etcd", include_str!("../../templates/parts/etcd")),
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

#[test]
fn no_value_of_a_variable_can_leave_its_place() {
    for evil in [
        "a\nruncmd: [reboot]",
        "a # b",
        "\"; reboot; \"",
        "'",
        "{{ env.name }}",
        "a: b",
        "\u{85}\u{2028}\u{feff}\u{7f}",
        "\\",
        "",
        "yes",
        "\t\r\0",
        "é漢😀",
    ] {
        let text = rendered("a: {{ vars.word }}\nb: 1\n", &[("word", evil)]).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        let value: String = serde_json::from_str(first.strip_prefix("a: ").unwrap()).unwrap();
        assert_eq!((value.as_str(), rest), (evil, "b: 1\n"));
        let forbidden = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{feff}');
        assert!(!first.contains(forbidden), "{first:?}");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_a_variable_holds_it_is_read_back(value: String) {
        let text = rendered("a: {{ vars.word }}\nb: 1\n", &[("word", &value)]).unwrap();
        let first = text.strip_suffix("\nb: 1\n").and_then(|text| text.strip_prefix("a: ")).unwrap();
        proptest::prop_assert!(!first.contains('\n'));
        proptest::prop_assert_eq!(serde_json::from_str::<String>(first).unwrap(), value);
    }
}

#[test]
fn a_value_in_the_ready_check_is_one_word_of_it() {
    let own = Own::new(MANIFEST, "");
    let template = own.load().unwrap();
    for (value, word) in
        [("/a/b", "/a/b"), ("a b; reboot", "'a b; reboot'"), ("it's $HOME", r"'it'\''s $HOME'"), ("", "''")]
    {
        let mut context = context(&template, &[("word", value)]);
        assert_eq!(template.ready_command(&context, &node(0)).unwrap().as_deref(), Some("cloud-init status --long"));
        context.volume = Some(Volume { device: "/dev/sdj".to_owned(), gib: None, id: None });
        let question = template.ready_command(&context, &node(0)).unwrap().unwrap();
        assert_eq!(question, format!("cloud-init status --long; echo 'ready check:'; test -e {word}"));
    }
}

#[test]
fn values_keep_their_types() {
    let text = "{{ vars.word }} {{ vars.count }} {{ vars.fast }} {{ vars.items }} {{ volume }} {{ env.nodes + 1 }}";
    let set = [("count", "-7"), ("fast", "true"), ("items", "git, tmux,")];
    assert_eq!(rendered(text, &set).unwrap(), r#""x" -7 true ["git","tmux"] null 2"#);
    assert_eq!(rendered("{{ {'a': [1, 1.5]} }} {{ vars.word|tojson }}", &[]).unwrap(), r#"{"a":[1,1.5]} "x""#);
}

#[test]
fn text_becomes_a_block_only_where_yaml_would_read_it_back() {
    let block = |text: &str| {
        let own = Own::new(MANIFEST, "a:\n  b: {{ file('part') | block(4) }}\n");
        own.put("part", text);
        let template = own.load().unwrap();
        String::from_utf8(template.render(&context(&template, &[]), &node(0)).unwrap().raw).unwrap()
    };
    assert_eq!(block("#!/bin/sh\n\n  x: # y\n"), "a:\n  b: |\n    #!/bin/sh\n\n      x: # y\n");
    assert_eq!(block(" indented\n"), "a:\n  b: \" indented\\n\"\n");
    assert_eq!(block("no newline"), "a:\n  b: \"no newline\"\n");
    assert_eq!(block("two\n\n"), "a:\n  b: \"two\\n\\n\"\n");
    assert_eq!(block("dos\r\n"), "a:\n  b: \"dos\\r\\n\"\n");
    assert_eq!(block(""), "a:\n  b: \"\"\n");
}

#[test]
fn user_data_is_per_node_when_the_template_looks_at_the_node() {
    let own = Own::new(MANIFEST, "h: {{ node.name }}\ni: {% include 'part' %}");
    own.put("part", "{{ node.index }}");
    let template = own.load().unwrap();
    let user_data = template.render(&context(&template, &[]), &node(2)).unwrap();
    assert_eq!((user_data.raw.as_slice(), user_data.per_node), (b"h: \"core-2\"\ni: 2".as_slice(), true));

    own.put("user-data", "i: {% include 'part' %}");
    assert!(template.render(&context(&template, &[]), &node(0)).unwrap().per_node, "parts count too");
    own.put("user-data", "{# node.name #}node: {{ env.nodes }}");
    assert!(!template.render(&context(&template, &[]), &node(0)).unwrap().per_node);
}

#[test]
fn an_undefined_name_is_shown_with_file_line_and_the_name_that_was_meant() {
    let own = Own::new(MANIFEST, "#cloud-config\n\npackages: {{ vars.itmes }}\n");
    let template = own.load().unwrap();
    let error = template.render(&context(&template, &[]), &node(0)).unwrap_err();
    let said = error.to_string();
    assert!(matches!(&error, TemplateError::Render { line: Some(3), file, .. } if file == "user-data"), "{error:?}");
    assert!(said.contains("`vars.itmes` is not defined; did you mean `vars.items`? There are: "), "{said}");
    assert!(said.contains(own.0.path().to_str().unwrap()) && said.contains("user-data, line 3"), "{said}");

    for (text, words) in [
        ("{{ evn.name }}", "`evn` is undefined; there are: env, image, node, ssh, vars, volume"),
        ("{{ vars.word ~ vars.wrod }}", "`vars.wrod` is not defined; did you mean `vars.word`?"),
        ("{% if vars.fats %}{% endif %}", "`vars.fats` is not defined; did you mean `vars.fast`?"),
        ("{{ node.idx }}", "did you mean `node.index`?"),
        ("{{ volume.id }}", "`volume.id`: there is no volume here; ask first, with {% if volume %}"),
        ("{% for x in vars.things %}{% endfor %}", "`vars.things` is not defined"),
        ("{{ vars.wrod | sh }}", "did you mean `vars.word`?"),
        ("{{ vars.wrod | tojson }}", "did you mean `vars.word`?"),
        ("{{ vars.wrod | block(2) }}", "did you mean `vars.word`?"),
        ("{{ vars.wrod | data_url }}", "did you mean `vars.word`?"),
        ("{{ [vars.wrod] }}", "did you mean `vars.word`?"),
    ] {
        let said = complaint(text);
        assert!(said.contains(words) && said.contains("line 1"), "{text}: {said}");
    }
}

#[test]
fn a_fault_in_an_included_part_names_the_part() {
    let own = Own::new(MANIFEST, "a: 1\n{% include 'parts/b' %}");
    own.put("parts/b", "\n\nb: {{ vars.nothing }}\n");
    let template = own.load().unwrap();
    let said = template.render(&context(&template, &[]), &node(0)).unwrap_err().to_string();
    assert!(said.contains("parts/b, line 3: `vars.nothing` is not defined"), "{said}");
}

#[test]
fn broken_templates_are_errors_with_their_line() {
    for (text, words) in [
        ("a\n{% if %}", "line 2"),
        ("a\n\n{{ vars.word | nope }}", "nope"),
        ("{% include 'gone' %}", "gone"),
        ("{{ file('../secret') }}", "own directory only"),
        ("{{ file('/etc/passwd') }}", "own directory only"),
        ("{% include '../secret' %}", "own directory only"),
        ("{{ file }}", "cannot be written"),
    ] {
        let said = complaint(text);
        assert!(said.contains(words), "{text}: {said}");
    }
}

#[test]
fn templates_that_are_not_there_are_not_found() {
    let error = Template::load("cloudtpo").unwrap_err();
    assert!(error.is_not_found());
    let said = "there is no template `cloudtpo`; did you mean `cloudtop`? Built in are cloudtop, coreos, docker, etcd, fedora-coreos, k3s; for a directory of your own write ./cloudtpo";
    assert_eq!(error.to_string(), said);
    let error = Template::load("./no/such/place").unwrap_err();
    assert!(error.is_not_found() && error.to_string().contains("./no/such/place"), "{error}");
}

#[test]
fn a_directory_without_user_data_says_which_file_is_missing() {
    let own = Own::new(MANIFEST, "");
    let template = own.load().unwrap();
    fs::remove_file(own.0.path().join("user-data")).unwrap();
    let error = template.render(&context(&template, &[]), &node(0)).unwrap_err();
    assert!(!error.is_not_found() && error.to_string().contains("cannot read its file user-data"), "{error}");
}

#[test]
fn a_manifest_that_cannot_be_meant_is_refused_with_its_reason() {
    for (from, to, words) in [
        ("gzip = true", "gzip = 1", "line 6, column 8"),
        ("gzip = true", "gzip = true\ngzpi = 1", "unknown field `gzpi`"),
        ("user = \"ubuntu\"", "", "missing field `user`"),
        ("\"debian\"", "\"windows\"", "unknown variant `windows`"),
        ("default = 3", "default = \"3\"", "the default of variable `count` is not a whole number"),
        ("[variables.word]", "[variables.my-word]", "cannot be called `my-word`"),
        ("\"/data\"", "\"data\"", "absolute path"),
        ("\"cloud-config\"", "\"ignition\"", "leave `boot` out"),
        ("{% endif %}\"", "{% endif %} # x\"", "no `#`"),
        ("persistent_volume = false\nvolume_mount = \"/data\"", "persistent_volume = true", "needs volume_mount"),
    ] {
        assert!(MANIFEST.contains(from), "{from}");
        let own = Own::new(&MANIFEST.replace(from, to), "");
        let error = own.load().unwrap_err();
        assert!(!error.is_not_found() && error.to_string().contains(words), "{to}: {error}");
    }
}

#[test]
fn a_manifest_of_a_few_lines_will_do() {
    let least = |format: &str| {
        format!(
            "name = \"own\"\ndescription = \"mine\"\nuser = \"admin\"\nuser_data_format = \"{format}\"\nimage.family = \"debian\"\n"
        )
    };
    let of = |format: &str| Own::new(&least(format), "").load().unwrap().manifest;
    let (cloud_config, ignition) = (of("cloud-config"), of("ignition"));
    assert!(cloud_config.may_be_gzipped() && cloud_config.boot() == Boot::CloudInit);
    assert!(!ignition.may_be_gzipped() && ignition.boot() == Boot::None);
    assert!(!cloud_config.persistent_volume);
}

#[test]
fn variables_are_checked_against_what_is_declared() {
    let manifest = format!("{MANIFEST}\n[variables.token]\ntype = \"string\"\ndescription = \"a secret word\"\n");
    let own = Own::new(&manifest, "");
    let template = own.load().unwrap();
    let set = |pairs: &[(&str, &str)]| {
        let set: BTreeMap<_, _> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        set_variables(&template, &set)
    };
    let values = set(&[("token", "a=b,c"), ("items", "")]).unwrap();
    assert_eq!(values["token"], Value::Text("a=b,c".to_owned()));
    assert_eq!(values["items"], Value::List(Vec::new()));
    assert_eq!((&values["count"], &values["fast"]), (&Value::Integer(3), &Value::Boolean(false)));

    for (pairs, words) in [
        (
            &[("itmes", "a"), ("token", "t")][..],
            "no variable `itmes`; did you mean `items`? There are: count, fast, items",
        ),
        (&[("count", "three"), ("token", "t")], "`count` takes a whole number, such as 3, not `three`"),
        (&[("fast", "maybe"), ("token", "t")], "`fast` takes true or false, not `maybe`"),
        (&[], "needs a value for `token` (a secret word): give --set token=VALUE"),
    ] {
        let error = set(pairs).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

const WITH_FILE: &str = "[variables.script]\ntype = \"file\"\ndefault = \"\"\ndescription = \"a script\"\n";

#[test]
fn the_value_of_a_file_is_its_text() {
    let own = Own::new(&format!("{MANIFEST}{WITH_FILE}"), "#cloud-config\na: {{ vars.script }}\n");
    own.put("mine/script", "echo \"hello\"\n");
    let (template, mine) = (own.load().unwrap(), own.0.path().join("mine"));
    let set = |path: &str| {
        let mut set = BTreeMap::from([("script".to_owned(), path.to_owned())]);
        resolve_files(&template, &mut set, Some(&mine), |_| mine.clone());
        set_variables(&template, &set)
    };
    for path in ["script", "../mine/script", "~/script", mine.join("script").to_str().unwrap()] {
        assert_eq!(set(path).unwrap()["script"], Value::Text("echo \"hello\"\n".to_owned()), "{path}");
    }
    assert_eq!(set("").unwrap()["script"], Value::Text(String::new()), "none");
    let error = set("none").unwrap_err().to_string();
    assert!(error.contains("mine/none that `script` names"), "{error}");
    let wrong = Own::new(&format!("{MANIFEST}{}", WITH_FILE.replace("\"\"", "\"a\"")), "");
    let error = wrong.load().unwrap_err().to_string();
    assert!(error.contains("the default of variable `script` can only be \"\""), "{error}");
}

#[test]
fn tools_are_listed_one_a_line_and_cost_nothing_where_there_are_none() {
    let template = Template::load("cloudtop").unwrap();
    let render = |set: &[(&str, &str)]| {
        let text = template.render(&context(&template, set), &node(0)).unwrap().raw;
        String::from_utf8(text).unwrap()
    };
    let text = render(&[("dotfiles", "https://x/$(id)"), ("repositories", "https://x/a,https://x/b c/d")]);
    let listed = "  - path: /etc/cloudtop/tools\n    content: |\n      dotfiles https://x/$(id)\n      repository https://x/a\n      \
                  repository https://x/b c/d\n";
    assert!(text.contains(listed), "{text}");
    assert!(text.contains("enable --now --no-block cloudtop-tools.service\n") && !text.contains("/cloudtop/setup\n"));
    assert!(!render(&[]).contains("tools"));
}

#[test]
fn the_template_of_the_documentation_works() {
    let page = include_str!("../../docs/templates.md");
    let after = |start: &str| page.split(start).nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let own = Own::new(after("```toml\n"), &format!("#cloud-config\n{}", after("```\n#cloud-config\n")));
    own.put("parts/setup", "#!/bin/sh\necho done\n");
    let template = own.load().unwrap();
    let context = context(&template, &[("greeting", "a: b # c")]);
    let text = String::from_utf8(template.render(&context, &node(0)).unwrap().raw).unwrap();
    assert!(text.contains("    content: \"a: b # c\"\n") && text.contains("      echo done\n"), "{text}");
    assert!(template.ready_command(&context, &node(0)).unwrap().unwrap().ends_with(">/dev/null"));
}
