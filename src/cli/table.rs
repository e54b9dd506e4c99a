//! What goes to stdout: lines, tables, JSON.

use comfy_table::{Table, presets};
use serde_json::Value;

/// One line.
#[expect(clippy::print_stdout, reason = "this is the one place that prints results")]
pub fn line(text: &str) {
    println!("{}", text.trim_end());
}

/// A value: as JSON, or as a table of the fields that are named.
pub fn value(value: &Value, json: bool, columns: &[&str]) {
    if json || columns.is_empty() {
        return line(&serde_json::to_string_pretty(value).unwrap_or_default());
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
    // Text from outside must not steer the terminal.
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}
