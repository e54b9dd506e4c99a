//! Pictures, as SVG made on the server: coloured by the style sheet, and with words for those who
//! cannot see them.

use std::fmt::Write;

use crate::clock::Millis;

/// Text as it may stand in SVG.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Bars side by side: each is what goes out, with what is held on top of it.
pub fn bars(columns: &[(i64, i64)], title: &str) -> String {
    let (width, height, gap) = (10, 48, 2);
    let most = columns.iter().map(|(sent, held)| sent + held).max().unwrap_or(0).max(1);
    let total = columns.len() * (width + gap);
    let mut svg = format!(
        "<svg class=\"bars\" viewBox=\"0 0 {total} {height}\" role=\"img\" preserveAspectRatio=\"none\">\
         <title>{}</title>",
        escaped(title)
    );
    for (n, (sent, held)) in columns.iter().enumerate() {
        let x = n * (width + gap);
        let scaled = |v: i64| if v == 0 { 0 } else { (v * i64::from(height) / most).max(2) };
        let (low, high) = (scaled(*sent), scaled(*held));
        let base = i64::from(height);
        // Nothing is a line at the bottom, so that the hour is seen.
        let _ =
            write!(svg, "<rect class=\"none\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"1\"/>", base - 1);
        let _ = write!(
            svg,
            "<rect class=\"sent\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{low}\"/>",
            base - low
        );
        let _ = write!(
            svg,
            "<rect class=\"held\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{high}\"/>",
            (base - low - high).max(0)
        );
    }
    svg.push_str("</svg>");
    svg
}

/// One bar made of parts, as long as its share of the longest one.
pub fn stack(parts: &[(&str, i64)], longest: i64, title: &str) -> String {
    let mut svg = format!(
        "<svg class=\"stack\" viewBox=\"0 0 100 6\" role=\"img\" preserveAspectRatio=\"none\"><title>{}</title>",
        escaped(title)
    );
    let mut x = 0;
    for (kind, n) in parts.iter().filter(|(_, n)| *n > 0) {
        // Whatever is there is seen.
        let width = (n * 100 / longest.max(1)).clamp(3, 100);
        let _ = write!(svg, "<rect class=\"{kind}\" x=\"{x}\" y=\"0\" width=\"{width}\" height=\"6\"/>");
        x += width;
    }
    svg.push_str("</svg>");
    svg
}

/// A lock: what is held stays in its place.
pub fn lock(title: &str) -> String {
    format!(
        "<svg class=\"lock\" viewBox=\"0 0 16 16\" role=\"img\"><title>{}</title>\
         <path d=\"M5 7V5a3 3 0 0 1 6 0v2\"/><rect x=\"3\" y=\"7\" width=\"10\" height=\"7\" rx=\"1.5\"/></svg>",
        escaped(title)
    )
}

/// A dot: filled, half or empty, so that it is not the colour alone that says it.
pub fn dot(kind: &str, title: &str) -> String {
    let inner = match kind {
        "good" => "<path class=\"mark\" d=\"M5 8.2l2.2 2.3L11.4 6\"/>",
        "bad" => "<path class=\"mark\" d=\"M5.5 5.5l5 5m0-5l-5 5\"/>",
        "wait" => "<path class=\"mark\" d=\"M8 4.6V8l2.4 1.6\"/>",
        _ => "<path class=\"mark\" d=\"M5 8h6\"/>",
    };
    format!(
        "<svg class=\"dot {kind}\" viewBox=\"0 0 16 16\" role=\"img\"><title>{}</title>\
         <circle cx=\"8\" cy=\"8\" r=\"7\"/>{inner}</svg>",
        escaped(title)
    )
}

/// One thing on a line of time.
pub struct Mark {
    pub at: Millis,
    /// `good`, `bad`, `hold` or `none`.
    pub kind: &'static str,
    pub words: String,
}

/// A line of time with marks on it, and the promised next word as a ring.
pub fn timeline(
    from: Millis,
    to: Millis,
    promise: Option<Millis>,
    marks: &[Mark],
    title: &str,
    ends: &(String, String),
) -> String {
    let y = 26;
    let until = to.max(promise.unwrap_or(to));
    let span = (until - from).max(1);
    // A share of the width, with room for a mark at both ends.
    let x = |at: Millis| format!("{:.2}%", 1.5 + (at - from).clamp(0, span) as f64 * 97.0 / span as f64);
    let mut svg = format!(
        "<svg class=\"timeline\" height=\"64\" role=\"img\"><title>{}</title>\
         <line class=\"axis\" x1=\"{start}\" y1=\"{y}\" x2=\"{end}\" y2=\"{y}\"/>\
         <line class=\"past\" x1=\"{start}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/>",
        escaped(title),
        x(to),
        start = x(from),
        end = x(until),
    );
    for m in marks {
        // What failed stands above the line and what worked on it: not the colour alone says it.
        let up = match m.kind {
            "bad" => 14,
            "hold" => -14,
            _ => 0,
        };
        let _ = write!(
            svg,
            "<circle class=\"{}\" cx=\"{}\" cy=\"{}\" r=\"6\"><title>{}</title></circle>",
            m.kind,
            x(m.at),
            y - up,
            escaped(&m.words)
        );
    }
    if let Some(at) = promise {
        let _ = write!(svg, "<circle class=\"promise\" cx=\"{}\" cy=\"{y}\" r=\"8\"/>", x(at));
    }
    let _ = write!(
        svg,
        "<text x=\"0\" y=\"61\">{}</text><text x=\"100%\" y=\"61\" text-anchor=\"end\">{}</text></svg>",
        escaped(&ends.0),
        escaped(&ends.1)
    );
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_pictures_are_escaped() {
        assert!(bars(&[(1, 2), (0, 0)], "<b>&\"").contains("<title>&lt;b&gt;&amp;&quot;</title>"));
        assert!(dot("good", "a<b").contains("a&lt;b") && lock("a<b").contains("a&lt;b"));
        let bar = stack(&[("held", 1), ("planned", 0), ("out", 400)], 401, "<");
        assert!(bar.contains("<title>&lt;</title>") && bar.matches("<rect").count() == 2, "{bar}");
    }
}
