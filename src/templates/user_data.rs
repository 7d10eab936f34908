//! User data as EC2 takes it, and user data that no template made.

use std::io::Write;
use std::path::Path;

use flate2::{Compression, GzBuilder};

use super::TemplateError;

/// The most user data that EC2 takes, bytes, before base64 (EC2 user guide, "user data").
pub const USER_DATA_LIMIT: usize = 16_384;

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

/// Reads the file given with `--user-data`, whatever is in it: [`super::check::user_data`] says what is wrong with it.
///
/// # Errors
/// A file that is missing, unreadable or empty.
pub fn read_user_data_file(path: &Path) -> Result<Vec<u8>, TemplateError> {
    let bytes =
        std::fs::read(path).map_err(|source| TemplateError::UserDataUnreadable { path: path.to_owned(), source })?;
    if bytes.trim_ascii().is_empty() {
        return Err(TemplateError::UserDataEmpty { path: path.to_owned() });
    }
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn incompressible(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        };
        (0..length).map(|_| next()).collect()
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
    fn empty_and_missing_files_are_errors() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("user-data");
        for content in ["", " \n\n"] {
            std::fs::write(&path, content).unwrap();
            assert!(matches!(read_user_data_file(&path), Err(TemplateError::UserDataEmpty { .. })));
        }
        let error = read_user_data_file(Path::new("/nonexistent/boot.yaml")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/boot.yaml") && !error.is_not_found());
    }
}
