use super::*;
use std::os::unix::fs::PermissionsExt as _;
use std::process;

struct Room {
    root: tempfile::TempDir,
    dir: SshDir,
}

impl Room {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let dir = SshDir::new(&root.path().join("managed")).unwrap();
        Self { root, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Makes a key pair with the real ssh-keygen.
    fn keygen(&self, name: &str, kind: &[&str], passphrase: &str) -> PathBuf {
        let path = self.path(name);
        let status = process::Command::new("ssh-keygen")
            .args(["-q", "-N", passphrase, "-C", "me", "-f"])
            .arg(&path)
            .arg("-t")
            .args(kind)
            .status();
        assert!(status.unwrap().success());
        path
    }

    async fn explicit(&self, path: &Path) -> Result<Key, KeyError> {
        choose(&self.dir, &KeySearch { explicit: Some(path), ..KeySearch::default() }).await
    }

    async fn defaults(&self) -> Key {
        choose(&self.dir, &KeySearch { user_ssh_dir: Some(self.root.path()), ..KeySearch::default() }).await.unwrap()
    }
}

#[tokio::test]
async fn a_private_or_public_path_leads_to_the_same_key() {
    let room = Room::new();
    let private = room.keygen("k", &["ed25519"], "");
    let by_public = room.explicit(&with_pub(&private)).await.unwrap();
    let by_private = room.explicit(&private).await.unwrap();
    fs::remove_file(with_pub(&private)).unwrap();
    let derived = room.explicit(&private).await.unwrap();
    for key in [by_public, by_private, derived] {
        assert_eq!(key.identity_file.as_deref(), Some(private.as_path()));
        assert_eq!((key.public.to_openssh().split(' ').count(), key.public.comment.as_str()), (3, "me"));
    }
}

#[tokio::test]
async fn a_public_key_alone_is_the_agents_to_sign_with() {
    let room = Room::new();
    let private = room.keygen("k", &["rsa", "-b", "2048"], "");
    fs::remove_file(&private).unwrap();
    let key = room.explicit(&with_pub(&private)).await.unwrap();
    assert_eq!(key.identity_file, Some(with_pub(&private)));
}

#[tokio::test]
async fn a_private_key_that_cannot_be_opened_names_the_public_file_to_give() {
    let room = Room::new();
    let private = room.keygen("k", &["ed25519"], "secret");
    fs::remove_file(with_pub(&private)).unwrap();
    let error = room.explicit(&private).await.unwrap_err();
    assert!(matches!(&error, KeyError::LockedPrivateKey { public, .. } if *public == with_pub(&private)), "{error}");
    assert!(error.to_string().contains("k.pub"));
}

#[tokio::test]
async fn a_private_key_in_a_file_called_pub_is_refused() {
    let room = Room::new();
    let private = room.keygen("k", &["ed25519"], "");
    fs::rename(&private, with_pub(&private)).unwrap();
    for path in [with_pub(&private), private.clone()] {
        if path == private {
            fs::copy(with_pub(&private), &private).unwrap();
        }
        let error = room.explicit(&path).await.unwrap_err();
        assert!(matches!(&error, KeyError::PrivateKey { path } if *path == with_pub(&private)), "{error}");
    }
}

#[tokio::test]
async fn a_bad_file_is_told_by_what_is_wrong_with_it() {
    let room = Room::new();
    assert!(matches!(room.explicit(&room.path("none")).await, Err(KeyError::Missing(_))));
    assert!(matches!(room.explicit(room.root.path()).await, Err(KeyError::Unreadable { .. })));
    fs::write(room.path("empty"), "\n").unwrap();
    assert!(matches!(room.explicit(&room.path("empty")).await, Err(KeyError::Empty(_))));
    fs::write(room.path("text"), [0xff, b'x']).unwrap();
    let not_a_key = room.explicit(&room.path("text")).await;
    assert!(matches!(not_a_key, Err(KeyError::Unsuitable { source: PublicKeyError::NotAKey, .. })));
    let ecdsa = room.keygen("ec", &["ecdsa"], "");
    let not_imported = room.explicit(&ecdsa).await;
    assert!(matches!(not_imported, Err(KeyError::Unsuitable { source: PublicKeyError::NotImported(_), .. })));
}

#[tokio::test]
async fn the_users_own_key_is_preferred_and_what_ec2_refuses_is_passed_over() {
    let room = Room::new();
    let rsa = room.keygen("id_rsa", &["rsa", "-b", "2048"], "");
    fs::write(room.path("id_ed25519.pub"), "ssh-ed25519 AAAA me\n").unwrap();
    let key = room.defaults().await;
    assert_eq!(key.origin, Origin::File(with_pub(&rsa)));
    assert!(matches!(key.passed_over.as_slice(), [KeyError::Unsuitable { .. }]));
    room.keygen("other", &["ed25519"], "");
    fs::rename(room.path("other.pub"), room.path("id_ed25519.pub")).unwrap();
    assert_eq!(room.defaults().await.origin, Origin::File(room.path("id_ed25519.pub")));
}

#[tokio::test]
async fn without_any_key_one_is_made_once_and_kept_private() {
    let room = Room::new();
    let first = room.defaults().await;
    let second = room.defaults().await;
    assert_eq!(first.public, second.public);
    let file = first.identity_file.unwrap();
    assert_eq!(first.origin, Origin::Own(file.clone()));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(second.public.comment, "cloudtop");
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_no_error() {
    let room = Room::new();
    let socket = room.path("no-such-socket");
    let search = KeySearch { agent_socket: Some(socket.as_os_str()), ..KeySearch::default() };
    let key = choose(&room.dir, &search).await.unwrap();
    assert!(matches!(key.origin, Origin::Own(_)));
}
