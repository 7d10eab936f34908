//! Snapshots, volumes made from them, and volumes that are changed.

use super::{Lab, answered, question};

const ZONE: &str = "us-west-2a";

fn volume(lab: &Lab, more: &[(&str, &str)]) -> String {
    let mut parameters = vec![("AvailabilityZone", ZONE), ("VolumeType", "gp3")];
    parameters.extend(more);
    lab.ok("CreateVolume", &parameters).text("volumeId")
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_pending_and_then_completed_and_a_volume_can_be_made_from_it() {
    let lab = Lab::new();
    let id = volume(&lab, &[("Size", "20"), ("Encrypted", "true")]);
    assert_eq!(lab.code("CreateSnapshot", &[("VolumeId", &id)]), "IncorrectState");
    lab.pass(1.0).await;
    let tags = [
        ("TagSpecification.1.ResourceType", "snapshot"),
        ("TagSpecification.1.Tag.1.Key", "cloudtop:env"),
        ("TagSpecification.1.Tag.1.Value", "dev"),
    ];
    let made = lab.ok("CreateSnapshot", &[&[("VolumeId", id.as_str())], tags.as_slice()].concat());
    let snapshot = made.text("snapshotId");
    assert_eq!((made.text("status"), made.text("volumeSize")), ("pending".to_owned(), "20".to_owned()));
    let again = lab.code("CreateSnapshot", &[("VolumeId", &id)]);
    assert_eq!(again, "SnapshotCreationPerVolumeRateExceeded");
    lab.pass(1.0).await;
    let shown = lab.ok("DescribeSnapshots", &[("Filter.1.Name", "tag:cloudtop:env"), ("Filter.1.Value.1", "dev")]);
    let progress = shown.text("snapshotSet/item/progress");
    assert!(!["0%", "100%"].contains(&progress.as_str()), "{progress}");
    let from = [("AvailabilityZone", "us-west-2b"), ("SnapshotId", snapshot.as_str())];
    assert_eq!(lab.code("CreateVolume", &from), "IncorrectState");
    lab.pass(2.0).await;
    assert_eq!(lab.ok("DescribeSnapshots", &[]).text("snapshotSet/item/status"), "completed");
    let copy = lab.ok("CreateVolume", &from);
    assert_eq!((copy.text("size"), copy.text("encrypted")), ("20".to_owned(), "true".to_owned()));
    assert_eq!(copy.text("snapshotId"), snapshot);
    let small = [("AvailabilityZone", ZONE), ("SnapshotId", snapshot.as_str()), ("Size", "10")];
    assert_eq!(lab.code("CreateVolume", &small), "InvalidParameterValue");
    lab.ok("DeleteSnapshot", &[("SnapshotId", &snapshot)]);
    assert_eq!(lab.code("DeleteSnapshot", &[("SnapshotId", &snapshot)]), "InvalidSnapshot.NotFound");
    assert_eq!(lab.code("CreateVolume", &from), "InvalidSnapshot.NotFound");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_copied_from_another_region_once_it_is_whole() {
    let lab = Lab::new();
    let id = volume(&lab, &[("Size", "20"), ("Encrypted", "true")]);
    lab.pass(1.0).await;
    let snapshot = lab.ok("CreateSnapshot", &[("VolumeId", &id)]).text("snapshotId");
    lab.pass(1.0).await;
    let there = |region: &str, action: &str, parameters: &[(&str, &str)]| {
        answered(lab.simulator.dispatch(&question(action, parameters, region))).body
    };
    let copy = [("SourceRegion", "us-west-2"), ("SourceSnapshotId", &snapshot), ("PresignedUrl", "https://x")];
    assert!(there("eu-west-1", "CopySnapshot", &copy).contains("IncorrectState"));
    lab.pass(3.0).await;
    assert!(
        there("eu-west-1", "CopySnapshot", &copy[..2]).contains("MissingParameter"),
        "its key is asked in our name"
    );
    let elsewhere = [("SourceRegion", "us-east-1"), copy[1], copy[2]];
    assert!(there("eu-west-1", "CopySnapshot", &elsewhere).contains("InvalidSnapshot.NotFound"));
    assert!(there("eu-west-1", "CopySnapshot", &copy).contains("<snapshotId>snap-"));
    lab.pass(1.0).await;
    let shown = there("eu-west-1", "DescribeSnapshots", &[]);
    assert!(shown.contains("<status>pending</status>") && shown.contains("<encrypted>true</encrypted>"), "{shown}");
    lab.pass(3.0).await;
    assert!(there("eu-west-1", "DescribeSnapshots", &[]).contains("<status>completed</status>"));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_fails_where_that_is_set() {
    let lab = Lab::new();
    let id = volume(&lab, &[("Size", "1")]);
    lab.simulator.set("snapshots", "fail").unwrap();
    lab.pass(1.0).await;
    lab.ok("CreateSnapshot", &[("VolumeId", &id)]);
    lab.pass(3.0).await;
    assert_eq!(lab.ok("DescribeSnapshots", &[]).text("snapshotSet/item/status"), "error");
}

#[tokio::test(start_paused = true)]
async fn a_volume_grows_four_times_a_day_one_change_at_a_time_and_never_shrinks() {
    let lab = Lab::new();
    let id = volume(&lab, &[("Size", "10")]);
    lab.pass(1.0).await;
    let send = |size: &str, ok: bool| -> String {
        let parameters = [("VolumeId", id.as_str()), ("Size", size)];
        match ok {
            true => lab.ok("ModifyVolume", &parameters).text("volumeModification/modificationState"),
            false => lab.code("ModifyVolume", &parameters),
        }
    };
    assert_eq!(send("9", false), "InvalidParameterValue");
    assert_eq!(send("11", true), "modifying");
    assert_eq!(send("12", false), "IncorrectModificationState");
    lab.pass(1.0).await;
    let state = || lab.ok("DescribeVolumesModifications", &[]).text("volumeModificationSet/item/modificationState");
    assert_eq!(state(), "optimizing");
    lab.pass(1.0).await;
    assert_eq!(state(), "completed");
    for size in ["12", "13", "14"] {
        send(size, true);
        lab.pass(2.0).await;
    }
    assert_eq!(send("15", false), "VolumeModificationRateExceeded");
    lab.pass(86_400.0).await;
    assert_eq!(send("15", true), "modifying");
    assert_eq!(lab.ok("DescribeVolumes", &[]).text("volumeSet/item/size"), "15");
}
