//! User data as EC2 takes it, and user data that no template made.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};

use super::TemplateError;

/// The most user data that EC2 takes, bytes, before base64 (EC2 user guide, "user data").
pub const USER_DATA_LIMIT: usize = 16_384;

/// How the kinds of user data begin that cloud-init (its documentation, "user-data formats") and Ignition know.
const HEADERS: &[&str] = &[
    "#cloud-config",
    "#cloud-config-archive",
    "#cloud-config-jsonp",
    "#cloud-boothook",
    "#part-handler",
    "#include",
    "#include-once",
    "#!",
    "## template: jinja",
    "Content-Type:",
    "{",
];
/// What makes it a MIME message for cloud-init, whichever header comes first.
const MIME: &[u8] = b"mime-version:";
/// How far cloud-init looks for it, bytes.
const MIME_WINDOW: usize = 4096;
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// User data as it is sent, before base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The bytes to send.
    pub bytes: Vec<u8>,
    /// Whether they are compressed.
    pub gzipped: bool,
    /// How many there were before, for messages.
    pub raw_len: usize,
}

/// Makes user data fit: as it is up to 16 KiB, else compressed where what reads it unpacks gzip.
///
/// The same input always gives the same bytes, so that a repeated launch request is the same request.
///
/// # Errors
/// [`TemplateError::TooLarge`] when it does not fit.
pub fn prepare(raw: Vec<u8>, gzip_allowed: bool) -> Result<Prepared, TemplateError> {
    let raw_len = raw.len();
    if raw_len <= USER_DATA_LIMIT {
        return Ok(Prepared { bytes: raw, gzipped: false, raw_len });
    }
    let too_large = |sent| TemplateError::TooLarge { raw: raw_len, sent, limit: USER_DATA_LIMIT };
    // What is compressed already does not fit for being compressed twice, and cloud-init unpacks once.
    if !gzip_allowed || raw.starts_with(GZIP_MAGIC) {
        return Err(too_large(raw_len));
    }
    let bytes = gzip(&raw).map_err(|_| too_large(raw_len))?;
    if bytes.len() > USER_DATA_LIMIT {
        return Err(too_large(bytes.len()));
    }
    Ok(Prepared { bytes, gzipped: true, raw_len })
}

/// The same bytes for the same input, always: a launch that is repeated must be the same.
pub(super) fn gzip(raw: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(raw)?;
    encoder.finish()
}

/// A first line that neither cloud-init nor Ignition knows: the node would boot as if it had no user data, and
/// cloud-init would call that a success.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} begins with {first_line:?}, which neither cloud-init nor Ignition knows (#cloud-config, #!, a MIME header, {{ ...): the node may boot as if it had no user data",
    path.display()
)]
pub struct UnknownHeader {
    /// The file.
    pub path: PathBuf,
    /// Its first line, shortened.
    pub first_line: String,
}

/// Reads the file given with `--user-data`, whatever is in it, with a warning for the caller to print.
///
/// # Errors
/// A file that is missing, unreadable or empty.
pub fn check_user_data_file(path: &Path) -> Result<(Vec<u8>, Option<UnknownHeader>), TemplateError> {
    let unreadable = |source| TemplateError::UserDataUnreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.trim_ascii().is_empty() {
        return Err(TemplateError::UserDataEmpty { path: path.to_owned() });
    }
    let known = bytes.starts_with(GZIP_MAGIC) || has_known_header(&bytes) || is_mime(&bytes);
    let warning = (!known).then(|| UnknownHeader { path: path.to_owned(), first_line: first_line(&bytes) });
    Ok((bytes, warning))
}

fn has_known_header(bytes: &[u8]) -> bool {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    HEADERS.iter().any(|header| {
        let starts = first.get(..header.len()).is_some_and(|start| start.eq_ignore_ascii_case(header.as_bytes()));
        // `#cloud-configs` is no `#cloud-config`: a header that is a word ends where the word does.
        let after = first.get(header.len()).copied();
        let is_word = header.starts_with('#') && *header != "#!";
        starts && (!is_word || after.is_none_or(|byte| byte.is_ascii_whitespace()))
    })
}

