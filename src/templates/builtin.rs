//! The templates that the program carries with it. Their sources are in `/templates`.

use super::TemplateError;
use super::source::Source;

type Files = &'static [(&'static str, &'static str)];

macro_rules! file {
    ($template:literal, $path:literal) => {
        ($path, include_str!(concat!("../../templates/", $template, "/", $path)))
    };
}

const CLOUDTOP: Files = &[
    file!("cloudtop", "template.toml"),
    file!("cloudtop", "user-data"),
    file!("cloudtop", "parts/ephemeral"),
    file!("cloudtop", "parts/ephemeral.service"),
    file!("cloudtop", "parts/expire.service"),
    file!("cloudtop", "parts/expire.timer"),
    file!("cloudtop", "parts/idle"),
    file!("cloudtop", "parts/idle.service"),
    file!("cloudtop", "parts/idle.timer"),
    file!("cloudtop", "parts/interrupt"),
    file!("cloudtop", "parts/interrupt.d/10-tmux"),
    file!("cloudtop", "parts/interrupt.d/20-docker"),
    file!("cloudtop", "parts/interrupt.service"),
    file!("cloudtop", "parts/node.conf"),
    file!("cloudtop", "parts/volume"),
    file!("cloudtop", "parts/volume.service"),
];

const COREOS: Files = &[
    file!("coreos", "template.toml"),
    file!("coreos", "user-data"),
    file!("coreos", "parts/cluster.conf"),
    file!("coreos", "parts/ephemeral"),
    file!("coreos", "parts/ephemeral.service"),
    file!("coreos", "parts/etcd"),
    file!("coreos", "parts/etcd.flatcar.conf"),
    file!("coreos", "parts/etcd.service"),
    file!("coreos", "parts/expire.service"),
    file!("coreos", "parts/expire.timer"),
    file!("coreos", "parts/idle"),
    file!("coreos", "parts/idle.service"),
    file!("coreos", "parts/idle.timer"),
    file!("coreos", "parts/interrupt"),
    file!("coreos", "parts/interrupt.d/15-etcd"),
    file!("coreos", "parts/interrupt.d/20-docker"),
    file!("coreos", "parts/interrupt.service"),
    file!("coreos", "parts/node.conf"),
    file!("coreos", "parts/volume"),
    file!("coreos", "parts/volume.service"),
];

const ETCD: Files = &[
    file!("etcd", "template.toml"),
    file!("etcd", "user-data"),
    file!("etcd", "parts/cluster.conf"),
    file!("etcd", "parts/etcd"),
    file!("etcd", "parts/etcd.conf"),
    file!("etcd", "parts/etcd.service"),
    file!("etcd", "parts/expire.service"),
    file!("etcd", "parts/expire.timer"),
    file!("etcd", "parts/idle"),
    file!("etcd", "parts/idle.service"),
    file!("etcd", "parts/idle.timer"),
    file!("etcd", "parts/interrupt"),
    file!("etcd", "parts/interrupt.d/15-etcd"),
    file!("etcd", "parts/interrupt.service"),
    file!("etcd", "parts/node.conf"),
    file!("etcd", "parts/volume"),
    file!("etcd", "parts/volume.service"),
];

const TEMPLATES: &[(&str, Files)] = &[("cloudtop", CLOUDTOP), ("coreos", COREOS), ("etcd", ETCD)];

pub(super) fn names() -> Vec<&'static str> {
    TEMPLATES.iter().map(|(name, _)| *name).collect()
}

pub(super) fn find(name: &str) -> Result<Source, TemplateError> {
    TEMPLATES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(name, files)| Source::Embedded { name, files })
        .ok_or_else(|| TemplateError::NotFound { name: name.to_owned(), known: names().join(", ") })
}
