//! What goes to stdout: lines, tables, JSON.

use std::io::Write;

use channels::text::turns;
use comfy_table::{Table, presets};
use serde_json::Value;

/// One line, or a text of several. What could steer the terminal is shown by its number, so that
/// an approver reads what will be sent.
pub fn line(text: &str) {
    out(&visible(text));
}

/// The text with every character that a terminal obeys written out.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            c if c.is_control() || turns(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Writes to stdout. A reader that has seen enough, such as `head`, ends the command in silence.
fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush());
    if written.is_err() {
        // As a program that the pipe's signal ends: 128 + 13.
        std::process::exit(141);
    }
}

/// A value: as JSON, or as a table of the fields that are named.
pub fn value(value: &Value, json: bool, columns: &[&str]) {
    if json || columns.is_empty() {
        return out(&serde_json::to_string_pretty(value).unwrap_or_default());
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(columns.iter().copied());
    let rows = match value {
        Value::Array(rows) => rows.clone(),
        one => vec![one.clone()],
    };
    for row in &rows {
        table.add_row(columns.iter().map(|c| cell(row.pointer(&format!("/{}", c.replace('.', "/"))))));
    }
    line(&table.to_string());
    if rows.is_empty() {
        line("(none)");
    }
}

fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => list.iter().map(|v| cell(Some(v))).collect::<Vec<_>>().join(", "),
        Some(other) => other.to_string(),
    };
    visible(&text.replace(['\r', '\n', '\t'], " ")).chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_steer_the_terminal_of_who_approves_it() {
        let text = "We pay\r\nnothing\u{1b}[2K\rback\u{9b}1G \u{202e}yas";
        assert_eq!(visible(text), "We pay\nnothing\\u{1b}[2K\\u{d}back\\u{9b}1G \\u{202e}yas");
        assert_eq!(cell(Some(&Value::from("a\nb\u{1b}c"))), "a b\\u{1b}c");
    }
}
