//! Manual pages.

use std::fs;
use std::process::Command;

use super::world::World;

#[test]
fn every_command_has_a_page_without_faults() {
    let world = World::empty();
    world.ok("man --dir pages/man1", &[]);
    let pages: Vec<_> = fs::read_dir(world.cwd().join("pages/man1")).unwrap().map(|it| it.unwrap().path()).collect();
    assert!(pages.len() > 40, "{pages:?}");
    for page in ["cloudtop.1", "cloudtop-up.1", "cloudtop-template-check.1"] {
        assert!(pages.iter().any(|path| path.ends_with(page)), "{page}");
    }
    for path in &pages {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains(".SH NAME") && text.contains("Example"), "{}", path.display());
        assert!(text.contains("\"cloudtop ") && text.contains("\"cloudtop manual\""), "{}", path.display());
        let mut groff = Command::new("groff");
        world.enclose(&mut groff);
        // A page whose macros or characters are wrong is told on stderr.
        let ended = match groff.args(["-man", "-ww", "-Kutf8", "-Tutf8", "-z"]).arg(path).output() {
            Ok(ended) => ended,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => panic!("{error}"),
        };
        let said = String::from_utf8_lossy(&ended.stderr);
        // A bare groff has no macros of manual pages; that is not the page's fault.
        assert!(ended.status.success() && (said.is_empty() || said.contains("an.tmac")), "{}: {said}", path.display());
    }
}

#[test]
fn a_page_is_printed_of_the_program_or_of_a_command() {
    let world = World::empty();
    assert!(world.ok("man", &[]).stdout.contains(".TH cloudtop 1"));
    let page = world.ok("man sim set fault", &[]).stdout;
    assert!(page.contains(".TH cloudtop-sim-set-fault 1") && page.contains("reset"), "{page}");
    world.run("man upp").exits(2).says(&["there is no command `upp`"]);
}
