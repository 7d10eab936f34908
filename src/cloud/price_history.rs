//! Spot prices over days, page by page.

use std::sync::atomic::{AtomicUsize, Ordering};

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

impl Cloud {
    /// What the pools of these types have cost over the span, Linux only, ordered by type and zone. `rows` counts what has
    /// come so far.
    ///
    /// # Errors
    /// The first failure of a call.
    pub async fn price_history(
        &self,
        types: &[String],
        span: Span,
        rows: &AtomicUsize,
    ) -> Result<Vec<PriceHistory>, Failure> {
        Ok(self.price_changes(types, span, rows).await?.summed_up(span))
    }

    /// The changes themselves, and the last one before the span. `rows` counts what has come so far.
    ///
    /// # Errors
    /// The first failure of a call.
    pub async fn price_changes(&self, types: &[String], span: Span, rows: &AtomicUsize) -> Result<Gathering, Failure> {
        let mut waiting = types.chunks(TYPES_A_CHAIN);
        let mut chains = JoinSet::new();
        let mut all = Gathering::default();
        loop {
            while chains.len() < CHAINS_AT_ONCE
                && let Some(some) = waiting.next()
            {
                chains.spawn(self.chain(some, span));
            }
            let Some(joined) = chains.join_next().await else { break };
            let some = joined.map_err(|error| failure::interrupted("DescribeSpotPriceHistory", &error))??;
            rows.fetch_add(some.1, Ordering::Relaxed);
            all.append(some.0);
        }
        Ok(all)
    }

    /// The pages of some types, and how many rows they had.
    fn chain(&self, types: &[String], span: Span) -> impl Future<Output = Result<(Gathering, usize), Failure>> + use<> {
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
                page.spot_price_history().iter().filter_map(convert::price).for_each(|price| gathering.add(price));
            }
            Ok((gathering, rows))
        }
    }
}
