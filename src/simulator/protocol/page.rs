//! Pages: MaxResults and NextToken.

use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Args, Fault};

/// Where a page starts and how long it is.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Page {
    size: usize,
    after: Option<String>,
}

impl Page {
    /// The most keys that a list of S3 has.
    pub const S3: usize = 1000;

    /// Reads MaxResults (within EC2's bounds for the action) and NextToken.
    pub fn read(args: &Args<'_>, bounds: RangeInclusive<usize>) -> Result<Self, Fault> {
        let size = match args.number::<usize>("MaxResults")? {
            None | Some(0) => *bounds.end(),
            Some(size) if bounds.contains(&size) => size,
            Some(size) => {
                return Err(Fault::value(format!(
                    "Value ( {size} ) for parameter maxResults is invalid. Expecting a value between {} and {}.",
                    bounds.start(),
                    bounds.end()
                )));
            }
        };
        let invalid = || Fault::new("InvalidNextToken", "The specified NextToken is not valid.");
        let decode = |token: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
            let text = String::from_utf8(bytes).map_err(|_| invalid())?;
            text.strip_prefix("after:").map(str::to_owned).ok_or_else(invalid)
        };
        Ok(Self { size, after: args.get("NextToken").map(decode).transpose()? })
    }

    /// The key that the page before ended with.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// Cuts one page from items in the order of their keys, which no two share: the token names the last one, so
    /// that objects made or gone between two pages neither repeat nor skip the others.
    pub fn cut<T>(&self, items: impl Iterator<Item = T>, key: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
        let begins = |item: &T| self.after.as_deref().is_none_or(|after| key(item) > after);
        let mut rest = items.filter(begins).peekable();
        let page: Vec<T> = rest.by_ref().take(self.size).collect();
        let next = rest.peek().is_some().then(|| page.last().map(|item| token(key(item)))).flatten();
        (page, next)
    }

    /// Cuts one page from a list that stays as it is between the pages, by position.
    pub fn slice<'a, T>(&self, items: &'a [T], from: usize) -> (&'a [T], Option<usize>) {
        let end = from.saturating_add(self.size).min(items.len());
        (items.get(from..end).unwrap_or_default(), (end < items.len()).then_some(end))
    }
}

/// The token that goes on after a key.
pub(in crate::simulator) fn token(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("after:{key}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::Request;
    use super::Page;

    #[test]
    fn pages_go_on_after_the_last_key_and_end() {
        let all = ["a", "b", "c", "d", "e"];
        let first = Request::read("", b"MaxResults=2", None, None);
        let (page, token) = Page::read(&first.args(), 1..=3).unwrap().cut(all.iter(), |item| item);
        assert_eq!(page, [&"a", &"b"]);
        let body = format!("MaxResults=3&NextToken={}", token.unwrap());
        let second = Request::read("", body.as_bytes(), None, None);
        let (page, token) = Page::read(&second.args(), 1..=3).unwrap().cut(all.iter(), |item| item);
        assert_eq!((page, token), (vec![&"c", &"d", &"e"], None));
    }

    #[test]
    fn sizes_out_of_bounds_and_foreign_tokens_are_refused() {
        for body in ["MaxResults=4", "MaxResults=x", "NextToken=zzz"] {
            let request = Request::read("", body.as_bytes(), None, None);
            assert!(Page::read(&request.args(), 1..=3).is_err(), "{body}");
        }
    }
}
