//! What the service says to people has its French (`src/web/console/locales/fr/sentences.txt`).

use std::collections::BTreeSet;

use super::File;
use super::scan::{Literal, literals};

/// Where sentences are made that people read in the console.
pub const MADE_IN: &[&str] = &[
    "src/app",
    "src/domain",
    "src/worker",
    "src/audit_export.rs",
    "src/web/console",
    "src/web/errors.rs",
    "channels",
];

/// Files whose strings need no French.
const NOT_THESE: &[(&str, &str)] = &[
    ("src/app/bounces.rs", "answers to mail servers, over the API"),
    ("src/app/reports.rs", "answers to networks, over the API"),
    ("src/app/heard.rs", "answers to monitoring systems, over the API"),
    ("src/app/shares.rs", "answers to monitoring systems, over the API"),
    ("src/domain/alertmanager.rs", "answers to monitoring systems, over the API"),
    ("src/app/key_file.rs", "the API and the command line exchange keys"),
    ("src/app/key_lines.rs", "the API and the command line exchange keys"),
    ("src/app/key_ring.rs", "the API and the command line exchange keys"),
    ("src/app/keys.rs", "the API and the command line exchange keys"),
    ("src/app/letters.rs", "mails, written in both languages"),
    ("src/app/rotation.rs", "the API and the command line exchange keys"),
    ("src/web/console/matrix.rs", "a picture, whose words come from the locales"),
    ("src/web/console/pictures.rs", "pictures, whose words come in"),
    ("src/web/console/assets.rs", "headers of files"),
    ("src/web/console/checks.rs", "it reads sentences and makes none"),
    ("src/web/errors.rs", "answers of the API"),
    ("src/worker/timer.rs", "names of jobs, for the technical log"),
    ("src/worker/marks.rs", "the node's own file; its errors go to the technical log"),
    ("channels/email_bounces.rs", "answers to mail servers, over the API"),
    ("channels/strict.rs", "what adapters are tested with"),
    ("channels/strict_changes.rs", "what adapters are tested with"),
    ("channels/strict_threads.rs", "what adapters are tested with"),
    ("channels/strict_trials.rs", "what adapters are tested with"),
    ("channels/suite.rs", "what every adapter is tested with"),
    ("channels/planner_trials.rs", "what planners are tested with"),
    ("channels/schedule_trials.rs", "what schedules are tested with"),
    ("channels/buffer_queries.rs", "what Buffer's API is asked"),
    ("channels/bluesky_server.rs", "a Bluesky for tests"),
    ("channels/buffer_server.rs", "a Buffer for tests"),
    ("channels/discord_bot_server.rs", "a Discord for tests"),
    ("channels/discord_server.rs", "a Discord for tests"),
    ("channels/email_server.rs", "a mail server for tests"),
    ("channels/facebook_schedule_server.rs", "the schedule of a Facebook for tests"),
    ("channels/facebook_server.rs", "a Facebook for tests"),
    ("channels/mastodon_schedule_server.rs", "the schedule of a Mastodon account for tests"),
    ("channels/form.rs", "the form of an upload"),
    ("channels/ghost_post.rs", "the page that Ghost gets"),
    ("channels/ghost_site.rs", "a Ghost for tests"),
    ("channels/graph_pictures_server.rs", "where Meta's APIs fetch pictures for tests"),
    ("channels/graph_server.rs", "what Meta's APIs for tests share"),
    ("channels/hootsuite_server.rs", "a Hootsuite for tests"),
    ("channels/oauth_server.rs", "a network where access is granted, for tests"),
    ("channels/oauth_server_answers.rs", "what it answers"),
    ("channels/mixpost_server.rs", "a Mixpost for tests"),
    ("channels/html.rs", "pages that networks get"),
    ("channels/graph_server.rs", "what the stand-ins for Meta's networks share"),
    ("channels/instagram_server.rs", "an Instagram for tests"),
    ("channels/linkedin_server.rs", "a LinkedIn for tests"),
    ("channels/mastodon_names.rs", "top-level domains"),
    ("channels/mastodon_server.rs", "a Mastodon for tests"),
    ("channels/matrix_event.rs", "the message that Matrix gets"),
    ("channels/matrix_server.rs", "a homeserver for tests"),
    ("channels/slack_server.rs", "a Slack for tests"),
    ("channels/sms_server.rs", "a Twilio for tests"),
    ("channels/webhook_receiver.rs", "a receiver for tests"),
    ("channels/sms_text.rs", "an alphabet"),
    ("channels/telegram_server.rs", "a Telegram for tests"),
    ("channels/threads_server.rs", "a Threads for tests"),
    ("channels/whatsapp_server.rs", "a WhatsApp for tests"),
    ("channels/wordpress_page.rs", "the page that WordPress gets"),
    ("channels/wordpress_site.rs", "a WordPress for tests"),
    ("channels/x_emoji.rs", "emoji"),
    ("channels/x_names.rs", "top-level domains"),
    ("channels/x_ads_server.rs", "an X Ads for tests"),
    ("channels/x_server.rs", "an X for tests"),
];

