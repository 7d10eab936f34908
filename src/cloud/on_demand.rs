//! On-demand prices, from AWS's price list.

use std::collections::BTreeMap;

use aws_sdk_pricing::types::{Filter, FilterType};
use serde_json::Value;

use super::{Cloud, failure};
use crate::domain::failure::Failure;

/// The largest page of GetProducts.
const PAGE: i32 = 100;

/// What an ordinary Linux instance is in the price list: nothing else on it, on shared hardware, not reserved, not the
/// remainder of a reservation that is not in use.
const ORDINARY: [(&str, &str); 6] = [
    ("operatingSystem", "Linux"),
    ("tenancy", "Shared"),
    ("preInstalledSw", "NA"),
    ("capacitystatus", "Used"),
    ("marketoption", "OnDemand"),
    ("licenseModel", "No License required"),
];

/// The region in which the price list and Cost Explorer are served, for a region: each partition has its own.
pub(super) fn served_in(region: &str) -> &'static str {
    if region.starts_with("cn-") { "cn-northwest-1" } else { "us-east-1" }
}

impl Cloud {
    /// What each instance type costs on demand in this region, USD per hour, Linux on shared hardware. All types: the list
    /// changes so rarely that it is kept for days.
    ///
    /// # Errors
    /// The price list may not be asked (`pricing:GetProducts`), or cannot.
    pub async fn on_demand_prices(&self) -> Result<BTreeMap<String, f64>, Failure> {
        let place = aws_config::Region::new(served_in(&self.region));
        let config = self.pricing.config().to_builder().region(place).build();
        let client = aws_sdk_pricing::Client::from_conf(config);
        let mut call = client.get_products().service_code("AmazonEC2");
        for (field, value) in ORDINARY.into_iter().chain([("regionCode", self.region.as_str())]) {
            let filter = Filter::builder().r#type(FilterType::TermMatch).field(field).value(value).build();
            call = call.filters(filter.map_err(|error| failure::interrupted("GetProducts", &error))?);
        }
        let mut pages = call.into_paginator().page_size(PAGE).send();
        let mut prices = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure::of("GetProducts", &error))?;
            prices.extend(page.price_list().iter().filter_map(|text| product(text)));
        }
        Ok(prices)
    }
}

/// The type and the price in one entry of the list, itself a JSON document in a string.
fn product(text: &str) -> Option<(String, f64)> {
    let product: Value = serde_json::from_str(text).ok()?;
    let name = product.pointer("/product/attributes/instanceType")?.as_str()?;
    let terms = product.pointer("/terms/OnDemand")?.as_object()?;
    let dimensions = terms.values().filter_map(|term| term.get("priceDimensions")?.as_object());
    let usd = dimensions.flat_map(|all| all.values()).find_map(|dimension| {
        let per_hour = dimension.get("unit")?.as_str()? == "Hrs";
        let usd = dimension.pointer("/pricePerUnit/USD")?.as_str()?.parse::<f64>().ok()?;
        // Reservations are listed with a price of nothing.
        (per_hour && usd.is_finite() && usd > 0.0).then_some(usd)
    })?;
    Some((name.to_owned(), usd))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn entry(unit: &str, usd: &str) -> String {
        serde_json::json!({
            "product": { "attributes": { "instanceType": "m5.large" }, "sku": "A" },
            "terms": { "OnDemand": { "A.B": { "priceDimensions": { "A.B.C": {
                "unit": unit, "pricePerUnit": { "USD": usd }
            } } } } }
        })
        .to_string()
    }

    #[test]
    fn an_entry_of_the_list_is_a_type_and_its_price() {
        assert_eq!(product(&entry("Hrs", "0.0960000000")), Some(("m5.large".to_owned(), 0.096)));
    }

    #[test]
    fn what_is_free_by_another_unit_or_unreadable_is_no_price() {
        for text in
            [entry("Hrs", "0.0000000000"), entry("Quantity", "0.1"), entry("Hrs", "NaN"), "{}".into(), "x".into()]
        {
            assert_eq!(product(&text), None, "{text}");
        }
    }
}
