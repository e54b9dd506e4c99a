//! `tests/evidence.py` writes the page of what was tried: it counts tests that are there, and writes no page where one of
//! them has no result, a part is missing, too little was tried, or something is broken.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn python(words: &[&str]) -> Output {
    let mut command = Command::new("python3");
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).arg("-B").args(words);
    command.output().unwrap()
}

/// The tests that the page counts.
fn counted() -> Vec<String> {
    let said = python(&["evidence.py", "--tests"]);
    assert!(said.status.success(), "{said:?}");
    String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn each_test_that_the_page_counts_is_there() {
    let list = Command::new(std::env::current_exe().unwrap()).arg("--list").output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let there: Vec<_> = list.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    let names = counted();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let of = |test: &&&str| **test == name || test.starts_with(&format!("{name}::"));
        assert!(there.iter().any(|test| of(&test)), "evidence.py counts {name}, and there is no such test");
    }
}

/// Figures of everything, and how the tests ended: a page can be written of it.
struct Figures {
    folder: tempfile::TempDir,
    ends: Vec<(String, &'static str)>,
}

impl Figures {
    fn whole() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ends = counted().into_iter().map(|name| (name, "ok")).collect();
        let figures = Self { folder, ends };
        let bounds = json!({"nodes": 3, "posts": 2, "updates": 1});
        let walk = json!({"states": 5, "steps": 8, "depth": 3, "seconds": 0.5});
        let scenario = json!({"scenario": "freeze", "bounds": bounds, "walk": walk});
        let without = json!({"without": "A", "breaks": "I1", "scenario": "freeze", "walk": walk});
        figures.write("model", &json!({"scenarios": [scenario], "rules": [without], "limits": [without]}));
        figures.write("simulation", &json!({"checks": [], "seeds": {"count": 10_000, "broken": 0}}));
        let names =
            python(&["-c", "import evidence, json; print(json.dumps(list(evidence.faults_in_code())))"]);
        let names: Vec<String> = serde_json::from_slice(&names.stdout).unwrap();
        let (by_tests, by_seeds) = names.split_at(4);
        for (file, names) in [("planted", by_seeds), ("planted-tests", by_tests)] {
            let found: BTreeMap<_, _> = names.iter().map(|name| (name, json!({}))).collect();
            figures.write(file, &json!({"found": found, "missed": []}));
        }
        for name in ["crash", "disk", "killed-postgres", "killed-sqlite", "replica"] {
            figures.write(&format!("disasters-{name}"), &json!({"checks": [], "what": name}));
        }
        let spread = json!({"count": 2, "p50": 3, "p99": 4, "max": 4});
        for name in ["postgres", "sqlite"] {
            figures.write(&format!("kill-{name}"), &json!({"deliveries": 4, "arrived_once": 4}));
            figures.write(
                &format!("fuzz-{name}"),
                &json!({"checks": ["no fault"], "questions": 2_400, "examples": 6, "operations": 90,
                    "accepted": 50, "least_accepted": 36}),
            );
            figures.write(
                &format!("faults-{name}"),
                &json!({"nodes": 3, "deliveries": 4, "arrived_once": 4, "listed": 1, "held": 1,
                    "after_sealed_and_listed": 1, "after_sealed_and_not_listed": 0, "by_fault": {"None": 1},
                    "seconds": 301, "seed": 77, "well": {"committed_to_sealed_ms": spread, "answers_ms": spread},
                    "one_stands_still": {"answers_ms": spread, "sealed": 0, "named": 2}}),
            );
        }
        figures
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.json"))
    }

    fn write(&self, name: &str, value: &Value) {
        std::fs::write(self.file(name), value.to_string()).unwrap();
    }

    /// The same with something else in one place of a file.
    fn with(self, name: &str, place: &str, value: Value) -> Self {
        let mut figures: Value = serde_json::from_slice(&std::fs::read(self.file(name)).unwrap()).unwrap();
        *figures.pointer_mut(place).unwrap() = value;
        self.write(name, &figures);
        self
    }

    fn without(self, name: &str) -> Self {
        std::fs::remove_file(self.file(name)).unwrap();
        self
    }

    /// What a script says that has them as `of`.
    fn run(&self, script: &str) -> Output {
        let lines = self.ends.iter().map(|(name, end)| format!("test {name} ... {end}\n"));
        std::fs::write(self.folder.path().join("tests.log"), lines.collect::<String>()).unwrap();
        let script = format!("import sys, evidence; of = evidence.Results(sys.argv[1]); {script}");
        python(&["-c", &script, &self.folder.path().display().to_string()])
    }

