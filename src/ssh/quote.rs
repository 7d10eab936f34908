//! Values as they may stand in an ssh configuration: checked so that none can leave its line or change its meaning.
//!
//! OpenSSH expands `%` tokens and `${VAR}` in file names, and only releases since 8.7 know a backslash inside quotes. So
//! a quote, a backslash or `${` in a path is refused rather than written in a way that some releases misread.

use std::path::Path;

use super::error::SshError;

/// A name: an ssh name, an environment, an instance id or a user. It has no character that is a pattern to ssh.
pub(super) fn word<'a>(field: &'static str, value: &'a str) -> Result<&'a str, SshError> {
    check(field, value, "letters, digits, '.', '_' and '-' only, and no '.' or '-' at the start", |value| {
        !value.starts_with(['-', '.']) && value.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    })
}

/// A DNS name or an IP address.
pub(super) fn host_name(value: &str) -> Result<&str, SshError> {
    check("host name", value, "it must be a DNS name or an IP address", |value| {
        !value.starts_with(['-', '.']) && value.chars().all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c))
    })
}

/// An absolute path, in quotes, with `%` doubled as ssh asks.
pub(super) fn path(field: &'static str, path: &Path) -> Result<String, SshError> {
    Ok(format!("\"{}\"", plain_path(field, path)?.replace('%', "%%")))
}

/// The managed configuration's own path, in quotes, for an Include line.
///
/// Include takes its argument as a glob(7) pattern, and releases differ in whether they expand `%` there.
pub(super) fn include_path(path: &Path) -> Result<String, SshError> {
    let text = plain_path("path", path)?;
    let text = check("path", text, "'*', '?', '[' and '%' mean something else to ssh's Include", |text| {
        !text.contains(['*', '?', '[', '%'])
    })?;
    Ok(format!("\"{text}\""))
}

/// A `ProxyCommand`: the rest of its line as it stands, with only the `%` tokens that ssh knows there.
pub(super) fn proxy_command(value: &str) -> Result<&str, SshError> {
    let field = "proxy command";
    check(field, value, "it must be one line and may not begin with a space or '='", |value| {
        !value.starts_with([' ', '=']) && !value.chars().any(char::is_control)
    })?;
    check(field, value, "only %%, %h, %n, %p and %r are known after a '%'; write a plain '%' as '%%'", known_tokens)
}

fn known_tokens(value: &str) -> bool {
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c == '%' && !chars.next().is_some_and(|token| "%hnpr".contains(token)) {
            return false;
        }
    }
    true
}

fn plain_path<'a>(field: &'static str, path: &'a Path) -> Result<&'a str, SshError> {
    let bad = |reason| SshError::BadValue { field, value: path.display().to_string(), reason };
    let text = path.to_str().ok_or_else(|| bad("it is not valid UTF-8"))?;
    if !path.is_absolute() {
        return Err(bad("it must be absolute"));
    }
    check(field, text, "it holds a control character, a double quote, a backslash or '${'", |text| {
        !text.contains("${") && !text.chars().any(|c| c.is_control() || c == '"' || c == '\\')
    })
}

fn check<'a>(
    field: &'static str,
    value: &'a str,
    reason: &'static str,
    allowed: impl FnOnce(&str) -> bool,
) -> Result<&'a str, SshError> {
    if !value.is_empty() && allowed(value) {
        return Ok(value);
    }
    Err(SshError::BadValue { field, value: value.to_owned(), reason })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_be_an_option_a_pattern_or_two_words() {
        assert_eq!(word("alias", "cloudtop-core-0").unwrap(), "cloudtop-core-0");
        for bad in ["", "-oProxyCommand=x", "a b", "a\nb", "a*", "!a", "a,b", "a#b", "a\"b", "a%h", "é"] {
            assert!(word("alias", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_host_name_may_be_an_ipv6_address_but_no_token() {
        assert_eq!(host_name("2001:db8::1").unwrap(), "2001:db8::1");
        for bad in ["", "a b", "%h", "-x", "a;b", "fe80::1%eth0"] {
            assert!(host_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_path_keeps_its_spaces_and_doubles_its_percent_signs() {
        assert_eq!(path("key", Path::new("/a b/50%/k")).unwrap(), "\"/a b/50%%/k\"");
        for bad in ["relative", "/a\"b", "/a\nHost *", "/a\\b", "/${HOME}/k", ""] {
            assert!(path("key", Path::new(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_proxy_command_may_use_only_tokens_that_ssh_knows() {
        assert_eq!(proxy_command("nc -X 'a b' %h %p 100%%").unwrap(), "nc -X 'a b' %h %p 100%%");
        for bad in ["", "nc %h\nHost *", "nc %z", "nc %", "=x", " x", "nc\t%h"] {
            assert!(proxy_command(bad).is_err(), "{bad:?}");
        }
    }
}