/// Single strings that nobody reads in the console: file, beginning, reason.
pub const NOT_SAID: &[(&str, &str, &str)] = &[
    ("channels/discord_post.rs", "DiscordBot (", "a header"),
    ("channels/http.rs", ": the answer is longer than", "it reads the sentence"),
    ("channels/linkedin_answers.rs", "DAY limit", "it reads the answer"),
    ("channels/linkedin_answers.rs", "duplicate of", "it reads the answer"),
    ("channels/facebook.rs", "text/plain;", "a header"),
    ("channels/mastodon_media.rs", "text/plain;", "a header"),
    ("channels/whatsapp_picture.rs", "text/plain;", "a header"),
    ("channels/message.rs", "(no host)", "stands for an address that cannot be read"),
    ("channels/message.rs", "Answer(", "for the technical log"),
    ("channels/slack.rs", "application/json", "a header"),
    ("channels/teams.rs", "http error", "it reads the answer"),
    ("channels/telegram_answers.rs", "bad request:", "it reads the answer"),
    ("channels/telegram_answers.rs", "chat not found", "it reads the answer"),
    ("channels/telegram_answers.rs", "failed to send message", "it reads the answer"),
    ("channels/telegram_answers.rs", "group send failed", "it reads the answer"),
    ("channels/telegram_answers.rs", "have no rights", "it reads the answer"),
    ("channels/telegram_answers.rs", "need administrator rights", "it reads the answer"),
    ("channels/telegram_answers.rs", "not enough rights", "it reads the answer"),
    ("channels/telegram_pin.rs", "message to unpin", "it reads the answer"),
    ("channels/x_answers.rs", "duplicate content", "it reads the answer"),
    ("src/app/actor.rs", "the service", "a name in the audit log, which stays English"),
    ("src/app/channels.rs", "the credential", "it reads the sentence"),
    ("src/app/access/other_account.rs", "the channel's credential ", "it finds what waits for that reason"),
    ("src/app/audit.rs", "the log has", "the API alone asks for a size"),
    ("src/app/import.rs", "", "the API and the command line import"),
    ("src/app/invitations.rs", "no administrator has", "the command line recovers an administrator"),
    ("src/app/logins.rs", "offered second factor", "a label that is hashed"),
    ("src/app/logins.rs", "second factor:", "a label that is sealed with"),
    ("src/app/nodes.rs", "this node ", "the answer of /ready"),
    ("src/app/nodes.rs", "ready, epoch", "the answer of /ready"),
    ("src/app/fetching.rs", "pictures that networks fetch", "what a key is derived for"),
    ("src/app/access/of_others.rs", "credentials of other accounts", "what a key is derived for"),
    ("src/app/channel_notices.rs", "", "kept with a mail, and shown to nobody"),
    ("src/app/notices.rs", "", "kept with a mail, and shown to nobody"),
    ("src/app/renditions.rs", "EXERCISE", "part of a post"),
    ("src/app/repeats.rs", "", "the header Idempotency-Key, which only the API knows"),
    ("src/app/series.rs", "it", "notes of the audit log"),
    ("src/app/staging.rs", "the import rested", "the API and the command line import"),
    ("channels/telegram_post.rs", "text/plain;", "a header"),
    ("src/audit_export.rs", "{} is not empty", "the command line exports into a folder"),
    ("src/domain/times.rs", "%Y", "a form of times"),
    ("channels/mixpost_post.rs", "%Y", "a form of times"),
    ("src/web/console/audit.rs", "attachment;", "a header"),
    ("src/web/console/posts.rs", "private, max-age", "a header"),
    ("src/web/console/sign_in.rs", "too many", "it reads the sentence"),
    ("src/web/console/visit.rs", "default-src", "a header"),
    ("src/web/console/visit.rs", "holdline form", "a label that is hashed"),
    ("src/web/console/visit.rs", "{}={};", "a header"),
];

/// What a string is part of when nobody reads it in the console: the technical log, our own mistakes,
/// notes in the audit log (which stays English), hashed labels.
const NOT_INSIDE: &[&str] = &[
    "expect",
    "note",
    "AppError::Internal",
    "Internal",
    "panic!",
    "assert!",
    "compile_error!",
    "update",
    "derive",
    "header",
    "query_as",
];

