#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::OpenOptions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::{Arc, Mutex};

use super::super::samples::{Place, env, environment};
use super::*;

fn store(place: &Place) -> Store {
    Store::open(&place.paths, |_| ())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn put(place: &Place, text: &str) {
    fs::create_dir_all(place.paths.state_file().parent().unwrap()).unwrap();
    fs::write(place.paths.state_file(), text).unwrap();
}

fn text(place: &Place) -> String {
    fs::read_to_string(place.paths.state_file()).unwrap()
}

fn add(name: &str) -> impl FnOnce(&mut State) {
    let name = env(name);
    move |state| {
        state.environments.insert(name, environment());
    }
}

fn names(state: &State) -> Vec<&str> {
    state.environments.keys().map(EnvName::as_str).collect()
}

#[tokio::test(start_paused = true)]
async fn reading_makes_no_files_and_one_run_has_one_owner() {
    let place = Place::new();
    let store = store(&place);
    let first = store.read().await.unwrap();
    assert_eq!(Uuid::parse_str(&first.owner).unwrap().get_version_num(), 7);
    assert_eq!(store.update(|_| ()).await.unwrap().owner, first.owner);
    assert!(!place.paths.state_file().exists());
    assert_eq!(store.update(add("dev")).await.unwrap().owner, first.owner);
}

#[tokio::test(start_paused = true)]
async fn the_next_run_reads_what_was_written() {
    let place = Place::new();
    let written = store(&place).update(add("dev")).await.unwrap();
    let read = store(&place).read().await.unwrap();
    assert_eq!(read, written);
    assert_eq!(read.environments[&env("dev")], environment());
}

#[tokio::test(start_paused = true)]
async fn all_that_is_made_is_its_owners_alone() {
    let place = Place::new();
    store(&place).update(add("dev")).await.unwrap();
    let file = place.paths.state_file();
    assert_eq!(mode(file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    assert_eq!(mode(&file.with_file_name("state.lock")), 0o600);
    fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    store(&place).update(add("core")).await.unwrap();
    assert_eq!(mode(file), 0o600);
}

#[test]
fn runs_at_the_same_time_lose_nothing() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for run in ["a", "b", "c"] {
            let store = store(&place);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(async {
                    for number in 0..50 {
                        store.update(add(&format!("{run}{number}"))).await.unwrap();
                        store.read().await.unwrap();
                    }
                });
            });
        }
    });
    let state: State = serde_json::from_str(&text(&place)).unwrap();
    assert_eq!(state.environments.len(), 150);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_understood_is_never_touched() {
    let place = Place::new();
    store(&place).update(add("dev")).await.unwrap();
    let good = text(&place);
    let cases = [
        (String::new(), 1),
        ("\0\0\0".to_owned(), 1),
        (good[..good.len() / 2].to_owned(), 0),
        (format!("{good}x"), 0),
        ("{\n  \"format_version\": 1\n}".to_owned(), 3),
        (good.replace("\"dev\"", "\"no/name\""), 0),
        (good.replace("\"owner\"", "\"owned\""), 0),
        (good.replace("\"format_version\": 1", "\"format_version\": 0"), 0),
        ("[]".to_owned(), 1),
    ];
    for (damaged, at) in cases {
        put(&place, &damaged);
        for error in [store(&place).read().await.unwrap_err(), store(&place).update(add("x")).await.unwrap_err()] {
            let StateError::Damaged { path, line, .. } = &error else { panic!("{error}") };
            assert_eq!(path, place.paths.state_file());
            assert!(at == 0 || *line == at, "{damaged}: {error}");
            assert!(error.to_string().contains("cloudtop recover"), "{error}");
        }
        assert_eq!(text(&place), damaged);
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_file_is_never_touched_whatever_else_it_says() {
    let place = Place::new();
    let newer = "{\"format_version\": 2, \"everything\": \"else\"}";
    put(&place, newer);
    for error in [store(&place).read().await.unwrap_err(), store(&place).update(add("x")).await.unwrap_err()] {
        assert!(matches!(error, StateError::Newer { found: 2, known: 1, .. }), "{error}");
        assert!(error.to_string().contains(&place.paths.state_file().display().to_string()), "{error}");
    }
    assert_eq!(text(&place), newer);
}

#[tokio::test(start_paused = true)]
async fn what_another_version_wrote_is_kept_once() {
    let place = Place::new();
    let backup = place.paths.state_file().with_file_name("state.json.bak");
    store(&place).update(add("dev")).await.unwrap();
    store(&place).update(add("core")).await.unwrap();
    assert!(!backup.exists());
    let other = text(&place).replace(VERSION, "9.9.9").replace("\"owner\"", "\"addition\": 1,\n  \"owner\"");
    put(&place, &other);
    store(&place).update(|_| ()).await.unwrap();
    assert!(!backup.exists());
    store(&place).update(add("x")).await.unwrap();
    store(&place).update(add("y")).await.unwrap();
    assert_eq!(fs::read_to_string(&backup).unwrap(), other);
    assert_eq!(mode(&backup), 0o600);
    assert_eq!(names(&store(&place).read().await.unwrap()), ["core", "dev", "x", "y"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_run_left_half_written_harms_nobody() {
    let place = Place::new();
    store(&place).update(add("dev")).await.unwrap();
    let half = place.paths.state_file().with_file_name("state.json.tmp");
    fs::write(&half, "{\"format_ver").unwrap();
    assert_eq!(names(&store(&place).read().await.unwrap()), ["dev"]);
    store(&place).update(add("core")).await.unwrap();
    assert_eq!(names(&store(&place).read().await.unwrap()), ["core", "dev"]);
    assert!(!half.exists());
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_leaves_the_old_file_and_says_where() {
    let place = Place::new();
    store(&place).update(add("dev")).await.unwrap();
    let before = text(&place);
    // A directory in the way stops even root, who may run the tests.
    let way = place.paths.state_file().with_file_name("state.json.tmp");
    fs::create_dir(&way).unwrap();
    let error = store(&place).update(add("core")).await.unwrap_err();
    assert!(error.to_string().contains("state.json.tmp"), "{error}");
    assert_eq!(text(&place), before);
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_cannot_be_made_is_named() {
    let place = Place::new();
    fs::write(place.directory.path().join("made"), "a file").unwrap();
    let error = store(&place).update(add("dev")).await.unwrap_err();
    assert!(matches!(error, StateError::Io { .. }), "{error}");
    assert!(error.to_string().contains("made"), "{error}");
    assert!(error.to_string().contains("--state"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_link_stays_a_link_and_both_ways_share_a_lock() {
    let place = Place::new();
    let (link, real) = (place.directory.path().join("link.json"), place.paths.state_file());
    symlink("made/state.json", &link).unwrap();
    let by_link = Store::open(&Paths::resolve(Some(&link)).unwrap(), |_| ());
    by_link.update(add("dev")).await.unwrap();
    by_link.update(add("core")).await.unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(names(&store(&place).read().await.unwrap()), ["core", "dev"]);
    assert!(fs::symlink_metadata(real).unwrap().is_file());
    assert_eq!(by_link.lock, store(&place).lock);
}

#[tokio::test(start_paused = true)]
async fn a_link_to_itself_is_an_error_and_stays() {
    let place = Place::new();
    let link = place.directory.path().join("link.json");
    symlink("link.json", &link).unwrap();
    let store = Store::open(&Paths::resolve(Some(&link)).unwrap(), |_| ());
    assert!(matches!(store.update(add("dev")).await.unwrap_err(), StateError::Io { .. }));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_not_given_back_is_announced_once_and_named_in_the_error() {
    let place = Place::new();
    store(&place).update(add("dev")).await.unwrap();
    let path = place.paths.state_file().with_file_name("state.lock");
    let other = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    other.try_lock().unwrap();
    fs::write(&path, "4242\n").unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let waiting = Store::open(&place.paths, move |waiting| teller.lock().unwrap().push(waiting.to_string()));
    let before = tokio::time::Instant::now();
    for error in [waiting.read().await.unwrap_err(), waiting.update(add("core")).await.unwrap_err()] {
        let StateError::Locked { held } = &error else { panic!("{error}") };
        assert_eq!((held.pid, &held.path), (Some(4242), &path));
        assert!(error.to_string().contains("state.lock"), "{error}");
    }
    assert_eq!(before.elapsed().as_secs(), 20);
    assert_eq!(*told.lock().unwrap(), ["another cloudtop (pid 4242) is using the state file"; 2]);
    drop(other);
    assert_eq!(names(&waiting.read().await.unwrap()), ["dev"]);
}

#[tokio::test(start_paused = true)]
async fn readers_do_not_wait_for_each_other() {
    let place = Place::new();
    store(&place).update(add("dev")).await.unwrap();
    let other = fs::File::open(place.paths.state_file().with_file_name("state.lock")).unwrap();
    other.try_lock_shared().unwrap();
    assert!(store(&place).read().await.is_ok());
    let Err(StateError::Locked { held }) = store(&place).update(add("core")).await else { panic!("written") };
    assert_eq!(held.pid, None);
}
