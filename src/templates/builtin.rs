//! The templates that the program carries with it. Their sources are in `/templates`.

use super::TemplateError;
use super::source::{Files, Source};

macro_rules! file {
    ($template:literal, $path:literal) => {
        ($path, include_str!(concat!("../../templates/", $template, "/", $path)))
    };
}

macro_rules! part {
    ($path:literal) => {
        (concat!("parts/", $path), include_str!(concat!("../../templates/parts/", $path)))
    };
}

/// What the templates share: each finds it as its own `parts`, which in the sources is a symbolic link.
const PARTS: Files = &[
    part!("attach"),
    part!("attach.service"),
    part!("cluster.conf"),
    part!("ephemeral"),
    part!("ephemeral.service"),
    part!("etcd"),
    part!("etcd.conf"),
    part!("etcd.container.conf"),
    part!("etcd.service"),
    part!("every.files"),
    part!("every.run"),
    part!("expire.service"),
    part!("expire.timer"),
    part!("idle"),
    part!("idle.service"),
    part!("idle.timer"),
    part!("ignition"),
    part!("interrupt"),
    part!("interrupt.d/10-tmux"),
    part!("interrupt.d/15-etcd"),
    part!("interrupt.d/20-docker"),
    part!("interrupt.service"),
    part!("node.conf"),
    part!("tools"),
    part!("tools.list"),
    part!("tools.service"),
    part!("volume"),
    part!("volume.rules"),
    part!("volume.service"),
];

const TEMPLATES: &[(&str, Files)] = &[
    ("cloudtop", &[file!("cloudtop", "template.toml"), file!("cloudtop", "user-data")]),
    ("coreos", &[file!("coreos", "template.toml"), file!("coreos", "user-data")]),
    // A docker host is a CloudTop with other settings.
    ("docker", &[file!("docker", "template.toml"), file!("docker", "user-data")]),
    ("etcd", &[file!("etcd", "template.toml"), file!("etcd", "user-data")]),
    ("fedora-coreos", &[file!("fedora-coreos", "template.toml"), file!("fedora-coreos", "user-data")]),
    (
        "k3s",
        &[
            file!("k3s", "template.toml"),
            file!("k3s", "user-data"),
            file!("k3s", "deliver/config.yaml"),
            file!("k3s", "deliver/registries.yaml"),
            file!("k3s", "k3s"),
            file!("k3s", "k3s.conf"),
            file!("k3s", "k3s.service"),
            file!("k3s", "registry.yaml"),
        ],
    ),
];

pub(super) fn names() -> Vec<&'static str> {
    TEMPLATES.iter().map(|(name, _)| *name).collect()
}

pub(super) fn find(name: &str) -> Result<Source, TemplateError> {
    TEMPLATES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(name, files)| Source::Embedded { name, files, parts: PARTS })
        .ok_or_else(|| TemplateError::NotFound { name: name.to_owned(), known: names().join(", ") })
}
