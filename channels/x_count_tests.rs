//! X's counter against the package that it follows, text by text.

use std::path::PathBuf;
use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::text::{Unit, count};

/// How many texts are compared.
const TEXTS: usize = 40_000;

const BASES: &[&str] = &[
    "👨",
    "👩",
    "👦",
    "👧",
    "🧑",
    "🕵",
    "⛹",
    "🏋",
    "🏃",
    "👮",
    "🤷",
    "👯",
    "🧞",
    "🧟",
    "🤼",
    "☝",
    "✌",
    "👍",
    "❤",
    "💋",
    "💻",
    "⚕",
    "✈",
    "🦰",
    "🌈",
    "🏳",
    "🏴",
    "☠",
    "👁",
    "🗨",
    "♀",
    "♂",
    "♟",
    "©",
    "®",
    "™",
    "‼",
    "⌚",
    "🅰",
    "🀄",
    "🇨",
    "🇭",
    "🇪",
    "🇺",
    "🇶",
    "🇦",
    "1",
    "#",
    "*",
    "9",
    "🥲",
    "🫠",
    "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
];
const SIGNS: &[&str] = &[
    "\u{200d}",
    "\u{200d}",
    "\u{fe0f}",
    "\u{fe0f}\u{200d}",
    "🏻",
    "🏿",
    "\u{fe0e}",
    "\u{20e3}",
    "",
    "",
    "🏽\u{200d}",
    "\u{fe0f}\u{20e3}",
    "\u{e0067}\u{e007f}",
];
const WHOLE: &[&str] = &["👨‍👩‍👧‍👦", "👩‍👩‍👦", "👩‍❤️‍💋‍👨", "👩‍❤️‍👩", "🏳️‍🌈", "🏴‍☠️", "👁️‍🗨️", "🕵️‍♀️", "🧑‍💻", "👩🏽‍🚒", "1️⃣", "🇨🇭", "🇪🇺"];

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % sides
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.roll(all.len())]
    }

    fn letter(&mut self) -> char {
        let ranges = [
            (0x20, 0x7f),
            (0x80, 0x250),
            (0x300, 0x560),
            (0x600, 0x700),
            (0x900, 0x1200),
            (0x1c80, 0x1fff),
            (0x2000, 0x2c80),
            (0x3000, 0x30ff),
            (0x4e00, 0x9fff),
            (0xac00, 0xd7a3),
            (0xfe00, 0xffff),
            (0x1f000, 0x1faff),
            (1, 0x10ffff),
        ];
        let (from, to) = ranges[self.roll(ranges.len())];
        char::from_u32(from + u32::try_from(self.roll(usize::try_from(to - from).unwrap() + 1)).unwrap())
            .unwrap_or('x')
    }

    fn emoji(&mut self) -> String {
        if self.roll(4) == 0 {
            return self.of(WHOLE).to_owned();
        }
        (0..=self.roll(4)).map(|_| format!("{}{}", self.of(BASES), self.of(SIGNS))).collect()
    }

    fn domain(&mut self) -> String {
        const PARTS: &[&str] = &[
            "bank",
            "www",
            "a",
            "b-c",
            "x_y",
            "-a",
            "a-",
            "_a",
            "störung",
            "münchen",
            "例え",
            "пример",
            "t",
            "ex\"a",
            "xn--bcher-kva",
            "1",
            "ǅ",
            "ι",
            "é",
            "e\u{301}",
            "😀",
            "a。b",
            "\u{7f}",
            "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg",
            "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg",
            "日本語日本語日本語日本語日本語日本語",
            "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü",
            "",
        ];
        const TOPS: &[&str] = &[
            "com",
            "ch",
            "CO",
            "Org",
            "bank",
            "example",
            "co",
            "рф",
            "РФ",
            "中国",
            "中國",
            "嘉里",
            "嘉里大酒店",
            "გე",
            "Გე",
            "vermögensberater",
            "xn--p1ai",
            "xn--",
            "dev",
            "zip",
            "museum",
            "c",
            "onion",
            "ελ",
            "भारत",
            "भारतम्",
            "web",
            "co.uk",
            "com.中文.中国",
        ];
        let parts: String = (0..=self.roll(3)).map(|_| format!("{}.", self.of(PARTS))).collect();
        format!("{parts}{}", self.of(TOPS))
    }

    fn link(&mut self) -> String {
        const SCHEMES: &[&str] =
            &["https://", "http://", "HTTPS://", "Http://", "ftp://", "", "", "", "//", "https:/"];
        const PORTS: &[&str] = &["", "", "", ":80", ":", ":8443", ":x"];
        const PATHS: &[&str] = &[
            "",
            "",
            "/",
            "/a",
            "/a/b.html",
            "/a.",
            "/störung/",
            "/(a)",
            "/a(b(c)d)e",
            "/a_(b",
            "/()",
            "/(a))",
            "/Wiki_(x).",
            "/@user/",
            "/@user",
            "/a,b;c!",
            "/ι",
            "/новости",
            "/日本",
            "/a–b",
            "/#x",
            "/a\"",
            "/a#️⃣",
            "/%C3%A9~",
            "/a|b'",
            "/e\u{301}",
        ];
        const QUERIES: &[&str] =
            &["", "", "", "?a=b", "?", "?a=b&c=d#e", "?a=é", "?x.", "?(a)=[b]", "?=", "??!", "?a|b~"];
        if self.roll(12) == 0 {
            let slug: String =
                "aB3dEfGhIjKlMnOpQrStUvWxYz0123456789abcdefGHI".chars().take(1 + self.roll(45)).collect();
            return format!(
                "{}t.co/{slug}{}",
                self.of(SCHEMES),
                self.of(&["", "/x", "-y", "?a=b", ".", "é"])
            );
        }
        format!(
            "{}{}{}{}{}",
            self.of(SCHEMES),
            self.domain(),
            self.of(PORTS),
            self.of(PATHS),
            self.of(QUERIES)
        )
    }

    fn piece(&mut self) -> String {
        const WORDS: &[&str] = &[
            "Payments are slow.",
            "@bank",
            "@bank@social.example",
            "press@bank.example.com",
            "#status",
            "＃タグ",
            "$CASH",
            "今日は",
            "안녕",
            "Zürich",
            "e\u{301}a\u{308}\u{323}",
            "\u{1100}\u{1161}",
            "Å",
            "ﬁ",
            "\u{200f}שלום",
            "\u{202a}x\u{202c}",
            "\u{2066}",
            "\u{feff}",
            "\u{fffe}",
            "\u{ffff}",
            "…",
            "–",
            "—",
            "“”",
            "\u{200b}",
            "\u{2028}",
            "a.b.c",
            "v1.2",
            "e.g.",
            "node.js",
            "1.5",
            "...",
            "\u{345}",
            "\n",
            "\t",
            "`",
            "\"",
            "\u{958}",
            "क़",
            "豈",
            "\u{0}",
        ];
        match self.roll(10) {
            0..=2 => self.link(),
            3 | 4 => self.emoji(),
            5..=7 => self.of(WORDS).to_owned(),
            8 => self
                .of(&[
                    " ", ".", ",", "(", ")", "-", "_", "/", ":", "@", "#", "$", "。", "、", "「", "」", "!",
                    "?", "'", "&", "=", "+", "~", "\u{200e}", "\u{61c}",
                ])
                .to_owned(),
            _ => (0..=self.roll(6)).map(|_| self.letter()).collect(),
        }
    }

    fn text(&mut self) -> String {
        let mut out = String::new();
        for _ in 0..=self.roll(7) {
            out.push_str(&self.piece());
            out.push_str(self.of(&["", "", " "]));
        }
        out
    }
}

