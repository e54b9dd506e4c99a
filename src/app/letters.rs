//! The words of the mails to people of the team, in English and French.

use chrono_tz::Tz;

use crate::clock::{Millis, date_time};

/// What an approver is asked about.
pub(super) struct About<'a> {
    /// The kind of each text.
    pub kinds: Vec<&'a str>,
    /// The incident.
    pub title: &'a str,
    pub drill: bool,
    pub author: &'a str,
    /// When it is due; nothing: as soon as it is approved.
    pub due: Option<Millis>,
    pub zone: &'a str,
    pub link: String,
}

/// Subject and text of the mail that asks for approval.
pub(super) fn approval(language: &str, a: &About<'_>) -> (String, String) {
    let (title, author) = (one_line(a.title), one_line(a.author));
    let (french, n) = (language == "fr", a.kinds.len());
    let kind = kind(french, a.kinds.first().copied().unwrap_or_default());
    let due = a.due.map(|at| time(at, a.zone));
    if french {
        let drill = if a.drill { "[EXERCICE] " } else { "" };
        let what = if n == 1 { kind.to_owned() } else { format!("{n} textes") };
        let when = due.map_or("dès sa validation".to_owned(), |t| format!("le {t}"));
        let text = format!(
            "{author} demande votre validation : {what}, incident « {title} ».\n\n\
             Lire les textes exacts et décider :\n{}\n\nDépart prévu : {when}.\n\n\
             Le lien demande votre connexion. Ce message est envoyé à chaque valideur qui n’a pas écrit ce texte.\n",
            a.link
        );
        return (format!("{drill}À valider : {what} – {title}"), text);
    }
    let drill = if a.drill { "[EXERCISE] " } else { "" };
    let what = if n == 1 { kind.to_owned() } else { format!("{n} texts") };
    let when = due.unwrap_or_else(|| "as soon as it is approved".to_owned());
    let text = format!(
        "{author} asks for your approval: {what}, incident \"{title}\".\n\n\
         Read the exact texts and decide:\n{}\n\nGoes out: {when}.\n\n\
         The link asks you to sign in. Every approver who did not write this text gets this mail.\n",
        a.link
    );
    (format!("{drill}To approve: {what} – {title}"), text)
}

/// What is told of channels.
pub(super) struct Channels<'a> {
    /// Those that posts go to.
    pub names: &'a [String],
    /// Those in which people plan, and nothing is posted.
    pub planners: &'a [String],
    /// They are well again; otherwise a post would fail there, or a freeze could not hold what is planned.
    pub are_ready: bool,
    /// There are no others whose networks are asked often.
    pub are_all: bool,
    pub link: String,
}

/// The sentences of a mail about channels.
struct Said {
    subject: &'static str,
    many: &'static str,
    posts: &'static str,
    plans: &'static str,
    all: &'static str,
    link: &'static str,
}

const NOT_READY: Said = Said {
    subject: "Not ready:",
    many: "channels",
    posts: "A post would fail on:",
    plans: "A freeze could not hold what is planned in:",
    all: "These are all channels whose networks are asked often: look first whether the machine that checks them has lost \
          its own network.",
    link: "Why, and what to do:",
};
const WELL_AGAIN: Said = Said {
    subject: "Ready again:",
    many: "channels",
    posts: "Posts can go out again on:",
    plans: "A freeze can hold again what is planned in:",
    all: "These are all channels whose networks are asked often.",
    link: "All channels:",
};
const NOT_READY_IN_FRENCH: Said = Said {
    subject: "Pas prêt\u{a0}:",
    many: "canaux",
    posts: "Une publication échouerait sur\u{a0}:",
    plans: "Un gel ne pourrait pas retenir ce qui est programmé dans\u{a0}:",
    all: "Ce sont tous les canaux dont le réseau est interrogé souvent\u{a0}: voyez d’abord si la machine qui les vérifie \
          n’a pas perdu son propre réseau.",
    link: "Pourquoi, et que faire\u{a0}:",
};
const WELL_AGAIN_IN_FRENCH: Said = Said {
    subject: "De nouveau prêt\u{a0}:",
    many: "canaux",
    posts: "Les publications partent de nouveau sur\u{a0}:",
    plans: "Un gel peut retenir de nouveau ce qui est programmé dans\u{a0}:",
    all: "Ce sont tous les canaux dont le réseau est interrogé souvent.",
    link: "Tous les canaux\u{a0}:",
};

