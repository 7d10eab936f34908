#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::*;

const NOW: &str = "2026-11-21T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

/// Where an authority is kept, and what it issues.
struct Place {
    temp: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap() }
    }

    fn directory(&self) -> PathBuf {
        self.temp.path().join("pki/core")
    }

    fn ask(&self, member: &str, address: &str, which: Certificate, now: Timestamp) -> Result<String, PkiError> {
        let addresses = [address.parse().unwrap()];
        Ok(String::from_utf8(certificate(&self.directory(), member, &addresses, which, now)?).unwrap())
    }

    fn issue(&self, member: &str, address: &str, now: Timestamp) -> String {
        self.ask(member, address, Certificate::Certificate, now).unwrap()
    }

    /// Writes what a member is given to files for openssl, and returns the directory.
    fn given(&self, member: &str, address: &str) -> PathBuf {
        let directory = self.temp.path().join(member);
        fs::create_dir_all(&directory).unwrap();
        let parts = [("ca", Certificate::Ca), ("crt", Certificate::Certificate), ("key", Certificate::Key)];
        for (name, which) in parts {
            fs::write(directory.join(name), self.ask(member, address, which, now()).unwrap()).unwrap();
        }
        directory
    }
}

/// What openssl prints, and whether it agreed. `None`: there is no openssl here.
fn openssl(arguments: &[&str], directory: &Path) -> Option<(bool, String)> {
    let done = Command::new("openssl").args(arguments).current_dir(directory).output().ok()?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    Some((done.status.success(), text))
}

/// Checked at the time at which the tests' certificates are made.
fn verify<'a>(at: &'a str, more: &[&'a str], file: &'a str) -> Vec<&'a str> {
    [&["verify", "-x509_strict", "-CAfile", "ca", "-attime", at], more, &[file]].concat()
}

#[test]
fn openssl_takes_a_members_certificate_as_server_and_client_at_its_names_and_addresses_only() {
    let place = Place::new();
    let given = place.given("core-0", "10.0.0.7");
    let at = now().as_second().to_string();
    for more in [
        &["-purpose", "sslserver", "-verify_ip", "10.0.0.7"][..],
        &["-purpose", "sslclient", "-verify_ip", "127.0.0.1"],
        &["-verify_hostname", "core-0"],
        &["-verify_hostname", "localhost"],
    ] {
        let Some((agreed, said)) = openssl(&verify(&at, more, "crt"), &given) else { return };
        assert!(agreed, "{more:?}: {said}");
    }
    for more in [&["-verify_ip", "10.0.0.8"][..], &["-verify_hostname", "core-1"]] {
        let (agreed, said) = openssl(&verify(&at, more, "crt"), &given).unwrap();
        assert!(!agreed, "{more:?}: {said}");
    }
}

