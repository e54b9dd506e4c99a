//! The second verifier of the audit log, `tests/verify_audit.py`, run over many exports at once.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::programs::programs;

/// One export to verify.
#[derive(Debug)]
pub struct Job {
    pub folder: PathBuf,
    pub key: String,
    pub kept: Option<PathBuf>,
}

/// The findings for each job, in order; none for a clean export.
pub fn verify_all(jobs: &[Job]) -> Vec<Option<String>> {
    let mut lines = String::new();
    for job in jobs {
        lines += &format!("'{}' --key '{}'", job.folder.display(), job.key);
        if let Some(kept) = &job.kept {
            lines += &format!(" --checkpoint '{}'", kept.display());
        }
        lines.push('\n');
    }
    let (status, out) = run(&["--batch"], lines);
    let verdicts: Vec<_> = out.lines().zip(jobs).map(|(line, job)| verdict(line, &job.folder)).collect();
    assert_eq!(verdicts.len(), jobs.len(), "one verdict for each export");
    let found = verdicts.iter().any(Option::is_some);
    assert_eq!(status, i32::from(found), "the status is 1 when something was found");
    verdicts
}

fn verdict(line: &str, folder: &Path) -> Option<String> {
    let parts: Vec<_> = line.splitn(3, '\t').collect();
    let [word, of, findings] = parts[..] else { panic!("no verdict: {line}") };
    assert_eq!(Path::new(of), folder, "the verdicts are in order");
    match word {
        "clean" => None,
        "found" if !findings.is_empty() => Some(findings.to_owned()),
        _ => panic!("no verdict: {line}"),
    }
}

/// Its status and standard output. What it says on standard error is shown.
pub fn run(words: &[&str], input: String) -> (i32, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify_audit.py");
    let mut child = Command::new(interpreter())
        .arg(script)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let status = output.status.code().expect("the verifier ends by itself");
    (status, String::from_utf8(output.stdout).unwrap())
}

/// The Python that `tests/peers/audit/install.sh` set up.
fn interpreter() -> PathBuf {
    let python = programs().join("audit-venv/bin/python");
    assert!(
        python.exists(),
        "{} is not there: install it with `bash tests/peers/audit/install.sh`",
        python.display()
    );
    python
}
