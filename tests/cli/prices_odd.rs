//! Prices where something is not as it should be: no history, prices of nothing, types that are not sold as spot, regions
//! that are off, a clock that is wrong.

use super::web::{Web, http};
use super::world::{Output, Running, World};

const TYPES: &str = r#"<DescribeInstanceTypesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
<requestId>r</requestId><instanceTypeSet><item><instanceType>m5.large</instanceType>
<supportedUsageClasses><item>on-demand</item><item>spot</item></supportedUsageClasses>
<vCpuInfo><defaultVCpus>2</defaultVCpus></vCpuInfo><memoryInfo><sizeInMiB>8192</sizeInMiB></memoryInfo>
</item></instanceTypeSet></DescribeInstanceTypesResponse>"#;

/// A server that knows one type, and the prices given: zone and price.
fn ec2(prices: &[(&str, &str)]) -> Web {
    let row = |(zone, price): &(&str, &str)| {
        format!(
            "<item><instanceType>m5.large</instanceType><productDescription>Linux/UNIX</productDescription>\
             <spotPrice>{price}</spotPrice><timestamp>2020-01-01T00:00:00.000Z</timestamp>\
             <availabilityZone>{zone}</availabilityZone></item>"
        )
    };
    let history = format!(
        "<DescribeSpotPriceHistoryResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\
         <spotPriceHistorySet>{}</spotPriceHistorySet><nextToken></nextToken></DescribeSpotPriceHistoryResponse>",
        prices.iter().map(row).collect::<String>()
    );
    Web::new(move |request| {
        let xml = if request.contains("Action=DescribeInstanceTypes") { TYPES } else { &history };
        match request.contains("Action=") {
            true => http("200 OK", "content-type: text/xml\r\n", xml),
            // The price list, which has none.
            false => http("200 OK", "content-type: application/x-amz-json-1.1\r\n", r#"{"PriceList": []}"#),
        }
    })
}

fn ask(world: &World, ec2: &Web, words: &str) -> Output {
    let args: Vec<&str> = words.split_whitespace().collect();
    let mut command = world.real(&args);
    command.env("AWS_ENDPOINT_URL", ec2.url()).env("AWS_REGION", "us-east-1").env("CLOUDTOP_ADVISOR_URL", "");
    command.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "secret");
    Running::new(command, words.to_owned()).finish()
}

#[test]
fn a_history_without_a_row_is_told_as_that() {
    let (world, ec2) = (World::empty(), ec2(&[]));
    for words in ["prices m5.large", "prices --chart m5.large", "prices m5.large --json"] {
        let said = ask(&world, &ec2, words).exits(3);
        assert!(said.stderr.contains("EC2 has no spot price of m5.large there") && said.stdout.is_empty(), "{said:?}");
    }
}

#[test]
fn prices_of_six_decimals_and_of_nothing_are_told_as_they_are() {
    let (world, ec2) =
        (World::empty(), ec2(&[("us-east-1a", "0.000123"), ("us-east-1b", "0.000000"), ("us-east-1c", "0.001560")]));
    let table = ask(&world, &ec2, "prices m5.large").exits(0);
    let cells: Vec<(&str, &str)> = table.rows().iter().map(|row| (row[3], row[4])).collect();
    assert_eq!(cells, [("us-east-1b", "0.0000"), ("us-east-1a", "0.000123"), ("us-east-1c", "0.001560")]);
    assert_eq!(table.rows()[1][5..], ["0.09", "▄▄▄▄▄▄▄▄▄▄▄▄", "0.000123", "0.000123", "0.000123"]);
    let csv = ask(&world, &ec2, "prices m5.large --csv").exits(0).stdout;
    let prices: Vec<&str> = csv.lines().skip(1).map(|line| line.split(',').nth(7).unwrap()).collect();
    assert_eq!(prices, ["0.000000", "0.000123", "0.001560"]);
    let json = ask(&world, &ec2, "prices m5.large --json").exits(0).json();
    let prices: Vec<f64> =
        json["pools"].as_array().unwrap().iter().map(|it| it["price_per_hour"].as_f64().unwrap()).collect();
    assert_eq!(prices, [0.0, 0.000_123, 0.001_56]);
    let chart = ask(&world, &ec2, "prices --chart m5.large --svg odd.svg").exits(0).stdout;
    for line in ["$0.001560 | cccc", "$0.0000 | bbbb", "  a us-east-1a $0.000123", "  b us-east-1b $0.0000"] {
        assert!(chart.contains(line), "no {line:?} in {chart}");
    }
    let picture = std::fs::read_to_string(world.cwd().join("odd.svg")).unwrap();
    assert!(picture.contains(">$0.001560<") && !picture.contains("NaN"), "{picture}");
}

#[test]
fn a_type_that_is_not_sold_as_spot_is_told_as_that() {
    let world = World::new();
    world.run("prices t2.nano").exits(3).says(&["EC2 does not sell t2.nano as spot", "name other types"]);
    world.run("prices --chart t2.nano").exits(3).says(&["EC2 does not sell t2.nano as spot"]);
    let both = world.ok("prices t2.nano m5.large", &[]).says(&["note: EC2 does not sell t2.nano as spot"]);
    assert!(both.rows().iter().all(|row| row[0] == "m5.large"), "{both:?}");
}

#[test]
fn a_region_that_the_account_has_not_enabled_is_told_as_that_and_left_out_of_all_regions() {
    let world = World::new();
    let one = world.run("prices m5.large -r mx-central-1").exits(6);
    assert!(one.stderr.contains("a region that is off by default must be enabled"), "{one:?}");
    let among = world.run("prices m5.large --regions us-east-1,mx-central-1").exits(2);
    assert!(among.stderr.contains("there is no region mx-central-1, or this account has not enabled it"), "{among:?}");
    let all = world.ok("prices m5.large --all-regions --days 1", &["--csv"]);
    assert!(!all.stdout.contains("mx-central-1") && !all.stderr.contains("mx-central-1"), "{}", all.stderr);
}

#[test]
fn a_region_that_fails_among_several_is_left_out_and_that_is_said() {
    let world = World::new();
    // Whichever region asks first is refused.
    world.ok("sim set fault DescribeInstanceTypes", &["error UnauthorizedOperation", "--first", "1"]);
    let told = world.ok("prices m5.large --regions us-east-1,eu-west-1 --days 1", &[]);
    assert!(told.stderr.contains(" is left out: DescribeInstanceTypes: "), "{told:?}");
    assert!(!told.rows().is_empty());
    // What is incomplete is not kept.
    let again = world.ok("prices m5.large --regions us-east-1,eu-west-1 --days 1", &[]);
    assert!(!again.stderr.contains("left out") && !again.stderr.contains("prices as they were"), "{again:?}");
}

#[test]
fn a_clock_that_is_wrong_is_named_whatever_the_code() {
    let world = World::new();
    for fault in
        ["expired", "error 401 AuthFailure", "error 403 SignatureDoesNotMatch", "error 403 RequestTimeTooSkewed"]
    {
        world.ok("sim set fault Describe*", &fault.split(' ').collect::<Vec<_>>());
        let said = world.run("prices m5.large").exits(6);
        assert!(said.stderr.contains("clock"), "{fault}: {said:?}");
        world.ok("sim set fault Describe* none", &[]);
    }
}
