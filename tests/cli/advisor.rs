//! How often instances are interrupted: where that is known from, and what is said where it is not.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::web::{Web, http};
use super::world::{Output, Running, World};

const DATA: &str = r#"{"spot_advisor": {"us-east-1": {"Linux": {"m5.large": {"s": 62, "r": 3}}}}}"#;

/// A server of the Advisor's data.
struct Advisor {
    web: Web,
    answer: Arc<Mutex<String>>,
}

impl Advisor {
    fn new(answer: &str) -> Self {
        let answer = Arc::new(Mutex::new(answer.to_owned()));
        let gives = Arc::clone(&answer);
        Self { web: Web::new(move |_| gives.lock().unwrap().clone()), answer }
    }

    fn will_answer(&self, answer: &str) {
        answer.clone_into(&mut self.answer.lock().unwrap());
    }

    fn asked(&self) -> Vec<String> {
        self.web.asked()
    }

    fn url(&self) -> String {
        format!("{}/spot-advisor-data.json", self.web.url())
    }
}

fn data() -> String {
    http("200 OK", "last-modified: Mon, 02 Nov 2020 06:00:00 GMT\r\netag: \"first\"\r\n", DATA)
}

/// A user whose endpoint is a simulated EC2 in another process.
struct Site {
    world: World,
    endpoint: String,
    _server: Running,
}

impl Site {
    fn new() -> Self {
        let world = World::new();
        let mut server = world.start("sim serve --port 0", &[]);
        // The address is on stdout; the hint beside it on stderr has it too.
        let line = server.next_line().unwrap();
        let address = line.split("http://").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        Self { world, endpoint: format!("http://{address}"), _server: server }
    }

    fn run(&self, words: &str, advisor: Option<&str>) -> Output {
        Running::new(self.command(words, advisor), words.to_owned()).finish().exits(0)
    }

    fn command(&self, words: &str, advisor: Option<&str>) -> Command {
        let args: Vec<&str> = words.split_whitespace().collect();
        let mut command = self.world.real(&args);
        command.env("AWS_ENDPOINT_URL", &self.endpoint).env("AWS_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "secret");
        if let Some(url) = advisor {
            command.env("CLOUDTOP_ADVISOR_URL", url);
        }
        command
    }

    /// The files in which answers of a kind are kept.
    fn kept(&self, kind: &str) -> Vec<PathBuf> {
        let cache = self.world.state_file().parent().unwrap().join("state.json.d/cache");
        let files = std::fs::read_dir(cache).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&format!("{kind}-"))).collect()
    }

    /// Makes what is kept of a kind three days old.
    fn let_age(&self, kind: &str) {
        for path in self.kept(kind) {
            let mut file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let at: jiff::Timestamp = file["at"].as_str().unwrap().parse().unwrap();
            file["at"] = Value::from((at - jiff::SignedDuration::from_hours(72)).to_string());
            std::fs::write(&path, file.to_string()).unwrap();
        }
    }
}

fn bands(output: &Output) -> Vec<Value> {
    output.json()["pools"].as_array().unwrap().iter().map(|it| it["band"].clone()).collect()
}

#[test]
fn bands_are_fetched_once_a_day_and_told_with_the_age_of_the_data() {
    let (site, advisor) = (Site::new(), Advisor::new(&data()));
    let first = site.run("prices m5.large m5.xlarge --json", Some(&advisor.url()));
    let answer = first.json();
    assert_eq!(answer["advisor_at"], "2020-11-02T06:00:00Z");
    for pool in answer["pools"].as_array().unwrap() {
        let band = if pool["instance_type"] == "m5.large" { Value::from("15-20%") } else { Value::Null };
        assert_eq!(pool["band"], band, "{pool}");
    }
    let table = site.run("prices m5.large", Some(&advisor.url()));
    assert!(table.stdout.lines().next().unwrap().ends_with("INTERRUPTED"), "{}", table.stdout);
    assert!(table.stdout.lines().nth(1).unwrap().ends_with(" 15-20%"), "{}", table.stdout);
    assert!(table.stderr.contains("the Spot Advisor's data of ") && table.stderr.contains("h ago"), "{}", table.stderr);
    let csv = site.run("prices m5.large --csv", Some(&advisor.url())).stdout;
    assert!(csv.lines().nth(1).unwrap().ends_with(",15-20%,2020-11-02T06:00:00Z,"), "{csv}");
    assert_eq!(advisor.asked().len(), 1);
}

#[test]
fn data_that_have_not_changed_are_not_sent_again() {
    let (site, advisor) = (Site::new(), Advisor::new(&data()));
    site.run("prices m5.large", Some(&advisor.url()));
    site.let_age("advisor");
    advisor.will_answer("HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n");
    for _ in 0..2 {
        let again = site.run("prices m5.large --json", Some(&advisor.url()));
        assert!(bands(&again).iter().all(|band| band == "15-20%"), "{again:?}");
        assert!(!again.stderr.contains("warning"), "{again:?}");
    }
    let asked = advisor.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].contains("if-none-match: \"first\""), "{asked:?}");
}

