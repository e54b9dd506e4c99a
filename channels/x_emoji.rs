//! Which characters X's counter takes for one emoji. Pure.
//!
//! The counter has the list of Emoji 11 (npm: twemoji-parser 11.0.2, which twitter-text 3.1.0 uses). What
//! came later is one emoji only where it is one character; newer sequences count by their parts.

const JOINER: char = '\u{200d}';
const VARIATION: char = '\u{fe0f}';

/// How many characters at the beginning are one emoji; 1 where no sequence begins.
pub(crate) fn sequence(text: &[char]) -> usize {
    let rules = [job, gender, family, fixed, key, flag, varied];
    rules.iter().find_map(|rule| rule(text)).unwrap_or(1)
}

fn is_skin(c: Option<&char>) -> bool {
    c.is_some_and(|c| matches!(c, '🏻'..='🏿'))
}

/// A man or a woman at work, or with hair of a colour.
fn job(text: &[char]) -> Option<usize> {
    matches!(text.first()?, '👨' | '👩').then_some(())?;
    let at = 1 + usize::from(is_skin(text.get(1)));
    let (JOINER, what) = (*text.get(at)?, *text.get(at + 1)?) else { return None };
    match what {
        '🌾'
        | '🍳'
        | '🎓'
        | '🎤'
        | '🎨'
        | '🏫'
        | '🏭'
        | '💻'
        | '💼'
        | '🔧'
        | '🔬'
        | '🚀'
        | '🚒'
        | '\u{1f9b0}'..='\u{1f9b3}' => Some(at + 2),
        '⚕' | '⚖' | '✈' if text.get(at + 2) == Some(&VARIATION) => Some(at + 3),
        _ => None,
    }
}

/// Somebody as a woman or as a man.
fn gender(text: &[char]) -> Option<usize> {
    let next = text.get(1);
    let at = match text.first()? {
        '⛹' | '🏋' | '🏌' | '🕴' | '🕵' if is_skin(next) || next == Some(&VARIATION) => 2,
        '👯' | '🤼' | '\u{1f9de}' | '\u{1f9df}' => 1,
        c if has_gender(*c) => 1 + usize::from(is_skin(next)),
        _ => return None,
    };
    let rest = [text.get(at)?, text.get(at + 1)?, text.get(at + 2)?];
    matches!(rest, ['\u{200d}', '♀' | '♂', '\u{fe0f}']).then_some(at + 3)
}

fn has_gender(c: char) -> bool {
    matches!(u32::from(c), 0x1f3c3..=0x1f3c4 | 0x1f3ca | 0x1f46e | 0x1f471 | 0x1f473 | 0x1f477
        | 0x1f481..=0x1f482 | 0x1f486..=0x1f487 | 0x1f645..=0x1f647 | 0x1f64b | 0x1f64d..=0x1f64e
        | 0x1f6a3 | 0x1f6b4..=0x1f6b6 | 0x1f926 | 0x1f935 | 0x1f937..=0x1f939 | 0x1f93d..=0x1f93e
        | 0x1f9b8..=0x1f9b9 | 0x1f9d6..=0x1f9dd)
}

/// One or two adults with one or two children.
fn family(text: &[char]) -> Option<usize> {
    let mut people = String::new();
    for pair in text.chunks(2).take(4) {
        people.push(match pair[0] {
            '👨' => 'm',
            '👩' => 'w',
            '👦' => 'b',
            '👧' => 'g',
            _ => break,
        });
        if pair.get(1) != Some(&JOINER) {
            break;
        }
    }
    let children = ["bb", "gb", "gg", "b", "g"];
    let is_family = |people: &str| {
        children.iter().any(|c| matches!(people.strip_suffix(c), Some("m" | "w" | "mm" | "mw" | "ww")))
    };
    let size = (2..=people.len()).rev().find(|size| is_family(&people[..*size]))?;
    Some(2 * size - 1)
}

