//! Spot prices over days, page by page.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_ec2::operation::describe_spot_price_history::builders::DescribeSpotPriceHistoryFluentBuilder;
use tokio::task::JoinSet;

use super::{Cloud, convert, failure};
use crate::domain::failure::Failure;
use crate::domain::market::SpotPrice;
use crate::domain::price_history::{Gathering, PriceHistory, Span};

/// How many types are asked for in one chain of pages. Each page needs the token of the one before it, so that chains side
/// by side are the only way to be quick; a chain of a month is a dozen pages.
const TYPES_A_CHAIN: usize = 25;
/// Chains at a time: EC2's bucket for describes holds a hundred and gets twenty more each second.
const CHAINS_AT_ONCE: usize = 8;
/// The largest page.
const PAGE: i32 = 1000;

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
        let mut waiting = types.chunks(TYPES_A_CHAIN);
        let mut chains = JoinSet::new();
        let (mut all, mut count) = (Vec::new(), 0);
        loop {
            while chains.len() < CHAINS_AT_ONCE
                && let Some(some) = waiting.next()
            {
                chains.spawn(self.chain(some, span, Arc::clone(rows)));
            }
            let Some(joined) = chains.join_next().await else { break };
            let some = joined.map_err(|error| failure::interrupted("DescribeSpotPriceHistory", &error))??;
            all.extend(some.0);
            count += some.1;
        }
        all.sort_by(|a, b| (&a.instance_type, &a.zone).cmp(&(&b.instance_type, &b.zone)));
        Ok((all, count))
    }

    /// The prices of Linux that came into force on these types in the span, and the last ones before it, as EC2 lists them.
    /// For the few types of a bill: all rows are kept.
    ///
    /// # Errors
    /// The first failure of a call.
    pub async fn price_changes(&self, types: &[String], span: Span) -> Result<Vec<SpotPrice>, Failure> {
        let mut pages = self.price_rows(types, span).into_paginator().page_size(PAGE).send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure::of("DescribeSpotPriceHistory", &error))?;
            all.extend(page.spot_price_history().iter().filter_map(convert::price));
        }
        Ok(all)
    }

    fn price_rows(&self, types: &[String], span: Span) -> DescribeSpotPriceHistoryFluentBuilder {
        self.ec2
            .describe_spot_price_history()
            .set_instance_types(Some(types.iter().map(|name| name.as_str().into()).collect()))
            .product_descriptions("Linux/UNIX")
            .product_descriptions("Linux/UNIX (Amazon VPC)")
            .start_time(convert::to_sdk_time(span.from))
            .end_time(convert::to_sdk_time(span.to))
    }

    /// What the pools of some types have cost, and how many rows told it.
    fn chain(
        &self,
        types: &[String],
        span: Span,
        all_rows: Arc<AtomicUsize>,
    ) -> impl Future<Output = Result<(Vec<PriceHistory>, usize), Failure>> + use<> {
        let mut pages = self.price_rows(types, span).into_paginator().page_size(PAGE).send();
        async move {
            let (mut gathering, mut rows) = (Gathering::default(), 0);
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| failure::of("DescribeSpotPriceHistory", &error))?;
                rows += page.spot_price_history().len();
                all_rows.fetch_add(page.spot_price_history().len(), Ordering::Relaxed);
                page.spot_price_history().iter().filter_map(convert::price).for_each(|price| gathering.add(price));
            }
            Ok((gathering.summed_up(span), rows))
        }
    }
}
