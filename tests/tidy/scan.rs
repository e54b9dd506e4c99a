//! A small reader of Rust text: enough to find code, paths and functions, no more.

/// The source with comments, strings and character literals blanked. Lines stay where they are.
pub fn code_only(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = end_of_text(&chars, at);
        if end > at {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// Where the comment or literal that begins here ends; `at` itself when none begins here.
fn end_of_text(chars: &[char], at: usize) -> usize {
    let starts = |text: &str| text.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
    if starts("//") {
        return position(chars, at, "\n").unwrap_or(chars.len());
    }
    if starts("/*") {
        return end_of_block_comment(chars, at);
    }
    let after_word = at > 0 && is_word(chars[at - 1]);
    if chars[at] == 'r' && !after_word_but_b(chars, at) {
        let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
        if chars.get(at + 1 + hashes) == Some(&'"') {
            let close = format!("\"{}", "#".repeat(hashes));
            return position(chars, at + 2 + hashes, &close).map_or(chars.len(), |p| p + 1 + hashes);
        }
    }
    match chars[at] {
        '"' => end_of_string(chars, at),
        // A lifetime has no closing quote; a character literal has it after one character or an escape.
        '\'' if !after_word && chars.get(at + 1) == Some(&'\\') => {
            position(chars, at + 3, "'").map_or(chars.len(), |p| p + 1)
        }
        '\'' if chars.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    }
}

/// Whether a word runs into this place, the `b` of a byte string apart.
fn after_word_but_b(chars: &[char], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).map(|i| chars[i]);
    match before(1) {
        Some('b') => before(2).is_some_and(is_word),
        other => other.is_some_and(is_word),
    }
}

fn end_of_block_comment(chars: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut i = at;
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], at: usize) -> usize {
    let mut i = at + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

fn position(chars: &[char], from: usize, text: &str) -> Option<usize> {
    let text: Vec<char> = text.chars().collect();
    (from..chars.len()).find(|i| chars[*i..].starts_with(&text))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A string in the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    pub line: usize,
    /// Its text, escapes read and broken lines joined.
    pub text: String,
    /// What stands before each bracket that is open around it, outermost first: `note`, `tracing::warn!`.
    pub inside: Vec<String>,
}

/// Every string of the source, byte strings apart.
pub fn literals(source: &str) -> Vec<Literal> {
    let chars: Vec<char> = source.chars().collect();
    let mut found = Vec::new();
    let mut inside: Vec<String> = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let end = end_of_text(&chars, at);
        if end > at {
            let raw: String = chars[at..end].iter().collect();
            let is_bytes = at > 0 && chars[at - 1] == 'b';
            if raw.contains('"') && raw.starts_with(['"', 'r']) && !is_bytes {
                found.push(Literal { line, text: unescaped(&raw), inside: inside.clone() });
            }
            line += raw.matches('\n').count();
            at = end;
            continue;
        }
        match chars[at] {
            '\n' => line += 1,
            '(' | '[' | '{' => {
                let is_name = |c: &&char| is_word(**c) || matches!(**c, ':' | '!' | '#');
                let name: String = chars[..at].iter().rev().take_while(is_name).collect();
                inside.push(name.chars().rev().collect());
            }
            ')' | ']' | '}' => drop(inside.pop()),
            _ => {}
        }
        at += 1;
    }
    found
}

/// The text of a string literal as it was written.
fn unescaped(raw: &str) -> String {
    let text = raw.trim_start_matches(['r', '#']).trim_end_matches('#');
    let text = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    if raw.starts_with('r') {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('\n')) => while chars.next_if(|c| c.is_whitespace()).is_some() {},
            ('\\', Some(other)) => out.push(other),
            (other, _) => out.push(other),
        }
    }
    out
}

/// A path in the code, braces spread out: `use a::{b, c::d}` is `a::b` and `a::c::d`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub line: usize,
    pub path: Vec<String>,
    /// Written with `::` in front or in a `use`: the root cannot be a name of this module.
    pub absolute: bool,
}

/// Every path of two or more segments in code without comments (see [`code_only`]).
pub fn paths(code: &str) -> Vec<Found> {
    let chars: Vec<char> = code.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    let mut in_use = false;
    while at < chars.len() {
        if !is_word(chars[at]) {
            in_use &= chars[at] != ';';
            at += 1;
            continue;
        }
        let end = end_of_word(&chars, at);
        let word: String = chars[at..end].iter().collect();
        let lead = before_colons(&chars, at);
        let continues = lead.is_some_and(|c| is_word(c) || c == '>' || c == '$');
        in_use |= word == "use";
        if !continues && is_colons(&chars, end) {
            let line = 1 + chars[..at].iter().filter(|c| **c == '\n').count();
            let mut leaves = Vec::new();
            let stop = spread(&chars, end + 2, vec![word], &mut leaves);
            let absolute = in_use || lead.is_some();
            found.extend(leaves.into_iter().map(|path| Found { line, path, absolute }));
            at = stop.max(end);
        } else {
            at = end;
        }
    }
    found
}

fn end_of_word(chars: &[char], at: usize) -> usize {
    at + chars[at..].iter().take_while(|c| is_word(**c)).count()
}

