//! What goes to which stream.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::canvas::Canvas;
use super::samples::{self, bare};
use super::{Live, OutputError, PromptError, Ui, UiOptions};
use crate::clock::Clock;
use crate::domain::call::Made;
use crate::domain::failure::{Class, Failure};
use crate::domain::phase::Phase;
use crate::engine::report::{Progress, Reporter};

/// What was written to a stream.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream that takes nothing.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}

fn onto(options: UiOptions, out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> Ui {
    Ui {
        options,
        out: Mutex::new(Box::new(out)),
        err: Mutex::new(Box::new(anstream::StripStream::new(Box::new(err) as Box<dyn Write + Send>))),
        canvas: Canvas::none(),
        clock: Clock::system(),
        out_is_terminal: false,
        can_ask: false,
        before_question: std::sync::Mutex::new(None),
        kept: Mutex::new(None),
        times: std::sync::OnceLock::new(),
    }
}

/// A printer, its stdout and its stderr.
fn captured(options: UiOptions) -> (Ui, Written, Written) {
    let (out, err) = (Written::default(), Written::default());
    (onto(options, out.clone(), err.clone()), out, err)
}

#[derive(Debug, thiserror::Error)]
#[error("dev could not be launched")]
struct Outer(#[source] Inner);

#[derive(Debug, thiserror::Error)]
#[error("EC2 says no")]
struct Inner;

#[test]
fn the_answer_goes_to_stdout_and_all_else_to_stderr() -> Result<(), OutputError> {
    let (ui, out, err) = captured(UiOptions::default());
    ui.status("working");
    ui.note("EC2 took it away");
    ui.warn("0.0.0.0/0 is everybody");
    ui.answer("a table")?;
    ui.answer("")?;
    ui.json(&[1])?;
    assert_eq!(out.text(), "a table\n[\n  1\n]\n");
    assert_eq!(err.text(), "working\nnote: EC2 took it away\nwarning: 0.0.0.0/0 is everybody\n");
    Ok(())
}

#[test]
fn an_error_tells_its_causes_and_what_to_do() {
    let (ui, _, err) = captured(UiOptions::default());
    ui.error(&Outer(Inner), &["run `cloudtop doctor`".to_owned(), "or ask for a quota".to_owned()]);
    assert_eq!(
        err.text(),
        "error: dev could not be launched\n  caused by: EC2 says no\n\
         hint: run `cloudtop doctor`\nhint: or ask for a quota\n"
    );
}

#[test]
fn quiet_leaves_warnings_errors_and_the_answer() -> Result<(), OutputError> {
    let (ui, out, err) = captured(UiOptions { quiet: true, ..UiOptions::default() });
    ui.status("working");
    ui.note("something");
    Live::new(&ui, "dev").report(&Progress::Note("something"));
    ui.warn("beware");
    ui.error(&Inner, &[]);
    ui.answer("a table")?;
    assert_eq!((out.text().as_str(), err.text().as_str()), ("a table\n", "warning: beware\nerror: EC2 says no\n"));
    Ok(())
}

#[test]
fn a_closed_pipe_is_no_error_and_a_full_disk_is_one() {
    let ui = onto(UiOptions::default(), Broken(io::ErrorKind::BrokenPipe), Broken(io::ErrorKind::BrokenPipe));
    ui.status("nobody hears this");
    assert!(ui.answer("a table").is_ok());
    let full = onto(UiOptions::default(), Broken(io::ErrorKind::StorageFull), Written::default());
    assert!(matches!(full.answer("a table"), Err(OutputError::Write(_))));
}

#[test]
fn without_a_terminal_nothing_is_asked() {
    let (ui, out, err) = captured(UiOptions::default());
    let refused = ui.confirm("Delete vol-1?", "--yes (-y)");
    assert!(matches!(refused, Err(PromptError::NeedsYes { .. })));
    let words = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(words, "\"Delete vol-1?\" needs a yes: add --yes (-y)");
    assert_eq!((out.text(), err.text()), (String::new(), String::new()));
}

#[test]
fn yes_answers_without_a_terminal() {
    let (ui, ..) = captured(UiOptions { yes: true, no_input: true, ..UiOptions::default() });
    assert!(matches!(ui.confirm("Delete vol-1?", "--yes (-y)"), Ok(true)));
}

fn play(live: &Live<'_>) {
    let (ranking, launch) = (samples::ranking(), samples::launch());
    let failure = |class| Failure {
        action: "RunInstances".to_owned(),
        code: "SomeCode".to_owned(),
        message: "EC2's sentence".to_owned(),
        class,
    };
    let (dry, lost, lagging) = (failure(Class::Capacity), failure(Class::Ambiguous), failure(Class::NotYetVisible));
    let made = Made { instances: vec!["i-1".to_owned()], ..Made::default() };
    live.report(&Progress::Nodes(&[bare(0, Phase::Absent, None)]));
    live.report(&Progress::Chosen { ranking: &ranking, nodes: 1 });
    live.report(&Progress::Sent { call: &launch, reason: "there is no instance" });
    live.report(&Progress::Failed { call: &launch, failure: &dry });
    live.report(&Progress::Failed { call: &launch, failure: &lost });
    live.report(&Progress::Failed { call: &launch, failure: &lost });
    live.report(&Progress::Failed { call: &launch, failure: &lagging });
    live.report(&Progress::Succeeded { call: &launch, made: &made });
    live.report(&Progress::Nodes(&[bare(0, Phase::Launching, Some("EC2 is starting i-1"))]));
    live.report(&Progress::Nodes(&[bare(0, Phase::Launching, Some("EC2 is starting i-1"))]));
    live.report(&Progress::Waiting(&["sg-1 to be free".to_owned()]));
    live.report(&Progress::Note("EC2 gave\nits notice"));
    live.report(&Progress::Nodes(&[bare(0, Phase::Ready, None)]));
    live.finish("done");
}

#[test]
fn progress_is_a_line_a_change_where_nothing_can_be_drawn() {
    let (ui, out, err) = captured(UiOptions::default());
    play(&Live::new(&ui, "dev"));
    assert_eq!(
        err.text(),
        "dev: not launched\n\
         dev: m7a.xlarge in us-east-1c at $0.0731 an hour ($53.36 a month); next: m6a.xlarge in us-east-1a at $0.0758\n\
         dev: no capacity in m7a.xlarge in us-east-1c (SomeCode): trying the next pool\n\
         dev: no answer to RunInstances: asking again\n\
         dev: launching: EC2 is starting i-1\n\
         dev: waiting for sg-1 to be free\n\
         dev: EC2 gave its notice\n\
         dev: ready\n"
    );
    assert_eq!(out.text(), "");
}

#[test]
fn steps_are_told_to_those_who_ask_for_them() {
    let (ui, _, err) = captured(UiOptions { verbose: 1, ..UiOptions::default() });
    play(&Live::new(&ui, "dev"));
    for line in [
        "dev: launch node 0 as m7a.xlarge in us-east-1c with ami-0123 by RunInstances: there is no instance\n",
        "dev: RunInstances: EC2's sentence (SomeCode)\n",
        "dev: RunInstances made i-1\n",
    ] {
        assert!(err.text().contains(line), "{line} in {}", err.text());
    }
}
