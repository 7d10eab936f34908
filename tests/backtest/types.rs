//! What the types are: a file with DescribeInstanceTypes' facts, one line a type.

use std::collections::BTreeMap;

use cloudtop::domain::demand::Arch;
use cloudtop::domain::market::TypeFacts;

use super::rows;

const COLUMNS: [&str; 10] = [
    "instance_type",
    "vcpus",
    "mem_gib",
    "archs",
    "current_gen",
    "bare_metal",
    "burstable",
    "usage_classes",
    "instance_store_gb",
    "disks?",
];

/// Reads the types. Where `previous` names families, those and no others are of a previous generation: a list of today
/// would leave out what was current when the prices were.
pub fn read(text: &str, previous: Option<&[String]>) -> Result<BTreeMap<String, TypeFacts>, String> {
    let mut types = BTreeMap::new();
    rows::each(text, COLUMNS, |row| {
        let facts = facts(row, previous)?;
        types.insert(facts.name.clone(), facts);
        Ok(())
    })?;
    Ok(types)
}

fn facts(row: [&str; COLUMNS.len()], previous: Option<&[String]>) -> Result<TypeFacts, String> {
    let [name, vcpus, memory, archs, current, bare_metal, burstable, classes, disk_gb, disks] = row;
    let family = name.split('.').next().unwrap_or(name);
    let current_generation = match previous {
        Some(families) => !families.iter().any(|it| it == family),
        None => yes(current)?,
    };
    let archs =
        archs.split('|').filter_map(|arch| [Arch::X86_64, Arch::Arm64].into_iter().find(|it| it.as_str() == arch));
    // "2x900ssd" is two of them; the chooser asks for no more than that there are some.
    let local_disks = disks.split('x').next().and_then(|count| count.parse().ok()).unwrap_or(0);
    Ok(TypeFacts {
        gpus: 0,
        name: name.to_owned(),
        vcpus: rows::number(vcpus)?,
        memory_mib: (rows::number::<f64>(memory)? * 1024.0) as u64,
        archs: archs.collect(),
        spot: classes.split('|').any(|class| class == "spot"),
        current_generation,
        burstable: yes(burstable)?,
        bare_metal: yes(bare_metal)?,
        local_disk_gb: rows::number(disk_gb)?,
        local_disks,
        local_nvme: true,
        // No request of the backtest asks for them.
        hibernation: false,
    })
}

fn yes(text: &str) -> Result<bool, String> {
    match text {
        "True" | "true" => Ok(true),
        "False" | "false" => Ok(false),
        _ => Err(format!("\"{text}\" is neither true nor false")),
    }
}

#[test]
fn a_line_is_a_type_and_families_may_be_of_another_time() {
    let text =
        "instance_type,vcpus,mem_gib,archs,current_gen,bare_metal,burstable,usage_classes,instance_store_gb,disks
m5d.12xlarge,48,192.0,x86_64,False,False,False,on-demand|spot,1800,2x900ssd
a1.metal,16,32.0,arm64,True,true,False,on-demand,0,
";
    let types = read(text, None).unwrap();
    let (m5d, a1) = (&types["m5d.12xlarge"], &types["a1.metal"]);
    assert_eq!((m5d.vcpus, m5d.memory_mib, m5d.local_disk_gb, m5d.local_disks), (48, 196_608, 1_800, 2));
    assert_eq!((&m5d.archs[..], m5d.spot, m5d.current_generation), (&[Arch::X86_64][..], true, false));
    assert_eq!((&a1.archs[..], a1.spot, a1.current_generation, a1.bare_metal), (&[Arch::Arm64][..], false, true, true));
    let then = read(text, Some(&["a1".to_owned()])).unwrap();
    assert!(then["m5d.12xlarge"].current_generation && !then["a1.metal"].current_generation);
}
