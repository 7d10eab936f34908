//! The Spot Instance data feed: where it is, and its files in S3.

use std::io::Read as _;

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_smithy_runtime_api::http::Response;
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;

use super::{Cloud, count, failure};
use crate::domain::data_feed::{FeedFile, Place};
use crate::domain::failure::{Class, Failure};

/// The largest file that is read, bytes, before unpacking and after. EC2 begins another file of the hour at 50 MB before
/// compression (EC2 User Guide).
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// In which region the bucket is, in S3's answer to whoever asks in another.
const BUCKET_REGION: &str = "x-amz-bucket-region";

/// A client of S3. Servers other than AWS's own have seldom a name for each bucket, so those are asked by path.
pub(super) fn s3(config: &SdkConfig, simulated: bool, counts: &count::Counts) -> aws_sdk_s3::Client {
    let by_path = simulated || config.endpoint_url().is_some();
    let config = aws_sdk_s3::config::Builder::from(config).force_path_style(by_path).interceptor(counts.clone());
    aws_sdk_s3::Client::from_conf(config.build())
}

/// A feed's bucket, asked in its own region.
#[derive(Clone, Debug)]
pub struct Bucket {
    s3: aws_sdk_s3::Client,
    /// Where in it the feed is.
    pub place: Place,
}

/// What came of fetching a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Its text.
    Text(String),
    /// Why it is none.
    Damaged(String),
}

impl Cloud {
    /// Where the account's data feed goes; `None` where it has none.
    ///
    /// # Errors
    /// EC2 may not be asked (`ec2:DescribeSpotDatafeedSubscription`), or cannot.
    pub async fn data_feed(&self) -> Result<Option<Place>, Failure> {
        let asked = self.ec2.describe_spot_datafeed_subscription().send().await;
        let answer = match asked.map_err(|error| failure::of("DescribeSpotDatafeedSubscription", &error)) {
            Err(failure) if failure.class == Class::Gone => return Ok(None),
            answer => answer?,
        };
        let feed = answer.spot_datafeed_subscription();
        Ok(feed.and_then(|feed| Some(Place::new(feed.bucket()?, feed.prefix().unwrap_or_default()))))
    }

    /// The bucket of a feed. Nothing is sent yet.
    #[must_use]
    pub fn feed_bucket(&self, place: Place) -> Bucket {
        Bucket { s3: self.s3.clone(), place }
    }
}

impl Bucket {
    /// The first hour that the feed has a file of; `None` where it has none of this account.
    ///
    /// # Errors
    /// The bucket may not be listed (`s3:ListBucket`), or cannot.
    pub async fn first_hour(&mut self, account: &str) -> Result<Option<Timestamp>, Failure> {
        let files = self.page(account, None, None).await?;
        Ok(files.contents().iter().find_map(|it| FeedFile::read(it.key()?, &self.place, account)).map(|file| file.hour))
    }

    /// The files of the hours between two times, oldest first. Their names begin with account and hour, so no other part
    /// of the bucket is listed.
    ///
    /// # Errors
    /// The bucket may not be listed (`s3:ListBucket`), or cannot.
    pub async fn files(&mut self, account: &str, from: Timestamp, to: Timestamp) -> Result<Vec<FeedFile>, Failure> {
        let (before, mut next, mut files) = (self.place.before(account, from), None, Vec::new());
        loop {
            let page = self.page(account, Some(&before), next).await?;
            let keys = page.contents().iter().filter_map(|it| it.key());
            for file in keys.filter_map(|key| FeedFile::read(key, &self.place, account)) {
                if file.hour >= to {
                    return Ok(files);
                }
                files.push(file);
            }
            next = page.next_continuation_token().map(str::to_owned);
            if next.is_none() {
                return Ok(files);
            }
        }
    }

