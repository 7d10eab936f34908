#![allow(clippy::unwrap_used, reason = "a test may panic")]

use base64::Engine as _;
use std::collections::BTreeMap;
use std::fs;

use super::*;
use crate::templates::Template;

fn look(text: &str, around: &Around) -> Report {
    user_data("boot", text.as_bytes(), around, &mut Tools::new(true, false))
}

/// The rules by which something is found, each with its line.
fn found(text: &str) -> Vec<(&'static str, usize)> {
    let report = look(text, &Around { gzip: true, ..Around::default() });
    report.findings.iter().map(|it| (it.rule.name, it.place.map_or(0, |place| place.line))).collect()
}

fn found_for(family: ImageFamily, text: &str) -> Vec<&'static str> {
    let report = look(text, &Around { family: Some(family), gzip: true, ..Around::default() });
    report.findings.iter().map(|it| it.rule.name).collect()
}

#[track_caller]
fn assert_found(text: &str, rules: &[(&str, usize)]) {
    assert_eq!(found(text), rules, "{text}");
}

/// A cloud-config of these lines.
fn config(lines: &str) -> String {
    format!("#cloud-config\n{lines}")
}

#[test]
fn every_built_in_template_is_clean_in_all_its_branches() {
    for name in Template::builtin() {
        let report = template(&Template::load(name).unwrap(), &BTreeMap::new(), &mut Tools::new(true, false)).unwrap();
        assert_eq!(report.findings, [], "{name}");
        assert_eq!(report.sizes.len(), 1);
    }
}

#[test]
fn a_good_cloud_config_passes_without_a_word() {
    assert_found(
        &config(
            "hostname: dev\nssh_pwauth: no\npackages: [git, [tmux, 3.3]]\nusers:\n  - default\n  - name: eve\n    sudo: ALL=(ALL) NOPASSWD:ALL\n\
             write_files:\n  - path: /etc/systemd/system/x.service\n    content: |\n      [Unit]\n      Description=x\n\n      [Service]\n      ExecStart=/bin/true \\\n        --more\n\n      [Install]\n      WantedBy=multi-user.target\n\
             \x20 - path: /usr/local/bin/y\n    permissions: \"0755\"\n    owner: root:root\n    content: |\n      #!/bin/sh\n      docker ps --format '{{.Names}}'\n\
             runcmd:\n  - set -e\n  - [systemctl, enable, --now, x.service]\n  - null\nmounts:\n  - [LABEL=data, /data, ext4, \"defaults,nofail\"]\n  - [LABEL=more, /more]\n",
        ),
        &[],
    );
    assert_found("#cloud-config\n# nothing yet\n", &[]);
}

#[test]
fn the_first_line_decides() {
    for header in ["# cloud-config", "#cloud_config", "#clod-config", "\u{feff}#cloud-config", "packages: [git]"] {
        assert_found(&format!("{header}\nruncmd: [ls]\n"), &[("header", 1)]);
    }
    assert_found("hello\n", &[("unknown-header", 1)]);
    assert_found("variant: flatcar\nversion: 1.0.0\n", &[("header", 1)]);
    assert_found(" \n", &[("empty", 0)]);
    let other = look("#include\nhttps://example.com\n", &Around::default());
    assert_eq!((other.findings.len(), other.not_looked_into.len()), (0, 1));
    assert_eq!(found_for(ImageFamily::FedoraCoreos, "#cloud-config\nhostname: x\n"), ["header"]);
    assert_eq!(found_for(ImageFamily::Ubuntu, "{\"ignition\": {\"version\": \"3.3.0\"}}"), ["header"]);
}

#[test]
fn broken_yaml_has_its_line_and_a_guess() {
    assert_found(&config("runcmd:\n  - ls\n packages: [git\n"), &[("yaml", 4)]);
    assert_found(&config("hostname: a\nruncmd: [ls]\nhostname: b\n"), &[("duplicate-key", 4)]);
    assert_found(&config("- a\n"), &[("value", 2)]);
    let report = look(&config("{{ if x }}\nhostname: a\n"), &Around::default());
    assert!(report.findings[0].advice.contains("another tool's template"), "{:?}", report.findings);
    let report = user_data("boot", b"#cloud-config\nhostname: \xff\n", &Around::default(), &mut Tools::default());
    assert_eq!(report.findings[0].rule.name, "encoding");
}

#[test]
fn a_key_is_known_misspelt_old_or_unknown() {
    let report = look(&config("pakages: [git]\n"), &Around::default());
    assert!(report.findings[0].to_string().contains("boot:2:1: error[misspelt-key]"), "{:?}", report.findings);
    assert!(report.findings[0].message.contains("did you mean `packages`?"));
    assert_found(&config("frobnicate: 1\napt_sources: []\n"), &[("unknown-key", 2), ("old-key", 3)]);
    assert_found(&config("write_files:\n  - path: /x\n    permisions: \"0600\"\n"), &[("misspelt-key", 4)]);
    assert_found(&config("runcmd: ls\n"), &[("value", 2)]);
    assert_found(&config("packages:\n"), &[("type", 2)]);
}

