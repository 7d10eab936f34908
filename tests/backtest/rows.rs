//! Files of lines with a header, plain or gzipped.

use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// The first bytes of whatever gzip made, by which it is known whatever the file is called.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The whole text of a file.
pub fn text(path: &Path) -> Result<String, String> {
    let say = |error: std::io::Error| format!("{}: {error}", path.display());
    let bytes = std::fs::read(path).map_err(say)?;
    let mut text = String::new();
    if bytes.starts_with(&GZIP) {
        MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).map_err(say)?;
    } else {
        text = String::from_utf8(bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(text)
}

/// Calls `each` with these columns of every line, found by the header's names. A column whose name ends in `?` may be
/// missing, and is empty then. An error names the line.
pub fn each<const N: usize>(
    text: &str,
    columns: [&str; N],
    mut each: impl FnMut([&str; N]) -> Result<(), String>,
) -> Result<(), String> {
    let mut lines = text.lines().enumerate();
    let header: Vec<&str> = lines.next().map(|(_, line)| line.split(',').map(str::trim).collect()).unwrap_or_default();
    let mut places = [None; N];
    for (place, column) in places.iter_mut().zip(columns) {
        let name = column.trim_end_matches('?');
        *place = header.iter().position(|it| *it == name);
        if place.is_none() && name == column {
            return Err(format!("line 1: there is no column \"{name}\" among {}", header.join(", ")));
        }
    }
    let mut fields = Vec::new();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
        fields.clear();
        fields.extend(line.split(',').map(str::trim));
        let row = places.map(|place| place.and_then(|place| fields.get(place).copied()).unwrap_or_default());
        each(row).map_err(|why| format!("line {}: {why}", index + 1))?;
    }
    Ok(())
}

/// Seconds since 1970.
pub fn seconds(text: &str) -> Result<i64, String> {
    let at: jiff::Timestamp = text.parse().map_err(|_| format!("\"{text}\" is no time with an offset or Z"))?;
    Ok(at.as_second())
}

/// A number of the kind that is wanted.
pub fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("\"{text}\" is no number"))
}

/// The region of an availability zone or a local zone.
pub fn region(zone: &str) -> &str {
    let digits = zone.find(|it: char| it.is_ascii_digit());
    let end = digits.map(|at| at + zone[at..].find(|it: char| !it.is_ascii_digit()).unwrap_or(zone.len() - at));
    &zone[..end.unwrap_or(zone.len())]
}

#[test]
fn columns_are_found_by_their_names_and_lines_that_are_wrong_are_named() {
    let text = "b,a,c\n1,x,2\n\n3,y\n";
    let mut rows = Vec::new();
    each(text, ["a", "b", "c?", "d?"], |[a, b, c, d]| {
        rows.push(format!("{a}{b}{c}{d}"));
        Ok(())
    })
    .unwrap();
    assert_eq!(rows, ["x12", "y3"]);
    assert_eq!(each(text, ["z"], |_| Ok(())).unwrap_err(), "line 1: there is no column \"z\" among b, a, c");
    let wrong = each(text, ["a"], |[a]| number::<u32>(a).map(drop)).unwrap_err();
    assert_eq!(wrong, "line 2: \"x\" is no number");
}

#[test]
fn gzip_is_known_by_its_first_bytes() {
    use std::io::Write;
    let dir = tempfile::tempdir().unwrap();
    let (plain, packed) = (dir.path().join("plain.gz"), dir.path().join("packed.csv"));
    std::fs::write(&plain, "a,b\n").unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"a,b\n").unwrap();
    std::fs::write(&packed, encoder.finish().unwrap()).unwrap();
    assert_eq!((text(&plain).unwrap(), text(&packed).unwrap()), ("a,b\n".to_owned(), "a,b\n".to_owned()));
}

#[test]
fn a_zone_names_its_region_and_a_time_its_offset() {
    let zones = ["us-east-1a", "us-gov-west-1b", "us-west-2-lax-1a", "ap-southeast-12c"];
    assert_eq!(zones.map(region), ["us-east-1", "us-gov-west-1", "us-west-2", "ap-southeast-12"]);
    assert_eq!(seconds("2021-03-02T01:00:00Z").unwrap(), seconds("2021-03-02 02:00:00+01:00").unwrap());
    assert!(seconds("2021-03-02").is_err());
}
