//! Questions that nobody would ask: whatever the API is told within the words of its own description and beyond, it
//! answers, and never with a fault of its own. The log verifies afterwards.
//!
//! `HOLDLINE_FUZZ_EXAMPLES` says how many questions are made up for each operation and person, at most; 6 without it.
//! Besides, the examples of the description are asked. Where nothing else is said the same ones are asked each time.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use channels::http::Request;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use crate::commands::run;
use crate::on_both;
use crate::support::caller::Caller;
use crate::support::programs::programs;
use crate::support::{evidence, rounds};

/// How many questions are made up for an operation where `HOLDLINE_FUZZ_EXAMPLES` says nothing.
const EXAMPLES: usize = 6;
/// Of a hundred operations, how many must be done at least once: where all is refused, little is tried.
const LEAST_ACCEPTED: usize = 30;

/// What was asked: for each operation its questions, and whether one was answered from 200 to 299.
#[derive(Default)]
struct Asked(BTreeMap<String, (usize, bool)>);

impl Asked {
    fn questions(&self) -> usize {
        self.0.values().map(|(questions, _)| questions).sum()
    }

    fn accepted(&self) -> usize {
        self.0.values().filter(|(_, accepted)| *accepted).count()
    }

    /// Adds what the fuzzer's own report has, line by line. How many operations it was to ask.
    fn add(&mut self, report: &Path) -> usize {
        let text = std::fs::read_to_string(report).unwrap();
        let mut selected = 0;
        for line in text.lines() {
            match serde_json::from_str(line).unwrap() {
                Event { loaded: Some(loaded), .. } => selected = loaded.statistic.operations.selected,
                Event { finished: Some(finished), .. } => self.note(finished.recorder),
                Event { .. } => {}
            }
        }
        selected
    }

    fn note(&mut self, told: Recorder) {
        let answers: Vec<_> = told.interactions.into_values().filter_map(|told| told.response).collect();
        if answers.is_empty() {
            return;
        }
        let (questions, accepted) = self.0.entry(told.label).or_default();
        *questions += answers.len();
        *accepted |= answers.iter().any(|answer| (200..300).contains(&answer.status_code));
    }
}

/// A line of the report of schemathesis 4 (`--report ndjson`), as far as it is counted.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "LoadingFinished")]
    loaded: Option<Loaded>,
    #[serde(rename = "ScenarioFinished")]
    finished: Option<Finished>,
}

#[derive(Deserialize)]
struct Loaded {
    statistic: Statistic,
}

#[derive(Deserialize)]
struct Statistic {
    operations: Operations,
}

#[derive(Deserialize)]
struct Operations {
    selected: usize,
}

#[derive(Deserialize)]
struct Finished {
    recorder: Recorder,
}

/// What one operation was asked in one phase, by the name of each question; `GET /api/v1/posts` is its label.
#[derive(Deserialize)]
struct Recorder {
    label: String,
    #[serde(default)]
    interactions: HashMap<String, Interaction>,
}

#[derive(Deserialize)]
struct Interaction {
    response: Option<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    status_code: u16,
}

fn schemathesis() -> PathBuf {
    let program = programs().join("schemathesis-venv/bin/schemathesis");
    assert!(
        program.exists(),
        "{} is not there: install it with `bash tests/peers/schemathesis/install.sh`",
        program.display()
    );
    program
}

/// Asks every operation, and adds what was asked; how many operations there were. Ends the test with what the fuzzer
/// says when an answer is a fault.
async fn ask(caller: &Caller, token: &SecretString, examples: usize, asked: &mut Asked) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(schemathesis());
    command.current_dir(folder.path()).arg("run").arg(format!("{}/api/v1/openapi.json", caller.base));
    command.args([
        "--url",
        &caller.base,
        "--header",
        &format!("Authorization: Bearer {}", token.expose_secret()),
    ]);
    command.args([
        "--checks",
        "not_a_server_error",
        "--phases",
        "examples,fuzzing",
        "--workers",
        "1",
        "--no-color",
    ]);
    command.args(["--max-examples", &examples.to_string(), "--request-timeout", "30"]);
    command.args(["--report", "ndjson", "--report-ndjson-path", "report"]);
    command.args(["--generation-deterministic", "--suppress-health-check", "all"]);
    // It has no words for lines of JSON; `lines_of_an_import` has.
    command.args(["--exclude-path", "/api/v1/posts/import"]);
    let output = command.kill_on_drop(true).output().await.unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    asked.add(&folder.path().join("report"))
}

