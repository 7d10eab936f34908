//! The Spot Instance data feed, and as much of S3 as it takes to read it: where the setting `data-feed` names a bucket,
//! the account is subscribed, and the bucket holds a file for each hour in which a spot instance's hour began.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp, Unit};

use super::Call;
use crate::simulator::chance;
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Fault, S3_NAMESPACE, Xml, gzip};
use crate::simulator::usage;
use crate::simulator::world::{ACCOUNT, World};

/// From the beginning of an hour to its file: it is over by then, and so is each instance's hour that began in it.
const LATE: SignedDuration = SignedDuration::from_hours(2);
const HEAD: &str =
    "#Version: 1.0\n#Fields: Timestamp UsageType Operation InstanceID MyBidID MyMaxPrice MarketPrice Charge Version\n";

/// DescribeSpotDatafeedSubscription.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let Some((bucket, prefix)) = place(call.world) else {
        let message = "Spot datafeed subscription does not exist.";
        return Err(Fault::new("InvalidSpotDatafeed.NotFound", message));
    };
    let mut xml = Xml::new();
    xml.within("spotDatafeedSubscription", |xml| {
        xml.text("ownerId", ACCOUNT);
        xml.text("bucket", &bucket);
        xml.text("prefix", &prefix);
        xml.text("state", "Active");
    });
    Ok(xml)
}

/// ListObjectsV2, of a bucket that has nothing but the feed.
pub(super) fn list_objects(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let bucket = bucket(call)?;
    let args = call.args.clone();
    let prefix = args.get("prefix").unwrap_or_default();
    let after = args.get("continuation-token").or(args.get("start-after")).unwrap_or_default();
    let most = args.number::<usize>("max-keys")?.unwrap_or(Page::S3).min(Page::S3);
    let files = files(call.world, call.now);
    let mut asked = files.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after).peekable();
    let shown: Vec<_> = asked.by_ref().take(most).collect();
    let more = asked.peek().is_some();
    let mut xml = Xml::document();
    xml.root("ListBucketResult", S3_NAMESPACE, |xml| {
        xml.text("Name", &bucket);
        xml.text("Prefix", prefix);
        xml.show("KeyCount", shown.len());
        xml.show("MaxKeys", most);
        xml.show("IsTruncated", more);
        xml.some("NextContinuationToken", shown.last().filter(|_| more).map(|(key, _)| key.as_str()));
        for (key, text) in &shown {
            xml.within("Contents", |xml| {
                xml.text("Key", key);
                xml.show("Size", gzip(text).len());
                xml.text("StorageClass", "STANDARD");
            });
        }
    });
    Ok(xml)
}

/// GetObject: the text, which is packed on its way out.
pub(super) fn get_object(call: &mut Call<'_>) -> Result<Xml, Fault> {
    bucket(call)?;
    let key = call.args.need("Key")?;
    let missing = || Fault::new("NoSuchKey", "The specified key does not exist.").with_status(404);
    files(call.world, call.now).remove(key).map(Xml::verbatim).ok_or_else(missing)
}

/// The bucket that is asked for, if it is the feed's.
fn bucket(call: &Call<'_>) -> Result<String, Fault> {
    let missing = || Fault::new("NoSuchBucket", "The specified bucket does not exist").with_status(404);
    let asked = call.args.get("Bucket");
    place(call.world).map(|(bucket, _)| bucket).filter(|bucket| Some(bucket.as_str()) == asked).ok_or_else(missing)
}

/// The feed's bucket and prefix.
fn place(world: &World) -> Option<(String, String)> {
    let place = world.settings().data_feed.as_deref()?;
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    Some((bucket.to_owned(), prefix.to_owned()))
}

/// All files of the feed by their keys.
fn files(world: &World, now: Timestamp) -> BTreeMap<String, String> {
    let prefix = place(world).map(|(_, prefix)| prefix).filter(|prefix| !prefix.is_empty());
    let prefix = prefix.map(|prefix| format!("{prefix}/")).unwrap_or_default();
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for run in usage::runs(world, now) {
        let Some(request) = &run.request else { continue };
        let limit = world.requests.get(request).and_then(|request| request.max_price);
        for hour in run.hours(world) {
            let Ok(clock_hour) =
                hour.at.round(jiff::TimestampRound::new().smallest(Unit::Hour).mode(jiff::RoundMode::Trunc))
            else {
                continue;
            };
            if clock_hour + LATE > now {
                continue;
            }
            let name = clock_hour.strftime("%Y-%m-%d-%H").to_string();
            let unique = chance::draw(world.seed(), &["data feed", &name]) >> 32;
            let text =
                files.entry(format!("{prefix}{ACCOUNT}.{name}.001.{unique:08x}.gz")).or_insert_with(|| HEAD.to_owned());
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{}\t{}\tRunInstances:SV001\t{}\t{request}\t{:.10} USD\t{:.10} USD\t{:.10} USD\t1",
                hour.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
                run.usage_type(),
                run.instance,
                limit.unwrap_or(hour.price),
                hour.price,
                hour.usd,
            );
        }
    }
    files
}