    /// Why no page is written of them; nothing if one is.
    fn refused(&self) -> String {
        let said = self.run("evidence.refuse(of)");
        let errors = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.success(), errors.is_empty(), "{errors}");
        assert!(errors.is_empty() || errors.starts_with("no page is written: "), "{errors}");
        errors
    }
}

#[test]
fn no_page_is_written_of_what_is_broken_or_did_not_run() {
    let mut whole = Figures::whole();
    assert_eq!(whole.refused(), "");
    let name = whole.ends[3].0.clone();
    whole.ends[3].1 = "FAILED";
    assert!(whole.refused().contains(&format!("the test {name} failed")), "{}", whole.refused());
    whole.ends.remove(3);
    assert!(whole.refused().contains(&format!("no result of the test {name}")), "{}", whole.refused());
    let broken = [
        ("kill-sqlite", "/arrived_once", json!(3), "kills of sqlite: not each delivery arrived once"),
        ("faults-postgres", "/arrived_once", json!(3), "rounds of postgres: not each delivery arrived once"),
        ("faults-sqlite", "/after_sealed_and_not_listed", json!(1), "something came after SEALED"),
        ("faults-postgres", "/one_stands_still/answers_ms/max", json!(2_001), "was answered after 2001 ms"),
        ("fuzz-sqlite", "/accepted", json!(35), "35 operations were done, and 36 are the least"),
        ("planted", "/missed", json!(["ThawFloods"]), "the planted fault ThawFloods was not found"),
        ("simulation", "/seeds/broken", json!(1), "1 seeds of the simulation are broken"),
    ];
    for (file, place, value, why) in broken {
        let errors = Figures::whole().with(file, place, value).refused();
        assert!(errors.contains(why), "{file}{place}: {errors}");
    }
}

#[test]
fn no_page_is_written_of_which_a_part_is_missing() {
    let parts = [
        ("model", "there is no result of the model"),
        ("simulation", "there is no result of the simulation"),
        ("planted", "there is no result of planted faults in the simulation"),
        ("planted-tests", "there is no result of planted faults in tests"),
        ("faults-postgres", "there is no result of rounds of faults on postgres"),
        ("faults-sqlite", "there is no result of rounds of faults on sqlite"),
        ("kill-postgres", "there is no result of kills on postgres"),
        ("kill-sqlite", "there is no result of kills on sqlite"),
        ("fuzz-postgres", "there is no result of fuzz on postgres"),
        ("fuzz-sqlite", "there is no result of fuzz on sqlite"),
        ("disasters-replica", "there is no result of the disaster replica"),
        ("disasters-killed-sqlite", "there is no result of the disaster killed-sqlite"),
    ];
    for (file, why) in parts {
        let errors = Figures::whole().without(file).refused();
        assert!(errors.contains(why), "{file}: {errors}");
    }
    let mut nothing_ran = Figures::whole();
    nothing_ran.ends.clear();
    let errors = nothing_ran.refused();
    assert!(errors.contains("there is no result of the tests"), "{errors}");
}

#[test]
fn no_page_is_written_of_too_little() {
    let little = [
        ("simulation", "/seeds/count", json!(9_999), "9,999 seeds of the simulation were played"),
        ("planted", "/found", json!({"ThawFloods": {}}), "5 planted faults were found, and 30 are the least"),
        ("planted-tests", "/found", json!({}), "the planted fault GateForgetsFreezes was not tried"),
        ("faults-sqlite", "/well", json!({}), "rounds of sqlite: there are no times of a freeze"),
        ("faults-postgres", "/well/answers_ms", json!(null), "rounds of postgres: there are no times of a"),
        ("faults-postgres", "/one_stands_still", json!(null), "of a freeze while one node stands still"),
        ("model", "/scenarios/0/bounds/posts", json!(1), "the scenario freeze of the model has 1 posts"),
        ("model", "/rules", json!([]), "the model has no rules"),
    ];
    for (file, place, value, why) in little {
        let errors = Figures::whole().with(file, place, value).refused();
        assert!(errors.contains(why), "{file}{place}: {errors}");
    }
}

#[test]
fn the_page_has_the_figures() {
    let parts = "print(*evidence.modelled(of.model), *evidence.rounds(of.faults), *evidence.questions(of.fuzz), sep='\\n')";
    let said = Figures::whole().run(parts);
    let page = String::from_utf8(said.stdout).unwrap();
    let rows = [
        "| scenario | nodes | posts | updates | states | steps | depth | seconds |",
        "| freeze | 3 | 2 | 1 | 5 | 8 | 3 | 0.5 |",
        "The rounds took 301 seconds; their moments are those of the seed 77",
        "| sqlite | no fault | 2,400 | 6 | 50 of 90 | 36 |",
    ];
    for row in rows {
        assert!(page.contains(row), "{row}: {page}{}", String::from_utf8_lossy(&said.stderr));
    }
}