/// English sentences without French, French ones without a source, and exceptions without use.
pub fn check(files: &[File], known: &BTreeSet<String>, not_said: &[(&str, &str, &str)]) -> Vec<String> {
    let mut findings = Vec::new();
    let (mut all, mut used) = (BTreeSet::new(), BTreeSet::new());
    for file in files.iter().filter(|f| f.is_rust() && !f.path.ends_with("_tests.rs")) {
        let demands = NOT_THESE.iter().all(|(path, _)| *path != file.path);
        for literal in literals(without_tests(&file.text)) {
            let form = form(&literal.text);
            let excepted =
                not_said.iter().position(|(path, start, _)| file.path == *path && form.starts_with(start));
            if demands && is_said(&literal, &form) && !known.contains(&form) {
                match excepted {
                    Some(n) => drop(used.insert(n)),
                    None => findings.push(format!("{}:{}: no French for `{form}`", file.path, literal.line)),
                }
            }
            all.insert(form);
        }
    }
    let is_made = |s: &String| {
        let joined = |at: usize| all.contains(&s[..at]) && all.contains(&s[at + 2..]);
        all.contains(s) || !s.contains(char::is_alphabetic) || s.match_indices(". ").any(|(at, _)| joined(at))
    };
    findings.extend(known.iter().filter(|s| !is_made(s)).map(|s| format!("nothing says `{s}` any more")));
    let left = not_said.iter().enumerate().filter(|(n, _)| !used.contains(n));
    findings.extend(left.map(|(_, (path, start, _))| format!("{path}: `{start}` needs no exception")));
    findings
}

/// Tests stand at the end of a file. Others can use what theirs hold.
fn without_tests(text: &str) -> &str {
    let begins = ["", "pub(crate) ", "pub(super) "].map(|seen| format!("\n#[cfg(test)]\n{seen}mod tests {{"));
    let at = begins.iter().filter_map(|begin| text.find(begin.as_str())).min();
    at.map_or(text, |at| &text[..at])
}

/// The string with `{}` for whatever is placed in it.
fn form(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('{') {
        let (_, after) = tail.split_once('}').unwrap_or(("", tail));
        out.push_str(before);
        out.push_str("{}");
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether people can read it: two words at least, or the name of what is not found.
fn is_said(literal: &Literal, form: &str) -> bool {
    let inside = |name: &str| literal.inside.iter().any(|i| i == name);
    let silent =
        NOT_INSIDE.iter().any(|n| inside(n)) || literal.inside.iter().any(|i| i.starts_with("tracing::"));
    let attribute = inside("#") && !inside("error");
    if silent || attribute {
        return false;
    }
    let words = form.split(' ').filter(|w| w.chars().filter(|c| c.is_alphabetic()).count() >= 2);
    literal.inside.last().is_some_and(|i| i.ends_with("not_found")) || words.count() >= 2
}

#[cfg(test)]
fn found(text: &str, known: &[&str], not_said: &[(&str, &str, &str)]) -> Vec<String> {
    let file = File { path: "src/app/a.rs".into(), text: text.into() };
    check(&[file], &known.iter().map(|s| (*s).to_owned()).collect(), not_said)
}

#[test]
fn a_sentence_without_french_is_found() {
    let code = "fn f() { Err(AppError::Conflict(format!(\"this is {}; do {that} \\\n   instead\", x))) }";
    assert_eq!(found(code, &[], &[]), ["src/app/a.rs:1: no French for `this is {}; do {} instead`"]);
    assert!(found(code, &["this is {}; do {} instead"], &[]).is_empty());
    assert_eq!(found("fn f() { AppError::not_found(\"thing\", id) }", &[], &[]).len(), 1);
    assert_eq!(found("#[error(\"it is shut\")]\nstruct A;", &[], &[]).len(), 1);
}

#[test]
fn french_that_nothing_needs_is_found() {
    assert_eq!(found("", &["this is gone"], &[]), ["nothing says `this is gone` any more"]);
    assert_eq!(found("", &["{}: {}"], &[]), Vec::<String>::new());
    assert_eq!(found("f(\"a b\"); f(\"c d\");", &["a b", "c d", "a b. c d"], &[]), Vec::<String>::new());
}

#[test]
fn exceptions_are_used_or_found() {
    let exception: &[_] = &[("src/app/a.rs", "only for", "the command line says it")];
    assert!(found("f(\"only for the shell\")", &[], exception).is_empty());
    assert_eq!(found("", &[], exception), ["src/app/a.rs: `only for` needs no exception"]);
}

#[test]
fn what_nobody_reads_in_the_console_needs_no_french() {
    for code in [
        "tracing::warn!(error = %e, \"a thing broke\");",
        "x.expect(\"it always works\");",
        "Err(AppError::Internal(format!(\"a bad row: {e}\")))",
        "entry.note(\"by the clock\")",
        "#[expect(dead_code, reason = \"held for later\")]\nstruct A;",
        "fn f() {}\n#[cfg(test)]\nmod tests {\n f(\"not at all\") }",
    ] {
        assert_eq!(found(code, &[], &[]), Vec::<String>::new(), "{code}");
    }
}
