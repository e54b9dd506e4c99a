//! The templates of a channel for WhatsApp: fixed words at Meta, with one place for those of a post. Pure.

use serde_json::Value;

use crate::Frame;
use crate::frame::PLACE;
use crate::{parts, text};

/// Most characters of a whole message.
pub(super) const MOST: usize = 1_024;
/// Longest name of a template.
const LONGEST_NAME: usize = 512;

/// One template, in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) name: String,
    /// As Meta writes it, such as `en_US`.
    pub(super) language: String,
    /// A picture stands above the text.
    pub(super) has_picture: bool,
    /// The exact text at Meta.
    pub(super) body: String,
    pub(super) frame: Frame,
}

/// The word behind name and language of a template that has a picture.
const PICTURE: &str = "picture";

/// The templates of a setting: a line with name and language, and `picture` if it has one; below it the text, and a line of `---` between two.
///
/// # Errors
/// A sentence that names the setting.
pub(super) fn all(setting: &str) -> Result<Vec<Template>, String> {
    let mut all: Vec<Template> = Vec::new();
    for (n, part) in parts::parts(&text::plain(setting)).iter().enumerate() {
        let template =
            one(part).map_err(|why| format!("the setting templates: template {}: {why}", n + 1))?;
        let same = |other: &Template| {
            tag(&other.language) == tag(&template.language) && other.has_picture == template.has_picture
        };
        if all.iter().any(same) {
            let language = template.language;
            return Err(format!("the setting templates: give one template in {language}, not two"));
        }
        all.push(template);
    }
    if all.is_empty() {
        return Err("the setting templates names no template".to_owned());
    }
    Ok(all)
}

fn one(part: &str) -> Result<Template, String> {
    let (head, body) = part.trim().split_once('\n').unwrap_or((part, ""));
    let words: Vec<&str> = head.split_whitespace().collect();
    let is_name = |name: &str| {
        name.len() <= LONGEST_NAME
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let is_language = |tag: &str| {
        (2..=15).contains(&tag.len()) && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let (name, language, rest) = match words.as_slice() {
        [name, language, rest @ ..] if is_name(name) && is_language(language) => (*name, *language, rest),
        _ => return Err("begin with a line of its name and language, such as crisis_update en_US".to_owned()),
    };
    if !matches!(rest, [] | [PICTURE]) {
        return Err(
            "write nothing behind name and language, or picture where a picture stands above the text"
                .to_owned(),
        );
    }
    let body = text::plain(body);
    if let Some(c) = text::hidden(&body, true) {
        return Err(format!("holds the character {}, which nobody sees; take it out", c.escape_unicode()));
    }
    if text::count(&body, text::Unit::Utf16) > MOST {
        return Err(format!("is longer than {MOST} characters"));
    }
    let frame = Frame::new(&body);
    let frame = frame.ok_or_else(|| {
        format!("write {PLACE} once below that line, where the words of a post go, and no other place")
    })?;
    let has_picture = !rest.is_empty();
    Ok(Template { name: name.to_owned(), language: language.to_owned(), has_picture, body, frame })
}

/// A language as it is compared.
fn tag(language: &str) -> String {
    language.replace('_', "-").to_ascii_lowercase()
}

/// The template for a post in that language, with a picture or without: the one that has this very tag, otherwise the first
/// in that language of any country.
pub(super) fn pick<'a>(all: &'a [Template], language: &str, picture: bool) -> Option<&'a Template> {
    let base = |tag: &str| tag.split('-').next().unwrap_or_default().to_owned();
    let wanted = tag(language);
    let fitting = || all.iter().filter(|template| template.has_picture == picture);
    let same = fitting().find(|template| tag(&template.language) == wanted);
    same.or_else(|| fitting().find(|template| base(&tag(&template.language)) == base(&wanted)))
}

/// Whether a template has a picture.
pub(super) fn takes_pictures(settings: &Value) -> bool {
    all(settings["templates"].as_str().unwrap_or_default()).is_ok_and(|all| all.iter().any(|t| t.has_picture))
}

/// The fixed words around a post in that language.
///
/// # Errors
/// What is wrong with the language of the post, or with the settings.
pub(super) fn frame(settings: &Value, language: &str, picture: bool) -> Result<Frame, String> {
    let all = all(settings["templates"].as_str().unwrap_or_default())?;
    if let Some(template) = pick(&all, language, picture) {
        return Ok(template.frame.clone());
    }
    let fitting = all.iter().filter(|template| template.has_picture == picture);
    let languages: Vec<&str> = fitting.map(|template| template.language.as_str()).collect();
    if languages.is_empty() {
        let none = if picture { NO_PICTURES } else { PICTURES_ONLY };
        return Err(none.to_owned());
    }
    let languages = languages.join(", ");
    if picture {
        return Err(format!(
            "has no template with a picture in this channel; add one that Meta has approved to its settings, leave the \
             picture out, or write in one of: {languages}"
        ));
    }
    Err(format!(
        "has no template in this channel; add one that Meta has approved to its settings, or write in one of: {languages}"
    ))
}

