//! AWS's price list: what the catalogue's types cost on demand.

use serde_json::{Value, json};

use super::Call;
use crate::simulator::catalog::{TypeInfo, instance_types};
use crate::simulator::market;
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Fault, Xml};

/// GetProducts of EC2, by page. Filters are a list of structures, of which TERM_MATCH alone is understood.
pub(super) fn get_products(call: &mut Call<'_>) -> Result<Xml, Fault> {
    if call.args.need("ServiceCode")? != "AmazonEC2" {
        return Err(Fault::new("NotFoundException", "Unknown service code."));
    }
    let filters = filters(call)?;
    let wanted =
        |field: &str, value: &str| filters.iter().filter(|(name, _)| name == field).all(|(_, wanted)| wanted == value);
    let page = Page::read(&call.args, 1..=100)?;
    let products = instance_types().iter().filter(|it| {
        wanted("instanceType", &it.name)
            && wanted("operatingSystem", "Linux")
            && wanted("tenancy", "Shared")
            && wanted("preInstalledSw", "NA")
            && wanted("capacitystatus", "Used")
    });
    let (shown, next) = page.cut(products, |it| it.name.as_str());
    let region = filters.iter().find(|(name, _)| name == "regionCode").map_or(call.region_name(), |(_, code)| code);
    let list: Vec<Value> = shown.into_iter().map(|it| Value::from(product(it, region).to_string())).collect();
    let mut answer = json!({ "PriceList": list });
    if let Some(token) = next {
        answer["NextToken"] = Value::from(token);
    }
    Ok(Xml::verbatim(answer.to_string()))
}

/// (field, value) of each filter.
fn filters(call: &Call<'_>) -> Result<Vec<(String, String)>, Fault> {
    let Some(text) = call.args.get("Filters") else { return Ok(Vec::new()) };
    let invalid = || Fault::new("InvalidParameterException", "Filters are not valid.");
    let filters: Vec<Value> = serde_json::from_str(text).map_err(|_| invalid())?;
    filters
        .iter()
        .map(|filter| {
            let part = |name: &str| filter[name].as_str().map(str::to_owned).ok_or_else(invalid);
            if part("Type")? == "TERM_MATCH" { Ok((part("Field")?, part("Value")?)) } else { Err(invalid()) }
        })
        .collect()
}

/// An entry as the list has it, with what nobody reads left out.
fn product(it: &TypeInfo, region: &str) -> Value {
    json!({
        "product": {
            "productFamily": "Compute Instance",
            "attributes": { "instanceType": it.name, "regionCode": region, "operatingSystem": "Linux", "tenancy": "Shared" },
            "sku": it.name,
        },
        "serviceCode": "AmazonEC2",
        "terms": { "OnDemand": { format!("{}.JRTCKXETXF", it.name): { "priceDimensions": {
            format!("{}.JRTCKXETXF.6YS6EN2CT7", it.name): {
                "unit": "Hrs",
                "pricePerUnit": { "USD": format!("{:.10}", market::on_demand(it)) },
            }
        } } } },
    })
}