/// The counts of the package, which `tests/peers/twitter-text/install.sh` puts there.
fn package(texts: &[String]) -> Vec<usize> {
    let home = std::env::var("PEER_HOME").unwrap_or_else(|_| {
        format!("{}/.cache/holdline-peers", std::env::var("HOME").unwrap_or_else(|_| "/var/tmp".into()))
    });
    let there = PathBuf::from(&home).join("twitter-text/.holds").exists();
    assert!(there, "nothing to compare with: run tests/peers/twitter-text/install.sh first");
    let file = std::env::temp_dir().join(format!("x-texts-{}.json", std::process::id()));
    std::fs::write(&file, serde_json::to_vec(texts).unwrap()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/peers/twitter-text/count.mjs");
    let output = Command::new("node").arg(script).arg(&file).env("PEER_HOME", home).output();
    std::fs::remove_file(&file).unwrap();
    let output = output.expect("node is not installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_text_counts_as_in_the_package() {
    let mut dice = Dice(0x5eed_0bad_cafe);
    let texts: Vec<String> = (0..TEXTS).map(|_| dice.text()).collect();
    let theirs = package(&texts);
    assert_eq!(theirs.len(), TEXTS);
    let differ: Vec<_> = texts
        .iter()
        .zip(theirs)
        .map(|(text, theirs)| (text, size(text), theirs))
        .filter(|(_, ours, theirs)| ours != theirs)
        .collect();
    let few: Vec<_> = differ.iter().take(20).map(|(text, o, t)| format!("{text:?}: {o}, not {t}")).collect();
    assert!(differ.is_empty(), "{} of {TEXTS} differ:\n{}", differ.len(), few.join("\n"));
}

#[test]
fn texts_are_weighed() {
    for (text, expected) in [
        ("Payments are slow.", 18),
        ("Zürich", 6),
        ("e\u{301}", 1),
        ("今日は", 6),
        ("👩‍👩‍👧‍👦 🇨🇭 1️⃣", 8),
        ("See https://bank.example.com/a/very/long/path?and=more.", 4 + 23 + 1),
        ("bank.ch/status", 23),
        ("bank.example", 12),
        ("press@bank.ch", 13),
        ("https://störung.bank.ch", 23),
    ] {
        assert_eq!(count(text, Unit::X), expected, "{text}");
    }
    assert_eq!(refused("a\u{feff}b"), Some('\u{feff}'));
}

proptest! {
    #[test]
    fn any_text_can_be_counted(text in "(\\PC|https?://|@|a\\.ch|\\.|/|\\?|=|é|\u{200d}|👩| ){0,60}") {
        let most: usize = text.chars().count() * 2 + 23 * text.matches('.').count();
        prop_assert!(size(&text) <= most);
    }
}