#[test]
fn what_is_no_data_leaves_the_bands_out_and_is_not_asked_for_again_at_once() {
    for (answer, why) in [
        (http("200 OK", "", "<html>log in to the network</html>"), "an answer that is not the Spot Advisor's data"),
        (http("503 Slow Down", "", ""), "HTTP 503"),
        (http("304 Not Modified", "", ""), "HTTP 304"),
        (String::new(), ""),
    ] {
        let (site, advisor) = (Site::new(), Advisor::new(&answer));
        for _ in 0..2 {
            let told = site.run("prices m5.large --json", Some(&advisor.url()));
            let words =
                "warning: how often instances are interrupted is not known: the Spot Advisor's data cannot be had from";
            assert!(told.stderr.contains(words) && told.stderr.contains(why), "{told:?}");
            assert!(bands(&told).iter().all(Value::is_null) && told.json()["advisor_at"].is_null(), "{told:?}");
        }
        assert_eq!(advisor.asked().len(), 1, "{answer}");
        let table = site.run("prices m5.large", Some(&advisor.url()));
        assert!(!table.stdout.contains("INTERRUPTED") && !table.stderr.contains("INTERRUPTED"), "{table:?}");
    }
}

#[test]
fn old_data_are_used_where_there_are_no_new_ones_and_that_is_said() {
    let (site, advisor) = (Site::new(), Advisor::new(&data()));
    site.run("prices m5.large", Some(&advisor.url()));
    site.let_age("advisor");
    for answer in [http("200 OK", "", "{}"), String::new()] {
        advisor.will_answer(&answer);
        let told = site.run("prices m5.large --json", Some(&advisor.url()));
        assert!(bands(&told).iter().all(|band| band == "15-20%"), "{told:?}");
        assert!(told.stderr.contains("; used instead is what was fetched 3d ago"), "{told:?}");
        site.let_age("advisor-rest");
    }
    assert_eq!(advisor.asked().len(), 3);
    advisor.will_answer(&data());
    assert!(!site.run("prices m5.large", Some(&advisor.url())).stderr.contains("used instead"));
}

#[test]
fn a_server_that_says_nothing_does_not_keep_anybody_waiting() {
    let site = Site::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let told = site.run("prices m5.large", Some(&url));
    assert!(told.stderr.contains("no whole answer within 5 s"), "{told:?}");
}

#[test]
fn the_data_are_asked_for_through_the_proxy() {
    let (site, proxy) = (Site::new(), Web::new(|_| http("502 Bad Gateway", "", "")));
    let mut command = site.command("prices m5.large", Some("https://advisor.invalid/data.json"));
    command.env("HTTPS_PROXY", proxy.url()).env("NO_PROXY", "127.0.0.1");
    let told = Running::new(command, "prices".to_owned()).finish().exits(0);
    let asked = proxy.asked();
    assert!(asked[0].starts_with("CONNECT advisor.invalid:443 "), "{asked:?}");
    assert!(told.stderr.contains("cannot be had from https://advisor.invalid/data.json: "), "{told:?}");
}

#[test]
fn another_endpoint_than_aws_and_an_empty_address_are_not_asked() {
    let site = Site::new();
    let private = site.run("prices m5.large", None);
    assert!(
        private.stderr.contains("the Spot Advisor is not asked with the endpoint http://127.0.0.1:"),
        "{private:?}"
    );
    let off = site.run("prices m5.large", Some(""));
    assert!(off.stderr.contains("CLOUDTOP_ADVISOR_URL is empty"), "{off:?}");
}

#[test]
fn the_simulators_bands_need_no_network_and_are_the_same_each_time() {
    let world = World::new();
    let told = || {
        let mut command = world.command(&["prices", "--cpus", "8", "--sort", "interrupted", "--json"]);
        // Nobody listens there.
        command.env("CLOUDTOP_ADVISOR_URL", "http://127.0.0.1:9/").env("HTTPS_PROXY", "http://127.0.0.1:9");
        Running::new(command, "prices".to_owned()).finish().exits(0)
    };
    let (first, again) = (told(), told());
    assert_eq!(bands(&first), bands(&again));
    let order = ["<5%", "5-10%", "10-15%", "15-20%", ">20%"];
    let places = |output: &Output| {
        bands(output).iter().map(|band| order.iter().position(|it| band == it).unwrap()).collect::<Vec<_>>()
    };
    assert!(places(&first).is_sorted() && places(&first).last() > Some(&0), "{:?}", places(&first));
    assert!(!first.stderr.contains("warning"), "{first:?}");
}
