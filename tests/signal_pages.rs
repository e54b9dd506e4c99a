//! The list of all signals: its order, its pages, its rows.

use holdline::app::heard::NewSignal;
use holdline::app::signals;
use holdline::domain::incident::Severity::{Critical, Minor};

use crate::console::sign_in;
use crate::on_both;
use crate::signals::{new, say};
use crate::support::caller::Caller;
use crate::support::visitor;

const LIST: &str = "/console/signals";

/// The signals of a page, by the ids of their rows.
fn rows(page: &str) -> Vec<String> {
    let rows = page.split("<li id=\"signal-").skip(1);
    rows.map(|row| row.split('"').next().unwrap().to_owned()).collect()
}

/// Where the link to a neighbour leads.
fn link(page: &str, rel: &str) -> Option<String> {
    let rest = page.split(&format!("rel=\"{rel}\" href=\"")).nth(1)?;
    rest.split('"').next().map(str::to_owned)
}

on_both! {
    async fn what_waits_comes_first_and_pages_lead_on_and_back(bench) {
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let read = async |path: &str| visitor::read(&caller, &cookie, path).await;
        assert!(read(LIST).await.contains("No monitoring system has said anything yet"));
        let severe = |key: &str, severity| NewSignal { severity: Some(severity), ..new(key) };
        let worst = say(&bench, &severe("worst", Critical)).await.id;
        let mut waiting = vec![worst, say(&bench, &severe("mild", Minor)).await.id];
        let mut over = Vec::new();
        for n in 0..60 {
            over.insert(0, say(&bench, &new(&format!("over {n}"))).await.id);
        }
        bench.sql("update signals set state = 'dismissed', note = 'Known' where key like 'over %'").await;
        for n in 0..53 {
            waiting.insert(2, say(&bench, &new(&format!("waits {n}"))).await.id);
        }
        let expected: Vec<_> = waiting.into_iter().chain(over).collect();
        let pages = expected.chunks(50).collect::<Vec<_>>();
        let first = read(LIST).await;
        assert_eq!((rows(&first), link(&first, "prev")), (pages[0].to_vec(), None));
        let second = read(&link(&first, "next").unwrap()).await;
        assert_eq!(rows(&second), pages[1], "it begins with the last that waits");
        let third = read(&link(&second, "next").unwrap()).await;
        assert_eq!((rows(&third), link(&third, "next")), (pages[2].to_vec(), None));
        let back = read(&link(&third, "prev").unwrap()).await;
        assert_eq!((rows(&back), link(&back, "next")), (pages[1].to_vec(), link(&second, "next")));
        let start = read(&link(&back, "prev").unwrap()).await;
        assert_eq!((rows(&start), link(&start, "prev")), (pages[0].to_vec(), None));
        for strange in ["?after=x", "?before=9.a", "?after=4.0", "?after=%27"] {
            assert_eq!(rows(&read(&format!("{LIST}{strange}")).await), pages[0], "{strange}");
        }
    }

    async fn a_row_says_what_it_is_and_shows_the_beginning_of_a_long_note(bench) {
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let (short, long) = (say(&bench, &new("short")).await.id, say(&bench, &new("long")).await.id);
        let words = format!("It is known. {}The end.", "They repair it tonight. ".repeat(30));
        for (id, note) in [(&short, "A test"), (&long, words.as_str())] {
            signals::dismiss(&bench.app, &bench.operator, id, note, None).await.unwrap();
        }
        let opened = say(&bench, &new("opened")).await.id;
        let incident = crate::signals::open(&bench, &opened).await.unwrap().incident.id;
        let seen = visitor::read(&caller, &cookie, LIST).await;
        let folded = format!("<details id=\"signal-note-{long}\"><summary>It is known. They repair it tonight.");
        assert!(seen.contains(&folded) && seen.contains("The end.</p></details>"), "{seen}");
        assert!(seen.contains("<p class=\"words\">A test</p>"), "{seen}");
        // The link is named by its own words; which signal it is about is said after them.
        let link = format!("<a href=\"/console/incidents/{incident}\" aria-describedby=\"signal-title-{opened}\">");
        assert!(seen.contains(&link) && seen.contains(&format!("id=\"signal-title-{opened}\"")), "{seen}");
    }
}
