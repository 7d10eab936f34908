//! Everything that is looked for. docs/template-check.md says the same; a test compares them.

use super::finding::{Level, Rule};

macro_rules! rules {
    ($($id:ident $name:literal $level:ident $finds:literal;)*) => {
        $(#[doc = $finds] pub(super) const $id: &Rule = &Rule { name: $name, level: Level::$level, finds: $finds };)*
        /// All rules, in the order of the documentation.
        pub const ALL: &[&Rule] = &[$($id),*];
    };
}

rules! {
    SIZE "size" Error "more than 16,384 bytes as sent, which EC2 refuses";
    EMPTY "empty" Error "nothing in it";
    HEADER "header" Error "a first line that makes cloud-init take a cloud-config for plain text";
    UNKNOWN_HEADER "unknown-header" Warning "a first line that neither cloud-init nor Ignition knows";
    ENCODING "encoding" Error "text that is not UTF-8";
    TEMPLATE "template" Error "a template that does not render: an undefined name, a wrong type, a syntax error";
    UNUSED_VARIABLE "unused-variable" Warning "a declared variable that no file of the template refers to";
    UNRENDERED "unrendered" Warning "text for another tool's templates (Go, ERB, Jinja, Terraform), which nothing replaces here";
    YAML "yaml" Error "text that is no YAML, or that cloud-init's YAML reader refuses";
    DUPLICATE_KEY "duplicate-key" Error "a key twice in one mapping: only the last one counts";
    MISSPELT_KEY "misspelt-key" Error "a key that is nearly one that cloud-init knows";
    UNKNOWN_KEY "unknown-key" Warning "a key that cloud-init does not know";
    OLD_KEY "old-key" Warning "a key of cloud-init's past";
    VALUE "value" Error "a value that cloud-init cannot use: a list that is none, an entry without its path, a command that is a mapping";
    TYPE "type" Warning "a value of another type than cloud-init's documentation says, which it may still take";
    PERMISSIONS "permissions" Error "permissions that mean other bits than they show: an unquoted number without a leading zero";
    OWNER "owner" Error "write_files for a user that is made later: it fails, and every file after it is missing";
    OWNER_UNKNOWN "owner-unknown" Warning "write_files for an account that a bare image may not have yet";
    TWO_WRITERS "two-writers" Warning "one path written twice: the last writer wins";
    RUNCMD_E "runcmd-unchecked" Hint "several commands without `set -e`: one that fails goes unnoticed";
    BOOTCMD_START "bootcmd-start" Warning "`systemctl start` in bootcmd without --no-block: it may wait for ever";
    SHELL "shell" Error "a script that its shell cannot read (`sh -n`, `bash -n`)";
    BASHISM "bashism" Warning "a #!/bin/sh script that only bash can read";
    UNIT "unit" Error "a systemd unit that systemd cannot read or refuses to start";
    UNIT_SECTION "unit-section" Warning "a section that units of that kind do not have";
    NOT_ENABLED "not-enabled" Hint "a unit with an Install section that nothing here enables";
    SECRET "secret" Warning "what looks like a secret: everybody on the node can read user data";
    DEVICE "device" Warning "a disk's name that does not exist on today's instance types, or changes from boot to boot";
    FORMATS "formats" Warning "fs_setup that formats at every new instance, whatever is on the disk";
    NOFAIL "nofail" Warning "a mount without `nofail`: without its disk the node does not boot";
    MOUNT_IN_HOME "mount-in-home" Warning "a mount in a home directory: it is made before the user, and the home belongs to root";
    DIALECT "dialect" Warning "coreos-cloudinit's or RancherOS's own keys, which cloud-init ignores";
    WRONG_DIALECT "wrong-dialect" Error "coreos-cloudinit's keys for an image that has no coreos-cloudinit";
    DISCOVERY "etcd-discovery" Warning "a discovery URL of discovery.etcd.io, which does not answer any more";
    SUBSTITUTION "substitution" Warning "$private_ipv4 and $public_ipv4, which only coreos-cloudinit replaces";
    JSON "json" Error "text that is no JSON";
    IGNITION "ignition" Error "an Ignition config that Ignition refuses";
    IGNITION_KEY "ignition-key" Warning "a key that Ignition does not know and passes over";
    CLOUD_INIT "cloud-init" Error "what the installed cloud-init's own schema check refuses";
    DEPRECATED "cloud-init-deprecated" Hint "what the installed cloud-init calls deprecated";
}
