//! Where Unix has the machine's own list of names, hosts(5). Not here: what is in it (`hosts`).

/// The path of the machine's own list of names.
pub(in crate::sys) fn hosts_file() -> std::path::PathBuf {
    "/etc/hosts".into()
}
