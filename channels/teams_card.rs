//! A post as a card of Teams: so that it shows what was approved, and nothing more. Pure.
//!
//! The text of a `TextBlock` is Markdown there. The text of a `TextRun` is not
//! (<https://learn.microsoft.com/adaptive-cards/schema-explorer/text-run>), so all text goes out in these.
//! In either, `{{DATE(…)}}` and `{{TIME(…)}}` are times, so the two brackets stand in two runs. A web address
//! is shown as it is; some versions of Teams did not open it, or gave it a line of its own. There is no
//! `fallbackText`, which would be Markdown again: Teams shows cards of this version everywhere.

use serde_json::{Value, json};

use crate::Rendition;
use crate::text::{self, Span};

/// Most paragraphs, and most links that open: each takes room in the call, which may have 28 KB. What is
/// beyond is shown all the same, on lines of the last paragraph, and as addresses.
const PARAGRAPHS: usize = 40;
const LINKS: usize = 10;

/// The most that a call may hold.
pub(super) const MOST: usize = 28 * 1_024;
/// The longest address of a picture that is reckoned with before it is known.
pub(super) const LONGEST_URL: usize = 400;

/// The call's content: one card, with its pictures at these addresses.
pub(super) fn content(post: &Rendition, pictures: &[String]) -> Value {
    let title = post.title.iter().flat_map(|title| parts(title));
    let title: Vec<Value> = title
        .map(|part| json!({ "type": "TextRun", "text": part, "weight": "Bolder", "size": "Medium" }))
        .collect();
    let mut body = Vec::new();
    if !title.is_empty() {
        body.push(block(title));
    }
    let mut links = 0;
    body.extend(paragraphs(&post.text).iter().map(|text| block(runs(text, &mut links))));
    let shown = post.media.iter().zip(pictures);
    body.extend(shown.map(|(picture, url)| json!({ "type": "Image", "url": url, "altText": picture.alt })));
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "lang": post.language,
        "body": body,
    });
    let contents = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": card });
    json!({ "type": "message", "attachments": [contents] })
}

fn block(runs: Vec<Value>) -> Value {
    json!({ "type": "RichTextBlock", "inlines": runs })
}

/// Each line is a paragraph, because not every program shows a break inside of one.
fn paragraphs(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let (first, rest) = lines.split_at(lines.len().min(PARAGRAPHS - 1));
    let mut out: Vec<String> = first.iter().map(|line| (*line).to_owned()).collect();
    if !rest.is_empty() {
        out.push(rest.join("\n"));
    }
    out
}

/// A paragraph in runs: its links, and what is between them.
fn runs(text: &str, links: &mut usize) -> Vec<Value> {
    let mut out = Vec::new();
    for span in text::spans(text) {
        match span {
            Span::Link(url) if *links < LINKS => {
                *links += 1;
                let open = json!({ "type": "Action.OpenUrl", "url": url });
                out.push(json!({ "type": "TextRun", "text": url, "selectAction": open }));
            }
            Span::Link(words) | Span::Plain(words) => {
                out.extend(parts(words).map(|part| json!({ "type": "TextRun", "text": part })));
            }
        }
    }
    out
}

