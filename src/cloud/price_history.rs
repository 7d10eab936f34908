//! Spot prices over days, page by page.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::{Cloud, convert, failure};
use crate::domain::failure::Failure;
use crate::domain::price_history::{Gathering, PriceHistory, Span};

/// How many types are asked for in one chain of pages. Each page needs the token of the one before it, so that chains side
/// by side are the only way to be quick; a chain of a month is a dozen pages.
const TYPES_A_CHAIN: usize = 25;
/// Chains at a time: EC2's bucket for describes holds a hundred and gets twenty more each second.
const CHAINS_AT_ONCE: usize = 8;
/// The largest page.
const PAGE: i32 = 1000;

/// The type and the zone of a pool, and its changes of price.
type PoolChanges = ((String, String), Vec<(Timestamp, f64)>);

impl Cloud {
    /// What the pools of these types have cost over the span, Linux only, ordered by type and zone, and how many rows that
    /// took. `rows` counts them as they come.
    ///
    /// What is kept of the rows is summed up chain by chain: however many there are, those of a few chains are all that is
    /// there at a time.
    ///
    /// # Errors
    /// The first failure of a call.
    pub async fn price_history(
        &self,
        types: &[String],
        span: Span,
        rows: &Arc<AtomicUsize>,
    ) -> Result<(Vec<PriceHistory>, usize), Failure> {
        let chains = self.chains(types, span, rows, move |gathering| gathering.summed_up(span)).await?;
        let count = chains.iter().map(|(_, rows)| rows).sum();
        let mut all: Vec<PriceHistory> = chains.into_iter().flat_map(|(some, _)| some).collect();
        all.sort_by(|a, b| (&a.instance_type, &a.zone).cmp(&(&b.instance_type, &b.zone)));
        Ok((all, count))
    }

    /// The changes themselves of each pool, in no order, and the last one before the span.
    ///
    /// # Errors
    /// The first failure of a call.
    pub async fn price_changes(&self, types: &[String], span: Span) -> Result<Vec<PoolChanges>, Failure> {
        let chains = self.chains(types, span, &Arc::default(), |gathering| gathering.changes().collect::<Vec<_>>());
        Ok(chains.await?.into_iter().flat_map(|(some, _)| some).collect())
    }

    /// What `sum_up` makes of each chain, and how many rows it had.
    async fn chains<T: Send + 'static>(
        &self,
        types: &[String],
        span: Span,
        rows: &Arc<AtomicUsize>,
        sum_up: impl Fn(Gathering) -> T + Copy + Send + 'static,
    ) -> Result<Vec<(T, usize)>, Failure> {
        let mut waiting = types.chunks(TYPES_A_CHAIN);
        let mut chains = JoinSet::new();
        let mut all = Vec::new();
        loop {
            while chains.len() < CHAINS_AT_ONCE
                && let Some(some) = waiting.next()
            {
                let chain = self.chain(some, span, Arc::clone(rows));
                chains.spawn(async move { chain.await.map(|(gathering, rows)| (sum_up(gathering), rows)) });
            }
            let Some(joined) = chains.join_next().await else { break };
            all.push(joined.map_err(|error| failure::interrupted("DescribeSpotPriceHistory", &error))??);
        }
        Ok(all)
    }

    /// The changes of some types' prices, and how many rows told them.
    fn chain(
        &self,
        types: &[String],
        span: Span,
        all_rows: Arc<AtomicUsize>,
    ) -> impl Future<Output = Result<(Gathering, usize), Failure>> + use<> {
        let call = self
            .ec2
            .describe_spot_price_history()
            .set_instance_types(Some(types.iter().map(|name| name.as_str().into()).collect()))
            .product_descriptions("Linux/UNIX")
            .product_descriptions("Linux/UNIX (Amazon VPC)")
            .start_time(convert::to_sdk_time(span.from))
            .end_time(convert::to_sdk_time(span.to));
        let mut pages = call.into_paginator().page_size(PAGE).send();
        async move {
            let (mut gathering, mut rows) = (Gathering::default(), 0);
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| failure::of("DescribeSpotPriceHistory", &error))?;
                rows += page.spot_price_history().len();
                all_rows.fetch_add(page.spot_price_history().len(), Ordering::Relaxed);
                page.spot_price_history().iter().filter_map(convert::price).for_each(|price| gathering.add(price));
            }
            Ok((gathering, rows))
        }
    }
}
