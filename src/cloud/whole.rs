//! An answer is taken whole or not at all.
//!
//! The SDK reads XML that ends in the middle as if it ended there: a list that was cut off shows fewer things than there
//! are, and what is not shown may be made a second time. So an XML answer must end with the end of what it began with.

use std::io::{Error, ErrorKind};

use aws_sdk_ec2::config::RuntimeComponents;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

/// A client that calls an answer lost when it ends in the middle: the SDK then asks again.
pub(super) fn client(inner: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Whole { inner })
}

#[derive(Debug)]
struct Whole<T> {
    inner: T,
}

impl HttpClient for Whole<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Whole { inner: self.inner.http_connector(settings, components) })
    }
}

impl HttpConnector for Whole<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move { whole(answer.await?).await })
    }
}

async fn whole(mut answer: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let body = ByteStream::new(std::mem::replace(answer.body_mut(), SdkBody::taken())).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    if is_cut_off(&body) {
        let error = Error::new(ErrorKind::UnexpectedEof, "the answer ends in the middle");
        return Err(ConnectorError::io(error.into()));
    }
    *answer.body_mut() = SdkBody::from(body);
    Ok(answer)
}

/// Whether this is the beginning of an XML document and not its end. What is no XML is for others to judge.
fn is_cut_off(body: &[u8]) -> bool {
    let text = body.trim_ascii();
    let Some(root) = root(text) else { return text.starts_with(b"<?xml") };
    let end = text.strip_suffix(b">").map(<[u8]>::trim_ascii_end);
    let is_end = |end: &[u8]| end.strip_suffix(root).is_some_and(|rest| rest.ends_with(b"</"));
    // An element with nothing in it ends where it begins.
    let is_empty = |end: &[u8]| end.ends_with(b"/") && !end.contains(&b'>');
    !end.is_some_and(|end| is_end(end) || is_empty(after_declaration(end)))
}

/// The name of the first element of an XML document. A page in HTML (of a proxy, or of a server that lacks the action) need
/// not close what it opens.
fn root(text: &[u8]) -> Option<&[u8]> {
    let begun = after_declaration(text).strip_prefix(b"<")?;
    let end = begun.iter().position(|byte| matches!(byte, b'>' | b'/') || byte.is_ascii_whitespace())?;
    let name = begun.get(..end)?;
    let is_xml = name.first().is_some_and(u8::is_ascii_alphabetic) && !name.eq_ignore_ascii_case(b"html");
    is_xml.then_some(name)
}

/// What follows `<?xml ...?>`, which need not be there.
fn after_declaration(text: &[u8]) -> &[u8] {
    if !text.starts_with(b"<?xml") {
        return text;
    }
    let end = text.windows(2).position(|pair| pair == b"?>");
    end.and_then(|at| text.get(at + 2..)).unwrap_or_default().trim_ascii_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_is_cut_anywhere_is_told_from_a_whole_one() {
        let whole = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<A xmlns=\"http://x/\"><b>1</b><c>2</c></A>\n";
        assert!(!is_cut_off(whole.as_bytes()));
        for end in 1..whole.trim_end().len() {
            assert!(is_cut_off(&whole.as_bytes()[..end]) || end < "<?xml".len(), "{}", &whole[..end]);
        }
        let bare = "<A><b>1</b></A>";
        assert!((2..bare.len()).all(|end| is_cut_off(&bare.as_bytes()[..end]) || !bare[..end].contains('>')));
    }

    #[test]
    fn what_is_whole_is_let_through() {
        for whole in [
            "<!doctype html>\n<title>500</title>",
            "<HTML><body>gone",
            "",
            "<A/>",
            "<?xml version=\"1.0\"?><A />",
            "<A></A >",
            "{\"a\": 1}",
            "upstream is ill",
            "<",
        ] {
            assert!(!is_cut_off(whole.as_bytes()), "{whole}");
        }
    }
}
