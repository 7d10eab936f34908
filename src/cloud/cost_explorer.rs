//! Cost Explorer: what AWS has put on the bill for tagged things.

use aws_config::{Region, SdkConfig};
use aws_sdk_costexplorer::error::BuildError;
use aws_sdk_costexplorer::types::{
    DateInterval, Dimension, DimensionValues, Expression, Granularity, Group, GroupDefinition, GroupDefinitionType,
    TagValues,
};
use jiff::civil::Date;

use super::{Cloud, count, failure, on_demand};
use crate::domain::actual::{Amount, env_of_group, kind_of_usage};
use crate::domain::failure::{Class, Failure};
use crate::domain::tags;

/// The action.
const ACTION: &str = "GetCostAndUsage";
/// What was charged for an item, with no reservation or saving plan spread over it.
const METRIC: &str = "UnblendedCost";
/// The most pages that are asked for: each costs money, and a page has thousands of lines.
const MOST_PAGES: usize = 20;

/// What Cost Explorer has counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Costs {
    /// By environment, day and what was paid for.
    pub amounts: Vec<Amount>,
    /// The days of which AWS says that they may change yet.
    pub unsettled: Vec<Date>,
    /// How many requests it took; each costs money.
    pub requests: usize,
}

/// A client of Cost Explorer, which each partition serves in one region.
pub(super) fn client(config: &SdkConfig, region: &str, counts: &count::Counts) -> aws_sdk_costexplorer::Client {
    let place = Region::new(on_demand::served_in(region));
    let config = aws_sdk_costexplorer::config::Builder::from(config).region(place).interceptor(counts.clone());
    aws_sdk_costexplorer::Client::from_conf(config.build())
}

impl Cloud {
    /// What environments have cost from one day to another, the second left out, by the tag that names the environment.
    /// Credits and refunds are left out: they tell what was paid, not what it cost. Costs money, by the request.
    ///
    /// # Errors
    /// Cost Explorer may not be asked (`ce:GetCostAndUsage`), or cannot.
    pub async fn costs(&self, envs: &[String], from: Date, to: Date) -> Result<Costs, Failure> {
        let question = |error: BuildError| failure::interrupted(ACTION, &error);
        let span = DateInterval::builder().start(from.to_string()).end(to.to_string()).build().map_err(question)?;
        let mut costs = Costs::default();
        let mut next = None;
        while costs.requests < MOST_PAGES {
            let call = self.cost_explorer.get_cost_and_usage().time_period(span.clone()).metrics(METRIC);
            let call = call.granularity(Granularity::Daily).filter(charged_to(envs));
            let call = call.group_by(group(GroupDefinitionType::Tag, tags::ENV));
            let call = call.group_by(group(GroupDefinitionType::Dimension, "USAGE_TYPE"));
            let page = call.set_next_page_token(next).send().await.map_err(|error| failure::of(ACTION, &error))?;
            costs.requests += 1;
            for day in page.results_by_time() {
                let Some(date) = day.time_period().and_then(|it| it.start().parse::<Date>().ok()) else { continue };
                if day.estimated() && costs.unsettled.last() != Some(&date) {
                    costs.unsettled.push(date);
                }
                costs.amounts.extend(day.groups().iter().filter_map(|group| amount(group, date)));
            }
            next = page.next_page_token().map(str::to_owned);
            if next.is_none() {
                return Ok(costs);
            }
        }
        let message = format!("the answer has more than {MOST_PAGES} pages; ask for fewer days");
        Err(Failure { action: ACTION.to_owned(), code: "TooLong".to_owned(), message, class: Class::BadRequest })
    }
}

/// What is charged to these environments, but for credits and refunds.
fn charged_to(envs: &[String]) -> Expression {
    let tagged = TagValues::builder().key(tags::ENV).set_values(Some(envs.to_vec())).build();
    let given = DimensionValues::builder().key(Dimension::RecordType).values("Credit").values("Refund").build();
    let given = Expression::builder().dimensions(given).build();
    Expression::builder()
        .and(Expression::builder().tags(tagged).build())
        .and(Expression::builder().not(given).build())
        .build()
}

fn group(kind: GroupDefinitionType, key: &str) -> GroupDefinition {
    GroupDefinition::builder().r#type(kind).key(key).build()
}

/// One line: its keys are the tag's, then the usage type.
fn amount(group: &Group, day: Date) -> Option<Amount> {
    let [tag, usage] = group.keys() else { return None };
    let cost = group.metrics()?.get(METRIC).filter(|cost| cost.unit() == Some("USD"))?;
    let usd = cost.amount()?.parse::<f64>().ok().filter(|usd| usd.is_finite())?;
    Some(Amount { env: env_of_group(tag)?.to_owned(), day, kind: kind_of_usage(usage), usd })
}