/// The text in parts of which none holds a function.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let begins = move |at: usize| ["{DATE(", "{TIME("].iter().any(|f| text[at + 1..].starts_with(f));
    let mut rest = text.match_indices('{').map(|(at, _)| at + 1).filter(move |at| begins(at - 1));
    let mut from = Some(0);
    std::iter::from_fn(move || {
        let start = from?;
        from = rest.next();
        Some(&text[start..from.unwrap_or(text.len())])
    })
    .filter(|part| !part.is_empty())
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::MediaRef;
    use crate::teams::{ADAPTER, TOO_LARGE};

    /// What a program makes of a text that can hold functions and, if it is Markdown, marks.
    fn rendered(text: &str, markdown: bool) -> String {
        let mut out = text.replace("{{DATE(", "<date>").replace("{{TIME(", "<time>");
        if markdown {
            out = out.replace(['*', '_', '\\'], "");
            for mark in ["- ", "1. "] {
                out = out.lines().map(|l| l.trim_start_matches(mark)).collect::<Vec<_>>().join("\n");
            }
            while let Some((before, rest)) = out.split_once('[') {
                let Some((words, after)) = rest.split_once("](") else { break };
                let (before, words) = (before.to_owned(), words.to_owned());
                let after = after.split_once(')').map_or("", |(_, a)| a).to_owned();
                out = before + &words + &after;
            }
        }
        out
    }

    /// What the card shows, one paragraph and one picture after the other; an error says what no card may hold.
    pub fn shown(sent: &Value) -> Result<Vec<String>, String> {
        let [one] = sent["attachments"].as_array().unwrap().as_slice() else {
            return Err("not one card".into());
        };
        let card = &one["content"];
        let right = sent["type"] == "message"
            && one["contentType"] == "application/vnd.microsoft.card.adaptive"
            && card["type"] == "AdaptiveCard"
            && card["version"] == "1.2"
            && card["fallbackText"].is_null();
        let body = card["body"].as_array().filter(|b| right && !b.is_empty()).ok_or("the card")?;
        let run = |run: &Value| -> Result<String, String> {
            let text = run["text"].as_str().filter(|t| !t.is_empty()).ok_or("an empty run")?;
            let action = &run["selectAction"];
            let opens = action.is_null() || (action["type"] == "Action.OpenUrl" && action["url"] == *text);
            if run["type"] != "TextRun" || !opens {
                return Err(format!("a run: {run}"));
            }
            Ok(rendered(text, false))
        };
        let block = |block: &Value| -> Result<String, String> {
            match block["type"].as_str() {
                Some("RichTextBlock") => {
                    block["inlines"].as_array().ok_or("no runs")?.iter().map(run).collect()
                }
                Some("Image") => {
                    let (url, alt) = (block["url"].as_str(), block["altText"].as_str());
                    let both = url.filter(|u| u.starts_with("http")).zip(alt.filter(|a| !a.is_empty()));
                    let (url, alt) =
                        both.filter(|_| block.as_object().is_some_and(|b| b.len() == 3)).ok_or("an image")?;
                    Ok(format!("{alt} <{url}>"))
                }
                Some("TextBlock") => Ok(rendered(block["text"].as_str().unwrap_or_default(), true)),
                _ => Err(format!("a block: {block}")),
            }
        };
        body.iter().map(block).collect()
    }

    proptest! {
        #[test]
        fn what_the_limits_allow_fits_into_a_call_and_is_shown(
            part in "([\"\\\\\n*_]|a\n|\\[a\\]\\(https://b\\.example\\)|\\{\\{DATE\\(|\\{\\{\\{TIME\\(|- a\n|1\\. b\n|http://a\u{a0}b\n|https://a.example/c |http://a.example\n|é|\u{1f468}|\\PC){1,40}",
            title in "([\"\\\\\u{1f468}*_]|\\{\\{DATE\\(){0,28}",
        ) {
            let most = ADAPTER.limits.text_bytes.unwrap();
            let mut text = part.repeat(most / part.len());
            text.push('x');
            text.truncate(text.floor_char_boundary(most));
            let title = Some(title).filter(|t| !t.is_empty());
            let post = Rendition { title, text, more: Vec::new(), language: "en".into(), media: Vec::new() };
            prop_assume!(text::check(&post, &ADAPTER.limits).is_empty());
            let sent = content(&post, &[]);
            prop_assert!(sent.to_string().len() <= MOST, "{} bytes", sent.to_string().len());
            let plain = |t: &str| t.replace(char::is_whitespace, "");
            let whole = format!("{}{}", post.title.as_deref().unwrap_or_default(), post.text);
            prop_assert_eq!(plain(&shown(&sent).unwrap().concat()), plain(&whole));
        }
    }

    #[test]
    fn marks_and_functions_are_text() {
        let text = "*a* _b_ [c](https://evil.example)\n- d\n1. e\nAt {{DATE(2026-02-14T06:00:00Z)}} \\*";
        let post = Rendition {
            title: Some("**T** {{TIME(x)}}".into()),
            text: text.into(),
            more: Vec::new(),
            language: "en".into(),
            media: Vec::new(),
        };
        let lines: Vec<&str> = std::iter::once("**T** {{TIME(x)}}").chain(text.lines()).collect();
        assert_eq!(shown(&content(&post, &[])).unwrap(), lines);
    }

    #[test]
    fn what_is_beyond_is_shown_all_the_same() {
        let text = "https://a.example/c\n".repeat(PARAGRAPHS + 5);
        let post = Rendition {
            title: None,
            text: text.clone(),
            more: Vec::new(),
            language: "en".into(),
            media: Vec::new(),
        };
        let sent = content(&post, &[]);
        let shown = shown(&sent).unwrap();
        assert_eq!((shown.len(), shown.join("\n")), (PARAGRAPHS, text.trim_end().to_owned()));
        assert_eq!(sent.to_string().matches("Action.OpenUrl").count(), LINKS);
    }

    #[test]
    fn pictures_fit_beside_a_usual_text_of_the_greatest_length_and_what_does_not_fit_is_told() {
        let picture = |alt: String| MediaRef { sha256: String::new(), mime: "image/png".into(), alt };
        let post = |text: String, alt: &str| Rendition {
            title: Some("T".repeat(200)),
            text,
            more: Vec::new(),
            language: "en".into(),
            media: vec![picture(alt.repeat(500)); 4],
        };
        let (limits, most) = (&ADAPTER.limits, ADAPTER.limits.text_bytes.unwrap());
        let said = |post: &Rendition| -> Vec<String> {
            text::check(post, limits).into_iter().map(|p| format!("{} {}", p.field, p.message)).collect()
        };
        let mut usual = "Cards fail, and cash is paid out.\nSee https://bank.example/now\n".repeat(100);
        usual.truncate(most);
        for alt in ["a", "\"", "\u{1f468}"] {
            let usual = post(usual.clone(), alt);
            assert_eq!(said(&usual), Vec::<String>::new(), "{alt}");
            let sent = content(&usual, &vec!["u".repeat(LONGEST_URL); 4]).to_string();
            assert!(sent.len() <= MOST, "{} bytes", sent.len());
        }
        let mut odd = "{{DATE(".repeat(600);
        odd.truncate(most);
        let odd = post(odd, "\u{1f468}");
        assert_eq!(said(&odd), [format!("media {TOO_LARGE}")]);
        assert_eq!(
            said(&Rendition { media: Vec::new(), ..odd }),
            Vec::<String>::new(),
            "the text alone fits"
        );
    }
}