/// Subject and text of the mail about channels that turned.
pub(super) fn channels(language: &str, c: &Channels<'_>) -> (String, String) {
    let said = match (language == "fr", c.are_ready) {
        (false, false) => NOT_READY,
        (false, true) => WELL_AGAIN,
        (true, false) => NOT_READY_IN_FRENCH,
        (true, true) => WELL_AGAIN_IN_FRENCH,
    };
    let mut names = c.names.iter().chain(c.planners).map(|name| one_line(name));
    let subject = match (c.names.len() + c.planners.len(), language == "fr") {
        (1, _) => format!("{} {}", said.subject, names.next().unwrap_or_default()),
        (n, true) => format!("{} {n} {}", said.subject.replace("prêt", "prêts"), said.many),
        (n, false) => format!("{} {n} {}", said.subject, said.many),
    };
    let list = |says: &str, names: &[String]| match names {
        [] => String::new(),
        _ => {
            format!("{says}\n{}\n", names.iter().map(|n| format!("- {}\n", one_line(n))).collect::<String>())
        }
    };
    let all = if c.are_all { format!("{}\n\n", said.all) } else { String::new() };
    let lists = list(said.posts, c.names) + &list(said.plans, c.planners);
    (subject, format!("{lists}{all}{}\n{}\n", said.link, c.link))
}

fn kind(french: bool, kind: &str) -> &'static str {
    match (kind, french) {
        ("update", false) => "an update",
        ("update", true) => "un point de situation",
        ("tip", false) => "a tip",
        ("tip", true) => "un conseil",
        ("notice", false) => "a notice",
        ("notice", true) => "un avis",
        ("correction", false) => "a correction",
        ("correction", true) => "un rectificatif",
        (_, false) => "a text",
        (_, true) => "un texte",
    }
}

/// `2026-11-27 14:02 CET`.
fn time(at: Millis, zone: &str) -> String {
    let zone: Tz = zone.parse().unwrap_or(Tz::UTC);
    date_time(at).with_timezone(&zone).format("%Y-%m-%d %H:%M %Z").to_string()
}

/// What people typed, as a part of one line.
fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let short: String = plain.chars().take(120).collect();
    if short.len() < plain.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_about_channels_names_them_and_says_when_they_are_all() {
        let names = vec!["Bank\r\nBcc: x".to_owned(), "Beta".to_owned()];
        let mut about = Channels {
            names: &names,
            planners: &[],
            are_ready: false,
            are_all: true,
            link: "https://h.example/b".into(),
        };
        let (subject, text) = channels("en", &about);
        assert_eq!(subject, "Not ready: 2 channels");
        assert!(text.contains("- Bank  Bcc: x\n- Beta\n") && text.contains("its own network"), "{text}");
        assert!(text.ends_with("Why, and what to do:\nhttps://h.example/b\n"), "{text}");
        (about.names, about.are_all) = (&names[1..], false);
        let (subject, text) = channels("fr", &about);
        assert_eq!(subject, "Pas prêt\u{a0}: Beta");
        assert!(!text.contains("tous les canaux"), "{text}");
        about.are_ready = true;
        assert_eq!(channels("fr", &about).0, "De nouveau prêt\u{a0}: Beta");
        // No post goes to a planner, so none fails there.
        (about.names, about.planners, about.are_ready) = (&names[..0], &names[1..], false);
        let (subject, text) = channels("en", &about);
        assert_eq!(subject, "Not ready: Beta");
        assert!(text.starts_with("A freeze could not hold what is planned in:\n- Beta\n\n"), "{text}");
        assert!(!text.contains("post"), "{text}");
        (about.names, about.are_ready) = (&names[..1], true);
        let (subject, text) = channels("fr", &about);
        assert_eq!(subject, "De nouveau prêts\u{a0}: 2 canaux");
        assert!(text.contains("sur\u{a0}:\n- Bank  Bcc: x\n\nUn gel peut"), "{text}");
    }

    #[test]
    fn a_mail_says_who_asks_for_what_and_where() {
        let mut about = About {
            kinds: vec!["update"],
            title: "Cards\r\nBcc: x",
            drill: true,
            author: "Ana",
            due: Some(1_795_784_520_000),
            zone: "Europe/Paris",
            link: "https://h.example/console/approvals/1".into(),
        };
        let (subject, text) = approval("en", &about);
        assert_eq!(subject, "[EXERCISE] To approve: an update – Cards  Bcc: x");
        assert!(text.contains("https://h.example/console/approvals/1\n"), "{text}");
        assert!(text.contains(" CET."), "{text}");
        about.kinds.push("update");
        about.due = None;
        let (subject, text) = approval("fr", &about);
        assert!(subject.starts_with("[EXERCICE] À valider : 2 textes"), "{subject}");
        assert!(text.contains("dès sa validation"), "{text}");
    }
}
