//! How often instances are interrupted: where that is known from, and what is said where it is not.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::world::{Output, Running, World};

const DATA: &str = r#"{"spot_advisor": {"us-east-1": {"Linux": {"m5.large": {"s": 62, "r": 3}}}}}"#;

/// A server of the Advisor's data.
struct Advisor {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Advisor {
    fn new(answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(Mutex::new(answer.to_owned()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (gives, seen) = (Arc::clone(&answer), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                Self::serve(stream.unwrap(), &gives, &seen);
            }
        });
        Self { address, answer, asked }
    }

    fn serve(mut stream: TcpStream, answer: &Mutex<String>, asked: &Mutex<Vec<String>>) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
        asked.lock().unwrap().push(head);
        let answer = answer.lock().unwrap().clone();
        // A reader that has had enough closes its end.
        let _ = stream.write_all(answer.as_bytes());
    }

    fn will_answer(&self, answer: &str) {
        answer.clone_into(&mut self.answer.lock().unwrap());
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn url(&self) -> String {
        format!("http://{}/spot-advisor-data.json", self.address)
    }
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
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
        let args: Vec<&str> = words.split_whitespace().collect();
        let mut command = self.world.real(&args);
        command.env("AWS_ENDPOINT_URL", &self.endpoint).env("AWS_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "secret");
        if let Some(url) = advisor {
            command.env("CLOUDTOP_ADVISOR_URL", url);
        }
        Running::new(command, words.to_owned()).finish().exits(0)
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
    assert!(csv.lines().nth(1).unwrap().ends_with(",15-20%,2020-11-02T06:00:00Z"), "{csv}");
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