    async fn page(
        &mut self,
        account: &str,
        after: Option<&str>,
        next: Option<String>,
    ) -> Result<ListObjectsV2Output, Failure> {
        let answer = self.ask_for_page(account, after, next.clone()).await;
        let here = self.s3.config().region().map(ToString::to_string);
        let elsewhere = answer.as_ref().err().and_then(region_of_bucket).filter(|region| Some(region) != here.as_ref());
        let answer = match elsewhere {
            Some(region) => {
                tracing::debug!(region, bucket = self.place.bucket, "the bucket is in another region");
                let config = self.s3.config().to_builder().region(Region::new(region)).build();
                self.s3 = aws_sdk_s3::Client::from_conf(config);
                self.ask_for_page(account, after, next).await
            }
            None => answer,
        };
        answer.map_err(|error| failure::of("ListObjectsV2", &error))
    }

    async fn ask_for_page(
        &self,
        account: &str,
        after: Option<&str>,
        next: Option<String>,
    ) -> Result<ListObjectsV2Output, SdkError<ListObjectsV2Error, Response>> {
        let call = self.s3.list_objects_v2().bucket(&self.place.bucket);
        let call = call.prefix(format!("{}{account}.", self.place.prefix));
        call.set_start_after(after.map(str::to_owned)).set_continuation_token(next).send().await
    }

    /// One file.
    ///
    /// # Errors
    /// It may not be read (`s3:GetObject`), or cannot.
    pub async fn text(&self, file: &FeedFile) -> Result<Fetched, Failure> {
        let asked = self.s3.get_object().bucket(&self.place.bucket).key(&file.key).send().await;
        let object = asked.map_err(|error| failure::of("GetObject", &error))?;
        let size = object.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
        if size > MOST_BYTES {
            return Ok(Fetched::Damaged(format!("it has {size} bytes, more than any file of a feed")));
        }
        let body = object.body.collect().await;
        let body = body.map_err(|error| failure::interrupted("GetObject", &error))?.into_bytes();
        Ok(unpack(&body))
    }
}

/// The region that S3 names when it refuses: in a header, or of a signature for the wrong region in the answer itself. Whose
/// bucket is where it was asked is refused for another reason.
fn region_of_bucket(error: &SdkError<ListObjectsV2Error, Response>) -> Option<String> {
    let answer = error.raw_response()?;
    let in_body = || {
        let body = std::str::from_utf8(answer.body().bytes()?).ok()?;
        Some(body.split_once("<Region>")?.1.split_once("</Region>")?.0)
    };
    answer.headers().get(BUCKET_REGION).or_else(in_body).map(str::to_owned)
}

/// A gzip file's text, as far as there is no more of it than there can be: a few KiB may unpack to many GiB.
fn unpack(packed: &[u8]) -> Fetched {
    let mut text = Vec::new();
    match MultiGzDecoder::new(packed).take(MOST_BYTES + 1).read_to_end(&mut text) {
        Err(error) => Fetched::Damaged(format!("it cannot be unpacked: {error}")),
        Ok(_) if text.len() as u64 > MOST_BYTES => {
            Fetched::Damaged(format!("it unpacks to more than {} MiB", MOST_BYTES / 1024 / 1024))
        }
        Ok(_) => Fetched::Text(String::from_utf8_lossy(&text).into_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn a_file_is_unpacked() {
        assert_eq!(unpack(&packed(b"#Version: 1.0\n")), Fetched::Text("#Version: 1.0\n".to_owned()));
    }

    #[test]
    fn a_file_that_is_cut_off_or_no_gzip_is_damaged() {
        let whole = packed(b"a line and another");
        for end in 1..whole.len() {
            assert!(matches!(unpack(&whole[..end]), Fetched::Damaged(_)), "{end}");
        }
        assert!(matches!(unpack(b"#Version: 1.0\n"), Fetched::Damaged(_)));
    }

    #[test]
    fn a_small_file_that_unpacks_without_end_is_left() {
        let bomb = packed(&vec![0; usize::try_from(MOST_BYTES).unwrap() + 2]);
        assert!(bomb.len() < 1024 * 1024, "{}", bomb.len());
        assert_eq!(unpack(&bomb), Fetched::Damaged("it unpacks to more than 64 MiB".to_owned()));
    }
}