const NO_PICTURES: &str = "has no template with a picture in this channel; add one that Meta has approved to its settings, or \
    leave the picture out";
const PICTURES_ONLY: &str = "has no template without a picture in this channel; add one that Meta has approved to its settings, \
    or a picture to the post";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TWO: &str =
        "crisis_update en_US\r\nBank AG: {{1}}\r\nMore: bank.example\r\n---\r\nkrise de\nBank AG: {{1}} Ende";

    #[test]
    fn a_setting_holds_a_template_in_each_language() {
        let templates = all(TWO).unwrap();
        let first = &templates[0];
        let told = (first.name.as_str(), first.language.as_str(), first.body.as_str());
        assert_eq!(told, ("crisis_update", "en_US", "Bank AG: {{1}}\nMore: bank.example"));
        for (language, name) in [
            ("en-US", Some("crisis_update")),
            ("en", Some("crisis_update")),
            ("en-GB", Some("crisis_update")),
            ("de", Some("krise")),
            ("de-CH", Some("krise")),
            ("fr", None),
            ("d", None),
        ] {
            assert_eq!(pick(&templates, language, false).map(|t| t.name.as_str()), name, "{language}");
        }
        // The very tag goes first.
        let both = all("a pt_BR\n{{1}}!\n---\nb pt_PT\n{{1}}.").unwrap();
        assert_eq!(pick(&both, "pt-PT", false).unwrap().name, "b");
        assert_eq!(pick(&both, "pt", false).unwrap().name, "a");
        assert_eq!(pick(&both, "pt", true), None);
    }

    #[test]
    fn what_is_no_template_says_where() {
        let long = format!("a en\n{{{{1}}}}{}", "x".repeat(1_020));
        for (setting, said) in [
            ("", "template 1: begin with a line"),
            ("---", "names no template"),
            ("Bank AG: {{1}}", "template 1: begin with a line"),
            ("Update en\n{{1}}", "template 1: begin with a line"),
            ("update en-US\n{{1}}", "template 1: begin with a line"),
            ("a en\n{{1}}\n---\nb de\nno place", "template 2: write {{1}} once"),
            ("a en map\n{{1}}", "template 1: write nothing behind name and language"),
            ("a en picture map\n{{1}}", "template 1: write nothing behind name and language"),
            ("a en picture\n{{1}}\n---\nb en picture\n{{1}}", "give one template in en, not two"),
            ("a en\n{{1}} {{2}}", "template 1: write {{1}} once"),
            ("a en", "template 1: write {{1}} once"),
            ("a en\n{{1}}\u{202e}", "template 1: holds the character"),
            ("a en_US\n{{1}}\n---\nb en_us\n{{1}}", "give one template in en_us, not two"),
            (long.as_str(), "template 1: is longer than 1024"),
        ] {
            let error = all(setting).err().unwrap_or_default();
            assert!(
                error.starts_with("the setting templates") && error.contains(said),
                "{setting:?}: {error}"
            );
        }
    }

    #[test]
    fn a_language_without_a_template_says_what_to_do() {
        let settings = json!({ "templates": TWO });
        assert_eq!(frame(&settings, "de", false).unwrap().around("Gut."), "Bank AG: Gut. Ende");
        let error = frame(&settings, "fr", false).unwrap_err();
        assert!(error.ends_with("or write in one of: en_US, de"), "{error}");
        assert!(frame(&json!({}), "en", false).is_err());
    }

    #[test]
    fn a_post_with_a_picture_has_a_template_of_its_own() {
        let with = |more: &str| json!({ "templates": format!("{TWO}{more}") });
        assert_eq!(frame(&with(""), "de", true).unwrap_err(), NO_PICTURES);
        assert!(!takes_pictures(&with("")) && !takes_pictures(&json!({})));
        let settings = with("\n---\nkrise_bild de picture\nBild der Bank AG: {{1}} Ende");
        assert!(takes_pictures(&settings));
        assert_eq!(frame(&settings, "de", true).unwrap().around("Gut."), "Bild der Bank AG: Gut. Ende");
        assert_eq!(frame(&settings, "de", false).unwrap().around("Gut."), "Bank AG: Gut. Ende");
        let error = frame(&settings, "en", true).unwrap_err();
        assert!(error.ends_with("leave the picture out, or write in one of: de"), "{error}");
        let only = json!({ "templates": "a de picture\n{{1}}" });
        assert_eq!(frame(&only, "de", false).unwrap_err(), PICTURES_ONLY);
    }
}
