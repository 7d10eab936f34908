//! Instance types and where they are offered.

use super::Call;
use crate::simulator::catalog::{TypeInfo, find_type, instance_types, offered};
use crate::simulator::objects::Tags;
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Fault, Filters, Xml};

const FILTERS: [&str; 20] = [
    "auto-recovery-supported",
    "bare-metal",
    "burstable-performance-supported",
    "current-generation",
    "dedicated-hosts-supported",
    "free-tier-eligible",
    "hibernation-supported",
    "hypervisor",
    "instance-storage-info.nvme-support",
    "instance-storage-info.total-size-in-gb",
    "instance-storage-supported",
    "instance-type",
    "memory-info.size-in-mib",
    "network-info.network-performance",
    "processor-info.supported-architecture",
    "supported-root-device-type",
    "supported-usage-class",
    "supported-virtualization-type",
    "vcpu-info.default-cores",
    "vcpu-info.default-vcpus",
];

/// DescribeInstanceTypes: what the region offers.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let filters = call.args.filters(&FILTERS)?;
    let names = call.args.list("InstanceType");
    if !names.is_empty() && call.args.get("MaxResults").is_some() {
        return Err(Fault::combination("The parameter instanceTypes cannot be used with the parameter maxResults"));
    }
    let page = Page::read(&call.args, 5..=100)?;
    let anywhere = |name: &str| call.region.zones.iter().any(|zone| offered(&call.region.name, &zone.name, name));
    let unknown: Vec<&str> =
        names.iter().filter(|name| find_type(name).is_none() || !anywhere(name)).copied().collect();
    if !unknown.is_empty() {
        let message = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
        return Err(Fault::new("InvalidInstanceType", message));
    }
    let mut types: Vec<&TypeInfo> = instance_types()
        .iter()
        .filter(|it| names.is_empty() || names.contains(&it.name.as_str()))
        .filter(|it| accepts(&filters, it) && anywhere(&it.name))
        .collect();
    types.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let (shown, next) = page.cut(types.into_iter(), |it| &it.name);
    let mut xml = Xml::new();
    xml.list("instanceTypeSet", shown, write_type);
    xml.some("nextToken", next.as_deref());
    Ok(xml)
}

fn accepts(filters: &Filters, it: &TypeInfo) -> bool {
    let store = it.instance_store.as_ref();
    filters.accept(&Tags::new(), |name, is| match name {
        "bare-metal" => is(truth(it.bare_metal)),
        "burstable-performance-supported" => is(truth(it.burstable)),
        "current-generation" => is(truth(it.current_generation)),
        "hibernation-supported" => is(truth(it.hibernation)),
        "hypervisor" => it.hypervisor.as_deref().is_some_and(is),
        "instance-storage-info.nvme-support" => store.is_some_and(|store| is(&store.nvme)),
        "instance-storage-info.total-size-in-gb" => store.is_some_and(|store| is(&store.total_gb.to_string())),
        "instance-storage-supported" => is(truth(store.is_some())),
        "instance-type" => is(&it.name),
        "memory-info.size-in-mib" => is(&it.memory_mib.to_string()),
        "network-info.network-performance" => is(&it.network_performance),
        "processor-info.supported-architecture" => it.architectures.iter().any(|architecture| is(architecture)),
        "supported-root-device-type" => is("ebs"),
        "supported-usage-class" => it.usage_classes.iter().any(|class| is(class)),
        "supported-virtualization-type" => is("hvm"),
        "vcpu-info.default-cores" => is(&it.cores.to_string()),
        "vcpu-info.default-vcpus" => is(&it.vcpus.to_string()),
        // Free tier, dedicated hosts and auto recovery: no type of the simulator has them.
        _ => is("false"),
    })
}

fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn write_type(xml: &mut Xml, it: &TypeInfo) {
    xml.text("instanceType", &it.name);
    xml.show("currentGeneration", it.current_generation);
    xml.show("freeTierEligible", false);
    xml.values("supportedUsageClasses", &it.usage_classes);
    xml.values("supportedRootDeviceTypes", ["ebs"]);
    xml.values("supportedVirtualizationTypes", ["hvm"]);
    xml.show("bareMetal", it.bare_metal);
    xml.some("hypervisor", it.hypervisor.as_deref());
    xml.within("processorInfo", |xml| xml.values("supportedArchitectures", &it.architectures));
    xml.within("vCpuInfo", |xml| {
        xml.show("defaultVCpus", it.vcpus);
        xml.show("defaultCores", it.cores);
        xml.show("defaultThreadsPerCore", it.vcpus / it.cores.max(1));
    });
    xml.within("memoryInfo", |xml| xml.show("sizeInMiB", it.memory_mib));
    xml.show("instanceStorageSupported", it.instance_store.is_some());
    if let Some(store) = &it.instance_store {
        xml.within("instanceStorageInfo", |xml| {
            xml.show("totalSizeInGB", store.total_gb);
            xml.list("disks", [store], |xml, store| {
                xml.show("sizeInGB", store.disk_gb);
                xml.show("count", store.disk_count);
                xml.text("type", &store.kind);
            });
            xml.text("nvmeSupport", &store.nvme);
            xml.text("encryptionSupport", if store.nvme == "required" { "required" } else { "unsupported" });
        });
    }
    xml.within("ebsInfo", |xml| {
        xml.text("ebsOptimizedSupport", "default");
        xml.text("encryptionSupport", "supported");
        xml.text("nvmeSupport", if it.hypervisor.as_deref() == Some("xen") { "unsupported" } else { "required" });
    });
    write_network(xml, it);
    if let Some(gpus) = &it.gpus {
        xml.within("gpuInfo", |xml| {
            xml.list("gpus", [gpus], |xml, gpus| {
                xml.text("name", &gpus.name);
                xml.text("manufacturer", &gpus.manufacturer);
                xml.show("count", gpus.count);
                xml.within("memoryInfo", |xml| xml.show("sizeInMiB", gpus.memory_mib));
            });
            xml.show("totalGpuMemoryInMiB", gpus.memory_mib * u64::from(gpus.count));
        });
    }
    xml.show("hibernationSupported", it.hibernation);
    xml.show("burstablePerformanceSupported", it.burstable);
    xml.show("dedicatedHostsSupported", false);
    xml.show("autoRecoverySupported", false);
}

fn write_network(xml: &mut Xml, it: &TypeInfo) {
    xml.within("networkInfo", |xml| {
        xml.text("networkPerformance", &it.network_performance);
        xml.show("maximumNetworkInterfaces", it.max_enis);
        xml.show("maximumNetworkCards", 1);
        xml.show("defaultNetworkCardIndex", 0);
        xml.show("ipv4AddressesPerInterface", it.ips_per_eni);
    });
}

/// DescribeInstanceTypeOfferings: by region, by zone or by zone id.
pub(super) fn describe_offerings(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let filters = call.args.filters(&["instance-type", "location"])?;
    let page = Page::read(&call.args, 5..=1000)?;
    let kind = call.args.get("LocationType").unwrap_or("region");
    if !matches!(kind, "region" | "availability-zone" | "availability-zone-id") {
        return Err(Fault::value(format!("Value ({kind}) for parameter locationType is invalid.")));
    }
    let region = call.region;
    let no_tags = Tags::new();
    let accept = |instance_type: &str, location: &str| {
        filters.accept(&no_tags, |name, is| is(if name == "location" { location } else { instance_type }))
    };
    let mut offerings: Vec<(String, &str, &str)> = Vec::new();
    for it in instance_types() {
        let mut zones = region.zones.iter().filter(|zone| offered(&region.name, &zone.name, &it.name)).peekable();
        let mut add = |location: &'static str| {
            if accept(&it.name, location) {
                offerings.push((format!("{}/{location}", it.name), it.name.as_str(), location));
            }
        };
        match kind {
            "region" if zones.peek().is_some() => add(&region.name),
            "region" => {}
            "availability-zone" => zones.for_each(|zone| add(&zone.name)),
            _ => zones.for_each(|zone| add(&zone.id)),
        }
    }
    offerings.sort_unstable();
    let (shown, next) = page.cut(offerings.into_iter(), |(key, ..)| key);
    let mut xml = Xml::new();
    xml.list("instanceTypeOfferingSet", shown, |xml, (_, instance_type, location)| {
        xml.text("instanceType", instance_type);
        xml.text("locationType", kind);
        xml.text("location", location);
    });
    xml.some("nextToken", next.as_deref());
    Ok(xml)
}