fn is_colons(chars: &[char], at: usize) -> bool {
    chars.get(at) == Some(&':') && chars.get(at + 1) == Some(&':')
}

/// The character before a `::` that stands right before this place; a space if nothing is there.
fn before_colons(chars: &[char], at: usize) -> Option<char> {
    let colons = at >= 2 && is_colons(chars, at - 2);
    colons.then(|| at.checked_sub(3).map_or(' ', |i| chars[i]))
}

/// Follows a path after its `::`, into braces too. Returns where it ends.
fn spread(chars: &[char], at: usize, path: Vec<String>, leaves: &mut Vec<Vec<String>>) -> usize {
    let mut at = at + chars[at.min(chars.len())..].iter().take_while(|c| c.is_whitespace()).count();
    match chars.get(at) {
        Some('{') => {
            at += 1;
            while at < chars.len() && chars[at] != '}' {
                let before = at;
                if is_word(chars[at]) || chars[at] == '*' {
                    at = spread(chars, at, path.clone(), leaves);
                    // ` as other` belongs to the name before it.
                    at += chars[at..].iter().take_while(|c| !matches!(c, ',' | '}')).count();
                }
                at = at.max(before + usize::from(chars.get(at) != Some(&'}')));
            }
            at + 1
        }
        Some('*') => {
            leaves.push(with(path, "*".into()));
            at + 1
        }
        Some(c) if is_word(*c) => {
            let end = end_of_word(chars, at);
            let path = with(path, chars[at..end].iter().collect());
            if is_colons(chars, end) {
                return spread(chars, end + 2, path, leaves);
            }
            leaves.push(path);
            end
        }
        _ => {
            leaves.push(path);
            at
        }
    }
}

fn with(mut path: Vec<String>, name: String) -> Vec<String> {
    path.push(name);
    path
}

/// Every function with a body: its name and how many lines it takes, from `fn` to the last brace.
pub fn functions(code: &str) -> Vec<(String, usize)> {
    let chars: Vec<char> = code.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = position(&chars, at, "fn ") {
        at = start + 3;
        if start > 0 && is_word(chars[start - 1]) {
            continue;
        }
        let end = end_of_word(&chars, at);
        if end == at {
            continue;
        }
        let name: String = chars[at..end].iter().collect();
        if let Some(close) = end_of_body(&chars, end) {
            let lines = 1 + chars[start..close].iter().filter(|c| **c == '\n').count();
            found.push((name, lines));
        }
    }
    found
}

/// The closing brace of the body of a function whose name ends here; nothing for a declaration.
fn end_of_body(chars: &[char], from: usize) -> Option<usize> {
    let mut depth = 0;
    let mut round = 0;
    for (i, c) in chars.iter().enumerate().skip(from) {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            ';' if depth == 0 && round == 0 => return None,
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 && round == 0 {
                    return Some(i);
                }
            }
            _ => {}
        }
    }
    None
}

#[test]
fn text_is_blanked_and_lines_stay() {
    let source =
        "a // crate::x\n\"crate::\\\"y\" b r#\"z\"\"# c 'd' '\\'' &'e f /* g /* h */ i */ j br\"k\" l";
    let code = code_only(source);
    assert_eq!(code.split_whitespace().collect::<Vec<_>>().join(" "), "a b c &'e f j b l");
    assert_eq!(code.matches('\n').count(), source.matches('\n').count());
}

#[test]
fn literals_are_read_with_what_is_around_them() {
    let source =
        "fn f() { a::b!(\"one \\\"two\\\" \\\n   three\", g(r#\"x\"#)); // \"no\"\n b\"no\"; 'c' }\n\"last\"";
    let found: Vec<_> = literals(source).into_iter().map(|l| (l.line, l.text, l.inside.join(" "))).collect();
    let expected = [(1, "one \"two\" three", "f a::b!"), (2, "x", " a::b! g"), (4, "last", "")];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((line, text, inside), (l, t, i)) in found.iter().zip(expected) {
        assert_eq!((*line, text.as_str()), (l, t));
        assert!(inside.trim_start().ends_with(i.trim_start().trim_start_matches("f ")), "{inside}");
    }
}

#[test]
fn paths_are_spread() {
    let code =
        "use crate::{store::{Tx, posts as p}, clock};\nlet x = ::channels::hash(a); other::channels::no();";
    let found: Vec<_> = paths(code).iter().map(|f| (f.line, f.path.join("::"), f.absolute)).collect();
    let expected = [
        (1, "crate::store::Tx", true),
        (1, "crate::store::posts", true),
        (1, "crate::clock", true),
        (2, "channels::hash", true),
        (2, "other::channels::no", false),
    ];
    assert_eq!(found, expected.map(|(l, p, a)| (l, p.to_owned(), a)));
}

#[test]
fn functions_are_measured() {
    let code =
        "trait T { fn declared(&self) -> [u8; 4]; }\nfn one() { if a { b } }\npub async fn three(\n) {\n}\n";
    assert_eq!(functions(code), [("one".to_owned(), 1), ("three".to_owned(), 3)]);
}