on_both! {
    async fn no_question_to_the_api_ends_in_a_fault(bench) {
        let file = format!("fuzz-{:?}", bench.database()).to_lowercase();
        evidence::forget(&file);
        let examples = rounds("HOLDLINE_FUZZ_EXAMPLES", EXAMPLES);
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let mut asked = Asked::default();
        for token in [&caller.operator, &caller.approver, &caller.administrator] {
            let there = ask(&caller, token, examples, &mut asked).await;
            assert_eq!(asked.0.len(), there, "each operation is asked: {:?}", asked.0);
            let still = caller.http.call(Request::get(&caller.url("/posts")).bearer(token)).await.unwrap();
            assert_eq!(still.status, 200, "the token is good for nothing any more");
        }
        verifies(&caller).await;
        worker.stop().await.unwrap();
        let (operations, accepted) = (asked.0.len(), asked.accepted());
        let least = operations * LEAST_ACCEPTED / 100;
        let figures = json!({
            "checks": ["I4 the exported log is verified against its signed checkpoints afterwards",
                "no answer is a fault of the server (500 or above)"],
            "questions": asked.questions(), "examples": examples, "operations": operations,
            "accepted": accepted, "least_accepted": least,
        });
        eprintln!("{file}: {figures}");
        assert!(accepted >= least, "of {operations} operations {accepted} were done: {:?}", asked.0);
        evidence::write(&file, &figures);
    }

    async fn lines_of_an_import_are_taken_or_refused_and_never_a_fault(bench) {
        let caller = Caller::new(&bench).await;
        let mut runner = TestRunner::deterministic();
        let mut taken = 0;
        for _ in 0..200 {
            let body = lines().new_tree(&mut runner).unwrap().current();
            let asked = Request::post(&format!("{}/api/v1/posts/import", caller.base)).body("application/x-ndjson", body.clone());
            let status = caller.call(asked).await.status;
            assert!(status < 500, "{status} for {:?}", String::from_utf8_lossy(&body));
            taken += usize::from(status < 300);
        }
        assert!(taken > 10, "{taken} of 200 were taken");
        verifies(&caller).await;
    }
}

/// Lines as an import has them, whole, cut, mixed up, with bytes that are no text.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
        Just(r#"{"text":"x"}"#.to_owned()),
        Just(r#"["alpha"]"#.to_owned()),
        Just(r#""2099-01-01T00:00:00Z""#.to_owned()),
        Just("[".repeat(300)),
    ];
    let names = [
        "kind",
        "source",
        "channels",
        "due",
        "labels",
        "recurrence",
        "zone",
        "valid_until",
        "texts",
        "nobody",
    ];
    let field =
        (prop::sample::select(names.to_vec()), value).prop_map(|(name, value)| format!("{name:?}:{value}"));
    let whole = prop::collection::vec(field, 0..5).prop_map(|f| format!("{{{}}}", f.join(",")).into_bytes());
    let routine = Just(br#"{"kind":"routine","channels":["alpha"],"source":{"text":"x"}}"#.to_vec());
    let line = prop_oneof![
        whole.clone(),
        routine,
        any::<Vec<u8>>(),
        (whole, 0..40_usize).prop_map(|(mut l, n)| {
            l.truncate(n);
            l
        })
    ];
    prop::collection::vec(line, 0..6).prop_map(|lines| lines.join(&b'\n'))
}

/// Exports the log and verifies it.
async fn verifies(caller: &Caller) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (code, key, errors) = run(caller, &caller.administrator, &["audit", "key"]).await;
    assert_eq!(code, Some(0), "{errors}");
    std::fs::write(at("key"), key).unwrap();
    let (code, _, errors) =
        run(caller, &caller.administrator, &["audit", "export", "--out", &at("log")]).await;
    assert_eq!(code, Some(0), "{errors}");
    let verify = ["audit", "verify", &at("log"), "--key", &at("key")];
    let (code, out, errors) = run(caller, &caller.administrator, &verify).await;
    assert_eq!(code, Some(0), "{out}{errors}");
}