#[test]
fn a_file_has_a_path_permissions_and_an_owner_that_is_there() {
    assert_found(&config("write_files:\n  - content: x\n"), &[("value", 3)]);
    assert_found(&config("write_files:\n  - path: /x\n    permissions: 644\n"), &[("permissions", 4)]);
    assert_found(&config("write_files:\n  - path: /x\n    permissions: 0644\n"), &[("type", 4)]);
    assert_found(&config("write_files:\n  - path: /x\n    permissions: rwx\n"), &[("permissions", 4)]);
    assert_found(&config("write_files:\n  - path: /x\n    owner: ubuntu:ubuntu\n"), &[("owner", 4)]);
    assert_found(&config("write_files:\n  - path: /x\n    owner: ubuntu:ubuntu\n    defer: true\n"), &[]);
    assert_found(&config("write_files:\n  - path: /x\n    owner: nginx\n"), &[("owner-unknown", 4)]);
    assert_found(&config("write_files:\n  - path: /x\n  - path: /x\n"), &[("two-writers", 4)]);
    assert_found(&config("write_files:\n  - path: /x\n  - path: /x\n    append: true\n"), &[]);
    assert_found(&config("write_files:\n  - path: /x\n    encoding: b64\n    content: '*'\n"), &[("value", 5)]);
    assert_found(&config("write_files:\n  - path: ${where}\n"), &[("unrendered", 3)]);
}

#[test]
fn commands_are_read_by_the_shell_and_not_run() {
    let directory = tempfile::tempdir().unwrap();
    let trace = directory.path().join("ran");
    assert_found(&config(&format!("runcmd:\n  - touch {}\n", trace.display())), &[]);
    assert!(!trace.exists());
    assert_found(&config("runcmd:\n  - set -e\n  - ls\n  - if true\n"), &[("shell", 5)]);
    assert_found(&config("runcmd:\n  - ls\n  - ls\n"), &[("runcmd-unchecked", 3)]);
    assert_found(&config("runcmd:\n  - echo a: b\n"), &[("value", 3)]);
    assert_found(&config("runcmd:\n  - true\n"), &[("value", 3)]);
    assert_found(&config("bootcmd:\n  - systemctl start docker\n"), &[("bootcmd-start", 3)]);
    assert_found(&config("bootcmd:\n  - systemctl start --no-block docker\n"), &[]);
    assert_found("#!/bin/bash\na=(1 2)\nif\n", &[("shell", 4)]);
    let file = "write_files:\n  - path: /x\n    content: |\n      #!/bin/bash\n\n      fi\n";
    assert_found(&config(file), &[("shell", 7)]);
}

#[test]
fn a_unit_is_read_as_systemd_does() {
    let unit = |text: &str| {
        let lines: String = text.lines().map(|line| format!("      {line}\n")).collect();
        config(&format!("write_files:\n  - path: /etc/systemd/system/demo.service\n    content: |\n{lines}"))
    };
    assert_found(&unit("[Service]\nExecStart=/bin/true\n"), &[]);
    assert_found(&unit("[Unit]\nDescription=x\n"), &[("unit", 5)]);
    assert_found(&unit("[Service]\nExecStart=/bin/true\nnonsense\n"), &[("unit", 7)]);
    assert_found(&unit("A=b\n[Service]\nExecStart=/bin/true\n"), &[("unit", 5)]);
    assert_found(&unit("[Service\nExecStart=/bin/true\n"), &[("unit", 5), ("unit", 5), ("unit", 6)]);
    assert_found(&unit("[Service]\nExecStart=/a\nExecStart=/b\n"), &[("unit", 5)]);
    assert_found(&unit("[Service]\nType=oneshot\nExecStart=/a\nExecStart=/b\n"), &[]);
    assert_found(&unit("[Servce]\n[Service]\nExecStart=/a\n"), &[("unit-section", 5)]);
    assert_found(&unit("[Service]\nExecStart=/a\n[Install]\nWantedBy=multi-user.target\n"), &[("not-enabled", 5)]);
}