#[test]
fn openssl_reads_the_usages_the_curve_and_the_dates() {
    let place = Place::new();
    let given = place.given("core-0", "10.0.0.7");
    let Some((_, text)) = openssl(&["x509", "-in", "crt", "-noout", "-text"], &given) else { return };
    for line in [
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "Digital Signature",
        "CA:FALSE",
        "Version: 3",
        "prime256v1",
        "Not Before: Nov 21 11:00:00 2026 GMT",
        "Not After : Nov 20 12:00:00 2028 GMT",
        "DNS:core-0, DNS:localhost, IP Address:10.0.0.7, IP Address:127.0.0.1",
        "Subject: CN = core-0",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let (_, text) = openssl(&["x509", "-in", "ca", "-noout", "-text"], &given).unwrap();
    for line in ["CA:TRUE, pathlen:0", "Certificate Sign", "Not After : Nov 18 12:00:00 2036 GMT"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let (_, of_key) = openssl(&["pkey", "-in", "key", "-pubout"], &given).unwrap();
    let (_, of_certificate) = openssl(&["x509", "-in", "crt", "-noout", "-pubkey"], &given).unwrap();
    assert_eq!(of_key, of_certificate);
}

#[test]
fn the_user_has_a_certificate_that_is_a_client_and_no_server() {
    let place = Place::new();
    place.issue("core-0", "10.0.0.7", now());
    let (directory, at) = (place.directory(), now().as_second().to_string());
    fs::copy(directory.join("ca.pem"), directory.join("ca")).unwrap();
    let Some((agreed, said)) = openssl(&verify(&at, &["-purpose", "sslclient"], "client.pem"), &directory) else {
        return;
    };
    assert!(agreed, "{said}");
    let (agreed, said) = openssl(&verify(&at, &["-purpose", "sslserver"], "client.pem"), &directory).unwrap();
    assert!(!agreed, "{said}");
}

#[test]
fn one_environments_authority_does_not_vouch_for_another_environment() {
    let (place, other) = (Place::new(), Place::new());
    let (given, at) = (place.given("core-0", "10.0.0.7"), now().as_second().to_string());
    fs::copy(other.given("core-0", "10.0.0.7").join("crt"), given.join("other")).unwrap();
    let Some((agreed, _)) = openssl(&verify(&at, &[], "crt"), &given) else { return };
    assert!(agreed);
    let (agreed, said) = openssl(&verify(&at, &[], "other"), &given).unwrap();
    assert!(!agreed, "{said}");
}

#[test]
fn the_same_question_has_the_same_answer_until_the_end_is_near() {
    let place = Place::new();
    let first = place.issue("core-0", "10.0.0.7", now());
    let ca = place.ask("core-0", "10.0.0.7", Certificate::Ca, now()).unwrap();
    let end = now() + CERTIFICATE_HOLDS;
    let just_before = end - RENEWED_BEFORE - days(1);
    assert_eq!(place.issue("core-0", "10.0.0.7", just_before), first);
    let renewed = place.issue("core-0", "10.0.0.7", end - RENEWED_BEFORE);
    assert_ne!(renewed, first);
    assert_eq!(place.issue("core-0", "10.0.0.7", end - days(1)), renewed);
    assert_eq!(place.ask("core-0", "10.0.0.7", Certificate::Ca, end).unwrap(), ca);
}

#[test]
fn another_address_is_another_certificate_and_the_order_of_addresses_is_none() {
    let place = Place::new();
    let first = place.issue("core-0", "10.0.0.7", now());
    assert_ne!(place.issue("core-0", "10.0.0.9", now()), first);
    let ask = |addresses: &[&str]| {
        let addresses: Vec<IpAddr> = addresses.iter().map(|it| it.parse().unwrap()).collect();
        certificate(&place.directory(), "core-1", &addresses, Certificate::Key, now()).unwrap()
    };
    assert_eq!(ask(&["10.0.0.8", "10.0.1.8"]), ask(&["10.0.1.8", "10.0.0.8", "10.0.0.8"]));
}

#[test]
fn members_called_like_our_own_files_disturb_nothing() {
    let place = Place::new();
    for name in ["ca", "client", "members"] {
        let (first, again) = (place.issue(name, "10.0.0.7", now()), place.issue(name, "10.0.0.7", now()));
        assert_eq!(first, again);
    }
}

#[test]
fn no_certificate_outlives_its_authority_and_none_is_made_after_it() {
    let place = Place::new();
    let first = place.issue("core-0", "10.0.0.7", now());
    let late = now() + AUTHORITY_HOLDS - days(30);
    let last = place.issue("core-0", "10.0.0.7", late);
    assert_ne!(last, first);
    // It ends with the authority, and soon; a new one would end no later.
    assert_eq!(place.issue("core-0", "10.0.0.7", late + days(10)), last);
    let error = place.ask("core-0", "10.0.0.7", Certificate::Key, now() + AUTHORITY_HOLDS).unwrap_err();
    assert!(matches!(error, PkiError::Ended { .. }), "{error}");
}

#[test]
fn the_files_are_their_owners_alone() {
    let place = Place::new();
    place.issue("core-0", "10.0.0.7", now());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let directory = place.directory();
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("members")), 0o700);
    for file in ["ca.json", "ca.pem", "client.json", "client.pem", "client.key", "members/core-0.json"] {
        assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_damaged_authority_is_left_as_it_is_and_its_error_shows_nothing_of_it() {
    let place = Place::new();
    let first = place.issue("core-0", "10.0.0.7", now());
    let path = store::authority(&place.directory());
    let whole = fs::read_to_string(&path).unwrap();
    let half = &whole[..whole.len() - 20];
    fs::write(&path, half).unwrap();
    let error = place.ask("core-0", "10.0.0.7", Certificate::Ca, now()).unwrap_err();
    assert!(matches!(error, PkiError::Damaged { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("PRIVATE KEY"));
    assert_eq!(fs::read_to_string(&path).unwrap(), half);
    fs::write(&path, whole).unwrap();
    assert_eq!(place.issue("core-0", "10.0.0.7", now()), first);
}

#[test]
fn a_damaged_certificate_and_one_of_an_authority_that_is_gone_are_made_again() {
    let place = Place::new();
    let first = place.issue("core-0", "10.0.0.7", now());
    fs::write(store::member(&place.directory(), "core-0"), "{").unwrap();
    let second = place.issue("core-0", "10.0.0.7", now());
    assert_ne!(second, first);
    fs::remove_file(store::authority(&place.directory())).unwrap();
    assert_ne!(place.issue("core-0", "10.0.0.7", now()), second);
}

#[test]
fn keys_are_not_shown_by_debug() {
    let authority = Authority::make(now()).unwrap();
    let issued = authority.issue(&server("core-0", &[]), now()).unwrap();
    assert!(!format!("{authority:?} {issued:?}").contains("BEGIN"));
}
