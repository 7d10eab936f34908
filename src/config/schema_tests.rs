//! docs/cloudtop.schema.json and the code say the same, and so do the two ways in which files are laid over one another.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;

use serde::de::value::Error;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize as _, forward_to_deserialize_any};
use serde_json::Value;

use super::files::tests::EVERY_KEY;
use super::settings::KEYS;
use super::{Config, EnvironmentSettings, parse_toml};

const SCHEMA: &str = include_str!("../../docs/cloudtop.schema.json");

/// Takes down the fields that a structure asks for, and gives it nothing.
struct Fields<'a>(&'a mut BTreeSet<&'static str>);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("not a structure"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.0.extend(fields);
        Err(Error::custom("that was all"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn properties(of: &Value) -> BTreeSet<String> {
    of["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn every_key_that_is_read_is_in_the_list_of_keys_and_in_the_schema() {
    let mut read = BTreeSet::new();
    assert!(EnvironmentSettings::deserialize(Fields(&mut read)).is_err());
    let known: BTreeSet<&str> = KEYS.iter().copied().collect();
    assert_eq!(read, known, "KEYS in src/config/settings.rs is not what EnvironmentSettings reads");

    let schema = schema();
    let read: BTreeSet<String> = read.into_iter().map(str::to_owned).collect();
    let lacking = |of: &Value| read.difference(&properties(of)).cloned().collect::<Vec<_>>();
    let add = "add them to docs/cloudtop.schema.json, below `definitions` and to both lists of `properties`";
    let environment = &schema["definitions"]["environment"];
    assert_eq!(lacking(environment), [""; 0], "the schema lacks keys of an environment: {add}");
    assert_eq!(lacking(&schema), [""; 0], "the schema lacks keys of the top level: {add}");
    assert_eq!(properties(environment), read, "the schema has keys that nothing reads");
    assert_eq!(properties(&schema).len(), read.len() + 1, "the top level has `env` besides");
    for key in &read {
        let words = schema["definitions"][key]["description"].as_str().unwrap_or_default();
        assert!(words.ends_with('.'), "the schema does not say what `{key}` means");
    }
}

/// Whether a value fits a schema, as far as ours goes; `pattern` is left to real validators (tests/outside).
fn fits(value: &Value, schema: &Value, root: &Value) -> bool {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(value, root.pointer(&name[1..]).unwrap(), root);
    }
    let number = |key: &str, or: f64| schema[key].as_f64().unwrap_or(or);
    let kind = match schema["type"].as_str() {
        None => true,
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("array") => value.as_array().is_some_and(|items| items.iter().all(|it| fits(it, &schema["items"], root))),
        Some("object") => value.as_object().is_some_and(|map| {
            map.iter().all(|(key, value)| match (&schema["properties"][key], &schema["additionalProperties"]) {
                (Value::Null, Value::Bool(others)) => *others,
                (Value::Null, others) => fits(value, others, root),
                (own, _) => fits(value, own, root),
            })
        }),
        Some(other) => panic!("this test does not know the type {other}"),
    };
    let bounds =
        value.as_f64().is_none_or(|it| (number("minimum", f64::MIN)..=number("maximum", f64::MAX)).contains(&it));
    let one_of =
        |key: &str, test: &dyn Fn(&Value) -> bool| schema[key].as_array().is_none_or(|all| all.iter().any(test));
    kind && bounds && one_of("enum", &|it| it == value) && one_of("anyOf", &|it| fits(value, it, root))
}

fn fits_whole(text: &str) -> bool {
    let (value, schema) = (toml::from_str::<Value>(text).unwrap(), schema());
    fits(&value, &schema, &schema)
}

#[test]
fn what_the_program_reads_fits_the_schema() {
    let every_key = toml::from_str::<Value>(EVERY_KEY).unwrap();
    let schema = schema();
    for (key, value) in every_key.as_object().unwrap() {
        assert!(fits(value, &schema["definitions"][key], &schema), "`{key}` cannot be {value} by the schema");
    }
    let pages = [
        include_str!("../../docs/configuration.md"),
        include_str!("../../docs/secrets.md"),
        include_str!("../../docs/volumes.md"),
        include_str!("../../docs/watch.md"),
    ];
    for page in pages {
        for example in page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            assert!(fits_whole(example), "an example does not fit the schema:\n{example}");
        }
    }
}

#[test]
fn what_the_program_refuses_or_does_not_know_does_not_fit() {
    for text in [
        "nodes = \"three\"",
        "volume = true",
        "volume = 70000",
        "timeout = 10",
        "on_interruption = \"sleep\"",
        "arch = \"mips\"",
        "wait = \"later\"",
        "tags = { a = 1 }",
        "set = { a = 1.5 }",
        "types = \"m5.large\"",
    ] {
        assert!(parse_toml::<EnvironmentSettings>(text).is_err() && !fits_whole(text), "{text}");
    }
    assert!(!fits_whole("regoin = \"us-east-1\"") && !fits_whole("[env.dev]\ncolour = 1"));
}

#[test]
fn every_word_that_the_schema_offers_is_read() {
    let schema = schema();
    let mut offered = 0;
    for key in KEYS {
        for word in schema["definitions"][key]["enum"].as_array().into_iter().flatten() {
            assert!(parse_toml::<EnvironmentSettings>(&format!("{key} = {word}")).is_ok(), "{key} = {word}");
            offered += 1;
        }
    }
    assert!(offered >= 12);
}

/// Each of these over each other one, in one file and in two.
const WORDS: &[&str] = &[
    "types = [\"m5.large\"]",
    "cpus = 8",
    "memory = 32",
    "local_ssd = true",
    "arch = \"arm64\"",
    "zone = \"us-east-1a\"",
    "spread = true",
    "spread = false",
    "volume = 20",
    "volume = false",
    "volume_id = \"vol-1\"",
    "set = { a = \"1\", b = \"2\" }",
    "set = { b = \"3\" }",
    "tags = { team = \"x\" }",
    "nodes = 3",
];

#[test]
fn what_is_shown_as_counting_is_what_counts() {
    let place = tempfile::tempdir().unwrap();
    let user = place.path().join("user/cloudtop");
    fs::create_dir_all(&user).unwrap();
    for above in WORDS {
        for below in WORDS {
            fs::write(place.path().join("cloudtop.toml"), format!("[env.dev]\n{above}\n")).unwrap();
            fs::write(user.join("config.toml"), format!("{below}\n[env.dev]\nttl = \"8h\"\n")).unwrap();
            let config = Config::load(None, place.path(), Some(&place.path().join("user")), None).unwrap();
            let mut shown = toml::Table::new();
            for setting in config.explain("dev") {
                let (last, tables) = setting.key.split_last().unwrap();
                let inner = tables.iter().fold(&mut shown, |table, key| {
                    table.entry(key).or_insert_with(|| toml::Table::new().into()).as_table_mut().unwrap()
                });
                inner.insert(last.clone(), setting.value);
            }
            let mut shown: EnvironmentSettings = parse_toml(&shown.to_string()).unwrap();
            let counts = config.environment("dev");
            shown.set_in.clone_from(&counts.set_in);
            assert_eq!(shown, counts, "{above} over {below}");
        }
    }
}