/// Sequences of which there is only one, longer ones first.
const FIXED: &[&str] = &[
    "👨\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨",
    "👩\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨",
    "👩\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👩",
    "👨\u{200d}❤\u{fe0f}\u{200d}👨",
    "👩\u{200d}❤\u{fe0f}\u{200d}👨",
    "👩\u{200d}❤\u{fe0f}\u{200d}👩",
    "🏳\u{fe0f}\u{200d}🌈",
    "🏴\u{200d}☠\u{fe0f}",
    "👁\u{200d}🗨",
    "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
];

fn fixed(text: &[char]) -> Option<usize> {
    matches!(text.first()?, '👨' | '👩' | '🏳' | '🏴' | '👁').then_some(())?;
    FIXED.iter().find_map(|known| {
        let length = known.chars().count();
        (text.len() >= length && known.chars().eq(text[..length].iter().copied())).then_some(length)
    })
}

/// A key of a telephone.
fn key(text: &[char]) -> Option<usize> {
    matches!(text.first()?, '0'..='9' | '#' | '*').then_some(())?;
    let at = 1 + usize::from(text.get(1) == Some(&VARIATION));
    (text.get(at) == Some(&'\u{20e3}')).then_some(at + 1)
}

/// Of each first letter the second ones.
const FLAGS: [&str; 26] = [
    "CDEFGILMOQRSTUWXZ",
    "ABDEFGHIJLMNOQRSTVWYZ",
    "ACDFGHIKLMNOPRUVWXYZ",
    "EGJKMOZ",
    "ACEGHRSTU",
    "IJKMOR",
    "ABDEFGHILMNPQRSTUWY",
    "KMNRTU",
    "CDELMNOQRST",
    "EMOP",
    "EGHIMNPRWYZ",
    "ABCIKRSTUVY",
    "ACDEFGHKLMNOPQRSTUVWXYZ",
    "ACEFGILOPRUZ",
    "M",
    "AEFGHKLMNRSTWY",
    "A",
    "EOSUW",
    "ABCDEGHIJKLMNORSTVXYZ",
    "ACDFGHJKLMNORTVWZ",
    "AGMNSYZ",
    "ACEGINU",
    "FS",
    "K",
    "ET",
    "AMW",
];

/// A country's flag.
fn flag(text: &[char]) -> Option<usize> {
    let letter = |c: &char| u32::from(*c).checked_sub(0x1f1e6).and_then(|n| u8::try_from(n).ok());
    let first = FLAGS.get(usize::from(letter(text.first()?)?))?;
    let second = letter(text.get(1)?).filter(|n| *n < 26)?;
    first.contains(char::from(b'A' + second)).then_some(2)
}

/// With the sign that it is a picture, with a colour of skin, or with both.
fn varied(text: &[char]) -> Option<usize> {
    let first = u32::from(*text.first()?);
    if is_varied(first) && text.get(1) == Some(&VARIATION) {
        let has_both = matches!(first, 0x261d | 0x26f7 | 0x26f9 | 0x270c..=0x270d | 0x1f3cb..=0x1f3cc
            | 0x1f574..=0x1f575 | 0x1f590);
        return Some(2 + usize::from(has_both && is_skin(text.get(2))));
    }
    (has_skin(first) && is_skin(text.get(1))).then_some(2)
}

fn has_skin(c: u32) -> bool {
    matches!(c, 0x261d | 0x26f7 | 0x26f9 | 0x270a..=0x270d | 0x1f385 | 0x1f3c2..=0x1f3c4 | 0x1f3c7
        | 0x1f3ca..=0x1f3cc | 0x1f442..=0x1f443 | 0x1f446..=0x1f450 | 0x1f466..=0x1f469 | 0x1f46e
        | 0x1f470..=0x1f478 | 0x1f47c | 0x1f481..=0x1f483 | 0x1f485..=0x1f487 | 0x1f4aa
        | 0x1f574..=0x1f575 | 0x1f57a | 0x1f590 | 0x1f595..=0x1f596 | 0x1f645..=0x1f647
        | 0x1f64b..=0x1f64f | 0x1f6a3 | 0x1f6b4..=0x1f6b6 | 0x1f6c0 | 0x1f6cc | 0x1f918..=0x1f91c
        | 0x1f91e..=0x1f91f | 0x1f926 | 0x1f930..=0x1f939 | 0x1f93d..=0x1f93e | 0x1f9b5..=0x1f9b6
        | 0x1f9b8..=0x1f9b9 | 0x1f9d1..=0x1f9dd)
}