#[test]
fn what_looks_like_a_secret_is_said_and_a_placeholder_is_not() {
    let key = format!("-----BEGIN RSA PRIVATE KEY-----\n      {}\n", "MIIEpAIBAAKCAQEAx7".repeat(3));
    assert_found(&config(&format!("write_files:\n  - path: /k\n    content: |\n      {key}")), &[("secret", 5)]);
    assert_found(
        &config("write_files:\n  - path: /k\n    content: |\n      -----BEGIN RSA PRIVATE KEY-----\n      ...\n"),
        &[],
    );
    let access = ["AKIA", "Q3EGWZPLMRT7YUVX"].concat();
    assert_found(&config(&format!("runcmd: ['export AWS_ACCESS_KEY_ID={access}']\n")), &[("secret", 2)]);
    assert_found(&config("runcmd: ['export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE']\n"), &[]);
    assert_found(&config("password: hunter2\n"), &[("secret", 2)]);
    for placeholder in ["${password}", "<password>", "$6$salt$hash", "RANDOM"] {
        assert_found(&config(&format!("password: '{placeholder}'\n")), &[]);
    }
    assert_found(&config("chpasswd:\n  list: |\n    eve:secret\n"), &[("secret", 4)]);
}

#[test]
fn disks_have_names_that_hold_and_mounts_that_may_fail() {
    for device in ["/dev/xvdb", "xvdf", "ephemeral0", "/dev/nvme1n1", "/dev/sdf"] {
        assert_found(&config(&format!("mounts:\n  - [{device}, /data]\n")), &[("device", 3)]);
    }
    for device in ["LABEL=x", "/dev/xvda1", "/dev/nvme0n1p1", "tmpfs", "/dev/disk/by-id/nvme-x"] {
        assert_found(&config(&format!("mounts:\n  - [{device}, /data]\n")), &[]);
    }
    assert_eq!(found_for(ImageFamily::Debian, &config("mounts:\n  - [/dev/sdf, /data]\n")), [""; 0]);
    assert_found(&config("mounts:\n  - [LABEL=x, /data, ext4, defaults]\n"), &[("nofail", 3)]);
    assert_found(&config("mounts:\n  - [LABEL=x, /home/eve/x]\n"), &[("mount-in-home", 3)]);
    let formats = "fs_setup:\n  - device: LABEL=x\n    filesystem: ext4\n    partition: none\n";
    assert_found(&config(formats), &[("formats", 3)]);
    assert_found(&config("runcmd:\n  - mkfs.ext4 /dev/xvdf\n"), &[("device", 3)]);
}

#[test]
fn dialects_are_told_apart() {
    let coreos = config(
        "coreos:\n  etcd2:\n    discovery: https://discovery.etcd.io/abc\n  units:\n    - name: x.service\n      command: start\n      content: |\n        [Unit]\n",
    );
    assert_found(&coreos, &[("dialect", 2), ("etcd-discovery", 4), ("unit", 9)]);
    assert_eq!(found_for(ImageFamily::Flatcar, &coreos), ["etcd-discovery", "unit"]);
    assert_eq!(found_for(ImageFamily::Ubuntu, &coreos), ["wrong-dialect", "etcd-discovery", "unit"]);
    assert_eq!(found_for(ImageFamily::Flatcar, &config("runcmd: [ls]\n")), ["unknown-key"]);
    assert_found(&config("rancher:\n  x: 1\n"), &[("dialect", 2)]);
    assert_found(&config("runcmd:\n  - echo $private_ipv4\n"), &[("substitution", 3)]);
}

#[test]
fn ignition_is_json_with_a_version_and_things_of_its_own() {
    assert_found("{\"ignition\": {\"version\": \"3.3.0\"}}", &[]);
    let inside = |inner: &str| {
        let source = format!("data:;base64,{}", base64::prelude::BASE64_STANDARD.encode(inner));
        format!(
            "{{\"ignition\": {{\"version\": \"3.3.0\", \"config\": {{\"replace\": {{\"source\": \"{source}\"}}}}}}}}"
        )
    };
    let fine = "{\"ignition\": {\"version\": \"3.3.0\"}}";
    assert_found(&inside(fine), &[]);
    assert_found(&inside("{\"ignition\": {}}"), &[("ignition", 1)]);
    assert_found(&inside(&inside(fine)), &[("ignition", 1)]);
    assert_found(&inside("{"), &[("json", 1)]);
    assert_found("{\n  \"ignition\": {\"version\": }\n}", &[("json", 2)]);
    assert_found("{}", &[("ignition", 1)]);
    assert_found("{\"ignition\": {\"version\": \"4.0.0\"}}", &[("ignition", 1)]);
    assert_found("{\"ignition\": {\"version\": \"3.3.0\"},\n\t\"sytemd\": {}}", &[("ignition-key", 2)]);
    let files = "{\"ignition\": {\"version\": \"3.3.0\"}, \"storage\": {\"files\": [\n{\"path\": \"/x\", \"mode\": 644},\n{\"path\": \"/x\"},\n{\"path\": \"y\"}]}}";
    assert_found(files, &[("permissions", 2), ("ignition", 3), ("ignition", 4)]);
    let script = "{\"ignition\": {\"version\": \"3.3.0\"}, \"storage\": {\"files\": [\n{\"path\": \"/x\", \"contents\": {\"source\": \"data:,%23!/bin/sh%0Afi\"}}]}}";
    assert_found(script, &[("shell", 2)]);
    let unit = "{\"ignition\": {\"version\": \"3.3.0\"}, \"systemd\": {\"units\": [\n{\"name\": \"x.service\", \"contents\": \"[Service]\\nExecStart=/x\\n[Install]\\nWantedBy=a.target\\n\"}]}}";
    assert_found(unit, &[("not-enabled", 2)]);
}