fn is_mime(bytes: &[u8]) -> bool {
    let start = bytes.get(..MIME_WINDOW).unwrap_or(bytes);
    start.windows(MIME.len()).any(|window| window.eq_ignore_ascii_case(MIME))
}

fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line).chars().take(60).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn incompressible(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        };
        (0..length).map(|_| next()).collect()
    }

    fn check(content: &[u8]) -> Result<(Vec<u8>, Option<UnknownHeader>), TemplateError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("user-data");
        std::fs::write(&path, content).unwrap();
        check_user_data_file(&path)
    }

    #[test]
    fn user_data_of_16_kib_is_sent_as_it_is() {
        let raw = vec![b'a'; USER_DATA_LIMIT];
        let sent = prepare(raw.clone(), true).unwrap();
        assert_eq!(sent, Prepared { bytes: raw, gzipped: false, raw_len: USER_DATA_LIMIT });
    }

    #[test]
    fn a_byte_more_is_compressed_the_same_way_each_time() {
        let raw = vec![b'a'; USER_DATA_LIMIT + 1];
        let sent = prepare(raw.clone(), true).unwrap();
        assert!(sent.gzipped && sent.bytes.len() < 200 && sent.raw_len == raw.len());
        assert_eq!(sent.bytes[4..8], [0; 4], "the time of compression must not show");
        assert_eq!(prepare(raw.clone(), true).unwrap(), sent);
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(sent.bytes.as_slice()).read_to_end(&mut back).unwrap();
        assert_eq!(back, raw);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_sizes() {
        let error = prepare(vec![b'a'; 20_480], false).unwrap_err();
        assert!(matches!(error, TemplateError::TooLarge { raw: 20_480, sent: 20_480, limit: 16_384 }));
        assert!(error.to_string().contains("20480 bytes"), "{error}");
        let error = prepare(incompressible(20_000), true).unwrap_err();
        assert!(matches!(error, TemplateError::TooLarge { raw: 20_000, sent: 16_385.., .. }), "{error}");
    }

    #[test]
    fn what_is_compressed_already_is_not_compressed_again() {
        let mut raw = GZIP_MAGIC.to_vec();
        raw.resize(20_000, 0);
        assert!(matches!(prepare(raw, true), Err(TemplateError::TooLarge { sent: 20_000, .. })));
    }

    #[test]
    fn known_headers_pass_without_a_word() {
        for header in [
            "#cloud-config\na: 1\n",
            "#cloud-config \r\n",
            "#!/bin/sh\n",
            "## template: jinja\n#cloud-config\n",
            "Content-Type: multipart/mixed; boundary=\"x\"\n",
            "From nobody\nMIME-Version: 1.0\n",
            "#include\nhttps://example.com\n",
            "#cloud-boothook\n",
            "#part-handler\n",
            "#cloud-config-archive\n",
            "{\"ignition\":{\"version\":\"3.3.0\"}}",
            "\u{1f}",
        ] {
            let content = if header == "\u{1f}" { GZIP_MAGIC } else { header.as_bytes() };
            assert_eq!(check(content).unwrap(), (content.to_vec(), None), "{header}");
        }
    }

    #[test]
    fn an_unknown_header_is_a_warning_with_the_line() {
        for header in [
            "packages: [git]\n",
            "# cloud-config\n",
            "#cloud-configs\n",
            "\n#cloud-config\n",
            "\u{feff}#cloud-config\n",
        ] {
            let (bytes, warning) = check(header.as_bytes()).unwrap();
            assert_eq!(bytes, header.as_bytes());
            assert_eq!(warning.unwrap().first_line, header.lines().next().unwrap(), "{header}");
        }
        assert!(check(&[0xff, 0x00]).unwrap().1.is_some());
    }

    #[test]
    fn empty_and_missing_files_are_errors() {
        assert!(matches!(check(b""), Err(TemplateError::UserDataEmpty { .. })));
        assert!(matches!(check(b" \n\n"), Err(TemplateError::UserDataEmpty { .. })));
        let error = check_user_data_file(Path::new("/nonexistent/boot.yaml")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/boot.yaml") && !error.is_not_found());
    }
}
