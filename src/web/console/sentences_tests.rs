use super::*;

/// Words of states stand in angle brackets, times too.
fn place(how: &str, text: &str) -> Option<String> {
    matches!(how, "state" | "post" | "time" | "right").then(|| format!("<{how} {text}>"))
}

/// With plain spaces, which can be seen; the tree's own check looks after the others.
fn say(text: &str) -> Option<String> {
    french(text, &place).map(|t| t.replace(['\u{a0}', '\u{202f}'], " "))
}

#[test]
fn sentences_come_out_right() {
    for (english, words) in [
        ("this freeze is lifted already", "ce gel est déjà levé"),
        (
            "this delivery is accepted; nothing is in doubt",
            "état de la publication sur ce canal : <state accepted> ; rien n’est dans le doute",
        ),
        (
            "its approval lapsed at 2026-11-27T14:02:00Z; have post 7 approved again first (`holdline approvals show`)",
            "sa validation a expiré le <time 2026-11-27T14:02:00Z> ; faites d’abord valider de nouveau la publication 7",
        ),
        // Two sentences that were joined on the way, and a network's own words inside.
        (
            "the credential is refused; connect the channel again (status 401); connect the channel again",
            "le secret d’accès est refusé ; reliez le canal de nouveau (code HTTP 401) ; reliez le canal de nouveau",
        ),
        (
            "POST bank.example: could not connect: tls handshake eof",
            "POST bank.example : connexion impossible : tls handshake eof",
        ),
        (
            "no effect: read back: the server answered 502",
            "sans effet : relecture : le serveur a répondu 502",
        ),
        // The name of a field before a sentence that has joints of its own.
        (
            "media: every picture needs words for those who cannot see it (alt)",
            "images : chaque image a besoin d’un texte pour qui ne la voit pas",
        ),
        (
            "brand: the brand main has no channel to post on; connect one",
            "marque : la marque main n’a aucun canal où publier ; reliez-en un",
        ),
        (
            "text: alpha: is 12 too long; the limit is 300",
            "texte : alpha : trop long de 12 ; la limite est de 300",
        ),
        (
            "Posts as the webhook Bank in the channel 6, at https://x.example/… (sha256 ab). The thread 9 will be \
             tried with the first post.",
            "Publie en tant que webhook Bank dans le salon 6, à l’adresse https://x.example/… (sha256 ab). Le fil 9 \
             sera testé lors de la première publication.",
        ),
        (
            "what people planned in the networks of x, page themselves cannot be seen from here and goes out: look \
             there by hand. Besides, this freeze does not reach plans: what people planned there goes out on all \
             accounts, also on those that are frozen here; freeze everything, or this scheduler too",
            "ce qui est prévu dans les réseaux mêmes de x, page ne se voit pas d’ici et paraîtra : allez y voir \
             vous-mêmes. De plus, ce gel n’atteint pas plans : ce qui y est prévu paraît sur tous les comptes, même \
             sur ceux qui sont gelés ici ; gelez tout, ou aussi ce planificateur",
        ),
        (
            "Slack refuses the question (status 200): msg_too_long",
            "Slack refuse la demande (code HTTP 200) : msg_too_long",
        ),
        ("the session has ended (ExpiredToken)", "la session a pris fin (ExpiredToken)"),
        ("brand: is missing: where its timeline is", "marque : ce réglage manque : où se trouve son fil"),
        (
            "it went to 1 of 2, NOT to 1; namely: ab…@b.example: the mailbox does not exist. Correct the address or \
             remove it from the channel (550 no)",
            "envoyé à 1 sur 2, PAS à 1 ; à savoir : ab…@b.example : cette boîte n’existe pas. Corrigez l’adresse ou \
             retirez-la du canal (550 no)",
        ),
    ] {
        assert_eq!(say(english).as_deref(), Some(words), "{english}");
    }
}

#[test]
fn what_is_not_known_stays() {
    for text in [
        "",
        "merci",
        "550 5.7.1 blocked: see https://example.org",
        "a; b: c (d)",
        "This freeze is lifted already",
    ] {
        assert_eq!(say(text), None, "{text}");
    }
}

/// A title, a name or a network's words never become a sentence of ours, even when they look like one.
#[test]
fn what_stands_in_a_hole_is_only_turned_where_the_table_says_so() {
    assert_eq!(say("there is no channel \"brand\"").as_deref(), Some("il n’y a pas de canal « brand »"));
    assert_eq!(say("draft is disabled").as_deref(), Some("draft : désactivé"));
}

#[test]
fn hostile_texts_are_walked_over_quickly() {
    let begun = std::time::Instant::now();
    for piece in
        [": ", "; ", " (", ")", "no effect: ", "read back: ", "{}", "entry ", " is ", "a; b: c (", "é"]
    {
        let text = piece.repeat(2_000 / piece.len());
        say(&text);
        say(&format!("{text})"));
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(say(&format!("no effect: {}", "x".repeat(LONGEST))), None, "too long");
}

#[test]
fn every_line_has_its_french_with_all_its_holes() {
    let mut seen = std::collections::BTreeSet::new();
    for line in &TABLE.lines {
        let english = line.pieces.join("{}");
        assert!(seen.insert(english.clone()), "twice: {english}");
        assert!(!line.french.is_empty(), "no French: {english}");
        let mut placed: Vec<usize> = Vec::new();
        for part in &line.french {
            match part {
                Part::Hole(n, how) => {
                    placed.push(*n);
                    let kinds = ["", "say", "time", "state", "post", "role", "right"];
                    assert!(kinds.contains(how), "{english}: `{how}`");
                }
                Part::Words(words) => {
                    assert!(!words.contains(['{', '}', '\'']), "{english}: {words}");
                }
            }
        }
        placed.sort_unstable();
        let holes: Vec<usize> = (0..line.pieces.len() - 1).collect();
        assert_eq!(placed, holes, "{english}");
    }
    assert!(seen.len() > 250, "{}", seen.len());
}

#[test]
fn a_sentence_alone_begins_with_a_capital_letter_and_ends() {
    assert_eq!(standing_alone("state: closed", "état : fermé"), "État : fermé.");
    assert_eq!(standing_alone("may it?", "peut-il publier ?"), "Peut-il publier ?");
    assert_eq!(standing_alone("alpha: is empty", "alpha\u{a0}: est vide"), "alpha\u{a0}: est vide.");
}