fn is_varied(c: u32) -> bool {
    matches!(c, 0xa9 | 0xae | 0x203c | 0x2049 | 0x2122 | 0x2139 | 0x2194..=0x2199 | 0x21a9..=0x21aa
        | 0x231a..=0x231b | 0x2328 | 0x23cf | 0x23ed..=0x23ef | 0x23f1..=0x23f2 | 0x23f8..=0x23fa
        | 0x24c2 | 0x25aa..=0x25ab | 0x25b6 | 0x25c0 | 0x25fb..=0x25fe | 0x2600..=0x2604 | 0x260e
        | 0x2611 | 0x2614..=0x2615 | 0x2618 | 0x261d | 0x2620 | 0x2622..=0x2623 | 0x2626 | 0x262a
        | 0x262e..=0x262f | 0x2638..=0x263a | 0x2640 | 0x2642 | 0x2648..=0x2653 | 0x265f..=0x2660
        | 0x2663 | 0x2665..=0x2666 | 0x2668 | 0x267b | 0x267f | 0x2692..=0x2697 | 0x2699
        | 0x269b..=0x269c | 0x26a0..=0x26a1 | 0x26aa..=0x26ab | 0x26b0..=0x26b1 | 0x26bd..=0x26be
        | 0x26c4..=0x26c5 | 0x26c8 | 0x26cf | 0x26d1 | 0x26d3..=0x26d4 | 0x26e9..=0x26ea
        | 0x26f0..=0x26f5 | 0x26f7..=0x26fa | 0x26fd | 0x2702 | 0x2708..=0x2709 | 0x270c..=0x270d
        | 0x270f | 0x2712 | 0x2714 | 0x2716 | 0x271d | 0x2721 | 0x2733..=0x2734 | 0x2744 | 0x2747
        | 0x2757 | 0x2763..=0x2764 | 0x27a1 | 0x2934..=0x2935 | 0x2b05..=0x2b07 | 0x2b1b..=0x2b1c
        | 0x2b50 | 0x2b55 | 0x3030 | 0x303d | 0x3297 | 0x3299 | 0x1f004 | 0x1f170..=0x1f171
        | 0x1f17e..=0x1f17f | 0x1f202 | 0x1f21a | 0x1f22f | 0x1f237 | 0x1f321 | 0x1f324..=0x1f32c
        | 0x1f336 | 0x1f37d | 0x1f396..=0x1f397 | 0x1f399..=0x1f39b | 0x1f39e..=0x1f39f
        | 0x1f3cb..=0x1f3ce | 0x1f3d4..=0x1f3df | 0x1f3f3 | 0x1f3f5 | 0x1f3f7 | 0x1f43f | 0x1f441
        | 0x1f4fd | 0x1f549..=0x1f54a | 0x1f56f..=0x1f570 | 0x1f573..=0x1f579 | 0x1f587
        | 0x1f58a..=0x1f58d | 0x1f590 | 0x1f5a5 | 0x1f5a8 | 0x1f5b1..=0x1f5b2 | 0x1f5bc
        | 0x1f5c2..=0x1f5c4 | 0x1f5d1..=0x1f5d3 | 0x1f5dc..=0x1f5de | 0x1f5e1 | 0x1f5e3 | 0x1f5e8
        | 0x1f5ef | 0x1f5f3 | 0x1f5fa | 0x1f6cb | 0x1f6cd..=0x1f6cf | 0x1f6e0..=0x1f6e5 | 0x1f6e9
        | 0x1f6f0 | 0x1f6f3)
}
