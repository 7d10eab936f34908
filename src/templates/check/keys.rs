//! The keys of a cloud-config.
//!
//! Source: cloud-init's own schema, `schema-cloud-config-v1.json` of its main branch. Each row: the key, the types that
//! it may have, and the keys below it (of a list: of its items) where there are no others. An empty third column says
//! that what is below is not looked at. `scripts/test templates` compares the names with the cloud-init that Debian has.

/// The types of values that the schema knows, in the words of the table below.
pub(super) type Row = (&'static str, &'static str, &'static str);

const USER: &str = "create-groups create_groups doas expiredate gecos groups hashed-passwd hashed_passwd homedir inactive lock-passwd lock_passwd name no-create-home no-log-init no-user-group no_create_home no_log_init no_user_group passwd plain-text-passwd plain_text_passwd primary-group primary_group selinux-user selinux_user shell snapuser ssh-authorized-keys ssh-import-id ssh-redirect-user ssh_authorized_keys ssh_import_id ssh_redirect_user sudo system uid";

/// Every key that cloud-init's schema names.
pub(super) const KEYS: &[Row] = &[
    ("allow_public_ssh_keys", "flag", ""),
    ("ansible", "table", "ansible_config galaxy install_method package_name pull run_user setup_controller"),
    ("apk_repos", "table", "alpine_repo local_repo_base_url preserve_repositories"),
    (
        "apt",
        "table",
        "add_apt_repo_match conf debconf_selections disable_suites ftp_proxy http_proxy https_proxy preserve_sources_list primary proxy security sources sources_list",
    ),
    ("apt_pipelining", "text flag number", ""),
    ("apt_reboot_if_required", "flag", ""),
    ("apt_update", "flag", ""),
    ("apt_upgrade", "flag", ""),
    ("authkey_hash", "text", ""),
    ("autoinstall", "table", ""),
    ("bootcmd", "list", ""),
    ("byobu_by_default", "text", ""),
    ("ca-certs", "table", "remove-defaults remove_defaults trusted"),
    ("ca_certs", "table", "remove-defaults remove_defaults trusted"),
    (
        "chef",
        "table",
        "chef_license client_key config_path directories encrypted_data_bag_secret environment exec file_backup_path file_cache_path firstboot_path force_install initial_attributes install_type json_attribs log_level log_location node_name omnibus_url omnibus_url_retries omnibus_version pid_file run_list server_url show_time ssl_verify_mode validation_cert validation_key validation_name",
    ),
    ("chpasswd", "table", "expire list users"),
    ("cloud_config_modules", "list", ""),
    ("cloud_final_modules", "list", ""),
    ("cloud_init_modules", "list", ""),
    ("create_hostname_file", "flag", ""),
    ("device_aliases", "table", ""),
    ("disable_ec2_metadata", "flag", ""),
    ("disable_root", "flag", ""),
    ("disable_root_opts", "text", ""),
    ("disk_setup", "table", ""),
    ("drivers", "table", "nvidia"),
    ("fan", "table", "config config_path"),
    ("final_message", "text", ""),
    ("fqdn", "text", ""),
    ("fs_setup", "list", "cmd device extra_opts filesystem label overwrite partition replace_fs"),
    ("groups", "list table text", ""),
    ("growpart", "table", "devices ignore_growroot_disabled mode"),
    ("grub-dpkg", "table", ""),
    ("grub_dpkg", "table", "enabled grub-efi/install_devices grub-pc/install_devices grub-pc/install_devices_empty"),
    ("hostname", "text", ""),
    ("keyboard", "table", "layout model options variant"),
    ("landscape", "table", "client"),
    ("launch-index", "number", ""),
    ("locale", "text flag", ""),
    ("locale_configfile", "text", ""),
    ("lxd", "table", "bridge init preseed"),
    ("manage_etc_hosts", "text flag", ""),
    ("manage_resolv_conf", "flag", ""),
    ("mcollective", "table", "conf"),
    ("merge_how", "list table text", ""),
    ("merge_type", "list table text", ""),
    ("migrate", "text flag", ""),
    ("mount_default_fields", "list", ""),
    ("mounts", "list", ""),
    ("no_ssh_fingerprints", "flag", ""),
    ("ntp", "table null", "allow config enabled ntp_client peers pools servers"),
    ("output", "table", "all config final init"),
    ("package_reboot_if_required", "flag", ""),
    ("package_update", "flag", ""),
    ("package_upgrade", "flag", ""),
    ("packages", "list", "apt snap"),
    ("password", "text", ""),
    ("phone_home", "table", "post tries url"),
    ("power_state", "table", "condition delay message mode timeout"),
    ("prefer_fqdn_over_hostname", "flag", ""),
    ("preserve_hostname", "flag", ""),
    (
        "puppet",
        "table",
        "aio_install_url cleanup collection conf conf_file csr_attributes csr_attributes_path exec exec_args install install_type package_name ssl_dir start_service version",
    ),
    ("random_seed", "table", "command command_required data encoding file"),
    ("reporting", "table", ""),
    ("resize_rootfs", "text flag", ""),
    ("resolv_conf", "table", "domain nameservers options searchdomains sortlist"),
    (
        "rh_subscription",
        "table",
        "activation-key activation_key add-pool add_pool auto-attach auto_attach disable-repo disable_repo enable-repo enable_repo org password release_version rhsm-baseurl rhsm_baseurl server-hostname server_hostname service-level service_level username",
    ),
    ("rpi", "table", ""),
    (
        "rsyslog",
        "table",
        "check_exe config_dir config_filename configs install_rsyslog packages remotes service_reload_command",
    ),
    ("runcmd", "list", ""),
    ("salt_minion", "table", "conf config_dir grains pkg_name pki_dir private_key public_key service_name"),
    ("snap", "table", "assertions commands"),
    ("spacewalk", "table", "activation_key proxy server"),
    ("ssh", "table", "emit_keys_to_console"),
    ("ssh_authorized_keys", "list", ""),
    ("ssh_deletekeys", "flag", ""),
    ("ssh_fp_console_blacklist", "list", ""),
    ("ssh_genkeytypes", "list", ""),
    ("ssh_import_id", "list", ""),
    ("ssh_key_console_blacklist", "list", ""),
    ("ssh_keys", "table", ""),
    ("ssh_publish_hostkeys", "table", "blacklist enabled"),
    ("ssh_pwauth", "text flag", ""),
    ("ssh_quiet_keygen", "flag", ""),
    ("swap", "table", "filename maxsize size"),
    ("system_info", "table", ""),
    ("timezone", "text", ""),
    ("ubuntu_advantage", "table", "config enable enable_beta features token"),
    ("ubuntu_pro", "table", "config enable enable_beta features token"),
    ("updates", "table", "network"),
    ("user", "table text", USER),
    ("users", "list table text", USER),
    ("vendor_data", "table", "enabled prefix"),
    ("version", "text", ""),
    ("wireguard", "table null", "interfaces readinessprobe"),
    ("write_files", "list", "append content defer encoding owner path permissions source"),
    ("yum_repo_dir", "text", ""),
    ("yum_repos", "table", ""),
    ("zypper", "table", ""),
];

/// Keys that no schema names, and that cloud-init or its data sources read all the same.
pub(super) const UNLISTED: &[&str] = &[
    "cloud_dir",
    "datasource",
    "datasource_list",
    "debug",
    "def_log_file",
    "disable_vendor_data",
    "log_cfgs",
    "mount_default_opts",
    "network",
    "power_state_change",
    "ssh_svcname",
    "syslog_fix_perms",
    "unverified_modules",
    "user-data",
    "vendor_data2",
];

/// Keys that became parts of `apt` in cloud-init 17.1; each version may be the last that still reads them.
pub(super) const OLD_APT: &[&str] = &[
    "add_apt_repo_match",
    "apt_custom_sources_list",
    "apt_ftp_proxy",
    "apt_http_proxy",
    "apt_https_proxy",
    "apt_mirror",
    "apt_mirror_search",
    "apt_mirror_search_dns",
    "apt_preserve_sources_list",
    "apt_proxy",
    "apt_sources",
    "debconf_selections",
];

/// What coreos-cloudinit reads at the top (its Documentation/cloud-config.md). It takes `-` and `_` for the same.
pub(super) const COREOS: &[&str] =
    &["coreos", "hostname", "manage_etc_hosts", "ssh_authorized_keys", "users", "write_files"];

/// What coreos-cloudinit reads below `coreos`.
pub(super) const BELOW_COREOS: &[&str] = &["etcd", "etcd2", "flannel", "fleet", "locksmith", "oem", "units", "update"];

/// What coreos-cloudinit reads of a unit.
pub(super) const COREOS_UNIT: &[&str] = &["command", "content", "drop_ins", "enable", "mask", "name", "runtime"];

/// What coreos-cloudinit reads of a user beyond cloud-init's keys.
pub(super) const COREOS_USER: &[&str] =
    &["coreos_ssh_import_github", "coreos_ssh_import_github_users", "coreos_ssh_import_url"];

/// The row of a key.
pub(super) fn row(key: &str) -> Option<&'static Row> {
    KEYS.iter().find(|(name, ..)| *name == key)
}