#[test]
fn each_part_of_a_mime_message_is_looked_at() {
    let message = "Content-Type: multipart/mixed; boundary=\"==b\"\nMIME-Version: 1.0\n\n--==b\nContent-Type: text/cloud-config\n\n#cloud-config\npakages: [git]\n--==b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\nfi\n--==b--\n";
    assert_found(message, &[("misspelt-key", 8), ("shell", 13)]);
    let jinja = look("## template: jinja\n#cloud-config\nhostname: {{ v1.x }}\n", &Around::default());
    assert_eq!((jinja.findings.len(), jinja.not_looked_into.len()), (0, 1));
    assert_found("## template: jinja\n#cloud-config\npakages: [git]\n", &[("misspelt-key", 3)]);
}

#[test]
fn a_line_may_silence_a_warning_with_a_reason_and_no_error() {
    let mounts = |why: &str| config(&format!("mounts:\n  # cloudtop: allow {why}\n  - [/dev/xvdb, /data]\n"));
    assert_found(&mounts("device because these are Xen types"), &[]);
    assert_found(&mounts("device because "), &[("device", 4)]);
    assert_found(&mounts("nofail because of this"), &[("device", 4)]);
    assert_found(&config("# cloudtop: allow misspelt-key because\npakages: []\n"), &[("misspelt-key", 3)]);
}

#[test]
fn what_is_too_large_is_said_with_its_sizes() {
    let report = look(&config(&"# x\n".repeat(5000)), &Around { gzip: true, ..Around::default() });
    assert!(report.findings.is_empty() && report.sizes[0].sent < 1000, "{report:?}");
    let report = look(&config(&"# x\n".repeat(5000)), &Around::default());
    assert_eq!(report.findings[0].rule.name, "size");
}

const MANIFEST: &str = "name = \"own\"\ndescription = \"x\"\nuser = \"ubuntu\"\nuser_data_format = \"cloud-config\"\n[image]\nfamily = \"ubuntu\"\n\
    [ready]\ncommand = \"true\"\n[variables.word]\ntype = \"string\"\ndescription = \"w\"\n[variables.more]\ntype = \"boolean\"\ndefault = false\ndescription = \"m\"\n";

fn own(user_data: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("template.toml"), MANIFEST).unwrap();
    fs::write(directory.path().join("user-data"), user_data).unwrap();
    let loaded = Template::load(directory.path().to_str().unwrap()).unwrap();
    let report = template(&loaded, &BTreeMap::new(), &mut Tools::new(true, false)).unwrap();
    report.findings.iter().map(|it| format!("{} {}", it.rule.name, it.message)).collect()
}

#[test]
fn a_template_is_rendered_in_every_branch() {
    let good = "#cloud-config\nhostname: {{ vars.word }}\n{% if vars.more %}\nfqdn: {{ node.name }}\n{% endif %}\n";
    assert_eq!(own(good), [""; 0]);
    let unused = own("#cloud-config\nhostname: {{ vars.word }}\n");
    assert!(
        unused.len() == 1 && unused[0].starts_with("unused-variable") && unused[0].contains("`more`"),
        "{unused:?}"
    );
    let hidden = own("#cloud-config\nhostname: {{ vars.word }}\n{% if vars.more %}\npakages: []\n{% endif %}\n");
    assert!(hidden.len() == 1 && hidden[0].starts_with("misspelt-key"), "{hidden:?}");
    // Neither a default nor a sample leads into this branch.
    let never =
        own("#cloud-config\n{% if vars.word == \"x\" %}\nfqdn: {{ vars.wrd }}\n{% endif %}\nmore: {{ vars.more }}\n");
    assert!(never.iter().any(|it| it.contains("did you mean `vars.word`?")), "{never:?}");
    let undefined =
        own("#cloud-config\n{% if vars.more and env.idle_minutes %}\nfqdn: {{ nosuch }}{{ vars.word }}\n{% endif %}\n");
    assert!(undefined.iter().any(|it| it.starts_with("template") && it.contains("nosuch")), "{undefined:?}");
}

#[test]
fn the_documentation_lists_every_rule() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/template-check.md")).unwrap();
    for rule in RULES {
        let row = format!("| `{}` | {} | {} |", rule.name, rule.level.as_str(), rule.finds);
        assert!(page.contains(&row), "docs/template-check.md lacks:\n{row}");
    }
}
