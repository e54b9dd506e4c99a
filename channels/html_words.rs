//! What readers get of a page of HTML. Systems that keep pages write them anew (Ghost takes `&#91;` for `[`, and adds
//! `ref=` to the addresses of links; WordPress writes `&#091;`), so this is what is compared: the words, where
//! links lead, the words of pictures, and that there is a picture, a film or a part of another site. Pure.

use url::Url;

use crate::html::unescape;

/// What readers get of the HTML, in its order.
pub(crate) fn words(html: &str) -> Vec<String> {
    let (mut out, mut rest) = (Vec::new(), html);
    while let Some(at) = rest.find('<') {
        out.extend(spaced(&rest[..at]));
        let tag = &rest[at..];
        let end = if tag.starts_with("<!--") { tag.find("-->").map(|e| e + 3) } else { close(tag) };
        let (tag, after) = tag.split_at(end.unwrap_or(tag.len()));
        if let Some(thing) = thing(tag) {
            out.push(format!("<{thing}>"));
        }
        for name in ["href", "alt"] {
            if let Some(value) = attribute(tag, name) {
                out.extend(spaced(&if name == "href" { target(&value) } else { value }));
            }
        }
        rest = after;
    }
    out.extend(spaced(rest));
    out
}

fn spaced(text: &str) -> Vec<String> {
    plain(text).split_whitespace().map(str::to_owned).collect()
}

/// Elements that show something without words of their own.
const THINGS: [&str; 9] = ["img", "video", "audio", "iframe", "embed", "object", "svg", "canvas", "form"];

/// What the tag shows besides words: one of [`THINGS`], or a block that WordPress fills when it shows the page.
fn thing(tag: &str) -> Option<&str> {
    if let Some(block) = tag.strip_prefix("<!-- wp:") {
        return tag.ends_with("/-->").then(|| block.split_whitespace().next()).flatten();
    }
    let name = tag.strip_prefix('<')?.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
    THINGS.into_iter().find(|thing| thing.eq_ignore_ascii_case(name))
}

/// Where the tag ends: behind the first `>` outside of quotes.
fn close(tag: &str) -> Option<usize> {
    let mut quoted = false;
    let end = tag.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '>' && !quoted
    });
    end.map(|(at, _)| at + 1)
}

/// The value of an attribute, as it is meant.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let from = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    tag[from..].split('"').next().map(plain)
}

/// The names that a page writes of what was approved.
const NAMES: [(&str, char); 6] =
    [("lt", '<'), ("gt", '>'), ("amp", '&'), ("quot", '"'), ("apos", '\''), ("nbsp", '\u{a0}')];

/// Text without its entities.
fn plain(text: &str) -> String {
    unescape(text, &NAMES)
}

/// The address without what Ghost adds to the links of its posts.
fn target(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else { return address.to_owned() };
    let pairs: Vec<_> = url.query_pairs().into_owned().filter(|(name, _)| name != "ref").collect();
    url.set_query(None);
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ghost_writes_anew_says_the_same() {
        let ours = "<div lang=\"en\"><p>One &lt;b&gt; &#91;a&#93; &quot;q&quot;<br>two\u{a0}!</p>\n\
            <a href=\"https://b.example/?a=1&amp;b=2\">https://b.example/?a=1&amp;b=2</a>\
            <img src=\"https://a.example/1.png\" alt=\"A &quot;map&quot; > b\"></div>";
        let theirs = "\n<!--kg-card-begin: html-->\n<div lang=\"en\"><p>One &lt;b&gt; [a] \"q\"<br>two&nbsp;!</p>\n\
            <a href=\"https://b.example/?a=1&amp;b=2&amp;ref=bank\">https://b.example/?a=1&amp;b=2</a>\
            <img src=\"https://a.example/2.png\" alt=\"A &#x22;map&#34; &gt; b\"></div>\n<!--kg-card-end: html-->\n";
        assert_eq!(words(ours), words(theirs));
        assert!(words(ours).contains(&"\"map\"".to_owned()));
        for (from, to) in
            [("One", "Two"), ("a=1&amp;b=2\">", "a=9\">"), ("map", "plan"), ("<b>", "b"), ("two", "")]
        {
            assert!(!theirs.contains(from) || words(ours) != words(&theirs.replace(from, to)), "{from}");
        }
        // A picture without words, a film, or what WordPress fills in counts.
        for more in
            ["<img alt=\"\" src=\"x\">", "<IFRAME src=\"x\"></IFRAME>", "<!-- wp:latest-posts {\"a\":1} /-->"]
        {
            assert_ne!(words(ours), words(&format!("{theirs}{more}")), "{more}");
        }
        assert_eq!(
            words(ours),
            words(&format!("{theirs}<!-- wp:paragraph --><p></p><!-- /wp:paragraph -->"))
        );
        for odd in ["", "<", "<a href=\"", "&", "&#x110000;", "&#;", "<!-- a", "a & b &c;"] {
            let _ = words(odd);
        }
        assert_eq!(words("a & b &c; <i"), ["a", "&", "b", "&c;"]);
    }
}
