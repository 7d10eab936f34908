//! Host keys, pinned to instance ids.
//!
//! Every host of the managed configuration has its instance id as HostKeyAlias. A relaunched node has a new id, so its
//! new key is no alarm; another key under the same id is refused by OpenSSH, and `refused` recognises that refusal.

use super::error::SshError;
use super::files;
use super::paths::SshDir;

/// Forgets the host keys of an instance, which is terminated and will not come back. True when there were any.
///
/// # Errors
/// When the known_hosts file cannot be read or written.
pub fn forget_host_key(dir: &SshDir, instance_id: &str) -> Result<bool, SshError> {
    let _lock = dir.lock()?;
    let path = dir.known_hosts();
    let Some(bytes) = files::read_if_there(&path)? else { return Ok(false) };
    let kept: Vec<u8> =
        bytes.split_inclusive(|b| *b == b'\n').filter(|l| !names(l, instance_id)).flatten().copied().collect();
    if kept.len() == bytes.len() {
        return Ok(false);
    }
    files::replace(&path, &kept, 0o600)?;
    Ok(true)
}

/// Whether a known_hosts line is about this instance. Names are plain there: the managed configuration says
/// `HashKnownHosts no`, since Debian's system-wide one says yes.
fn names(line: &[u8], instance_id: &str) -> bool {
    let line = String::from_utf8_lossy(line);
    let mut fields = line.split_whitespace().skip_while(|field| field.starts_with('@'));
    fields.next().is_some_and(|hosts| hosts.split(',').any(|host| host == instance_id))
}

/// Whether these last words of ssh are its refusal of a host key (sshconnect.c prints both lines).
#[must_use]
pub fn refused(stderr: &str) -> bool {
    stderr.lines().any(|line| {
        line.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") || line.trim() == "Host key verification failed."
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_the_lines_of_that_instance_are_forgotten() {
        let root = tempfile::tempdir().unwrap();
        let dir = SshDir::new(root.path()).unwrap();
        assert!(!forget_host_key(&dir, "i-0a").unwrap());
        fs::write(
            dir.known_hosts(),
            "i-0a ssh-ed25519 AAAA\ni-0ab ssh-ed25519 BBBB\n# i-0a\n@revoked i-0a ssh-rsa C\nx,i-0a ssh-rsa D\n",
        )
        .unwrap();
        assert!(forget_host_key(&dir, "i-0a").unwrap());
        assert_eq!(fs::read_to_string(dir.known_hosts()).unwrap(), "i-0ab ssh-ed25519 BBBB\n# i-0a\n");
        assert!(!forget_host_key(&dir, "i-0a").unwrap());
    }

    #[test]
    fn a_refused_host_key_is_told_from_other_complaints() {
        assert!(refused("x\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n"));
        assert!(refused("Host key verification failed.\r\n"));
        assert!(!refused("me@host: Permission denied (publickey).\r\n"));
    }
}
