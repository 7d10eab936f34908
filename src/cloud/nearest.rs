//! Which regions are near: how long a connection to EC2 there takes to be made.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How long to wait. The far side of the world is a third of a second away.
const WITHIN: Duration = Duration::from_millis(1500);

/// How long a TCP connection to each region's EC2 takes, the nearest first. A region that does not answer in time, or only
/// behind a proxy, is left out.
pub async fn nearest(regions: &[String]) -> Vec<(String, Duration)> {
    let mut tasks = JoinSet::new();
    for region in regions.iter().cloned() {
        tasks.spawn(async move {
            let host = format!("ec2.{region}.amazonaws.com");
            // The name is looked up first: what is measured is the way, not the resolver.
            let address = tokio::net::lookup_host((host, 443)).await.ok()?.next()?;
            let began = Instant::now();
            TcpStream::connect(address).await.ok()?;
            Some((region, began.elapsed()))
        });
    }
    let mut found = Vec::new();
    let all = async {
        while let Some(joined) = tasks.join_next().await {
            found.extend(joined.ok().flatten());
        }
    };
    // Whatever has answered by then counts.
    let _late = tokio::time::timeout(WITHIN, all).await;
    found.sort_by_key(|(_, took)| *took);
    found
}
