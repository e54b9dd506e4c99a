//! The matrix of an incident as a picture: a row for each text, a column for each channel, and in each
//! cell a sign, a colour and a time. Places along the width are shares of it, so that one picture fits a
//! desk and a phone; the style sheet says which of its words there is room for.

use std::fmt::Write;

use super::pictures::escaped;
use super::times;
use super::ui::Ui;
use crate::app::posts::{DeliveryView, PostView};
use crate::app::room::Room;
use crate::domain::Word;
use crate::domain::delivery::State;
use crate::domain::post::PostState;

/// Height of a row.
const ROW: usize = 72;
/// Height of the names of the channels, when they lie, and when they are turned.
const HEAD: (usize, usize) = (30, 112);
/// The least width of a column: what a finger hits, and twelve of them fit a phone.
const COLUMN: usize = 27;

/// The matrix as SVG. Its cells lead to what they show.
pub fn picture(ui: &Ui, room: &Room) -> String {
    let columns = room.channels.len();
    // How much room each column has: for names that lie, for words in the cells, or for neither.
    let (class, head, letters) = match columns {
        0..=4 => ("few", HEAD.0, 24),
        5..=6 => ("some", HEAD.1, 14),
        _ => ("many", HEAD.1, 14),
    };
    let width = columns * COLUMN;
    let height = head + room.posts.len() * ROW;
    let mut svg = format!(
        "<svg class=\"matrix {class}\" width=\"{width}\" height=\"{height}\" role=\"group\" \
         aria-labelledby=\"matrix-title\" aria-describedby=\"matrix-words\">\
         <title id=\"matrix-title\">{}</title><desc id=\"matrix-words\">{}</desc>\
         <svg class=\"heads\" width=\"100%\" height=\"{head}\" aria-hidden=\"true\">",
        escaped(&ui.t("matrix")),
        escaped(&summary(ui, room))
    );
    for (n, (_, name)) in room.channels.iter().enumerate() {
        let (x, share) = place(n, columns);
        let _ = write!(
            svg,
            "<svg class=\"head\" x=\"{x}%\" width=\"{share}%\" height=\"{head}\"><title>{}</title>\
             <svg class=\"from\" x=\"50%\" y=\"{}\"><text>{}</text></svg></svg>",
            escaped(name),
            head - 8,
            escaped(&short(name, letters))
        );
    }
    svg.push_str("</svg>");
    for (n, post) in room.posts.iter().enumerate() {
        let _ = write!(
            svg,
            "<svg class=\"row\" y=\"{}\" width=\"100%\" height=\"{ROW}\">\
             <line class=\"rule\" x2=\"100%\" y1=\"0.5\" y2=\"0.5\"/>\
             <line class=\"rule more\" x2=\"100%\" y1=\"0.5\" y2=\"0.5\"/>",
            head + n * ROW
        );
        label(&mut svg, ui, post);
        svg.push_str("<g class=\"cells\">");
        for (n, channel) in room.channels.iter().enumerate() {
            cell(&mut svg, ui, post, channel, place(n, columns));
        }
        svg.push_str("</g>");
        if let Some((to, words)) = action(ui, post) {
            let _ = write!(
                svg,
                "<svg class=\"act\" x=\"100%\"><a href=\"{to}\" aria-label=\"{}\"><rect width=\"92\" height=\"36\" rx=\"8\"/>\
                 <text x=\"46\" y=\"23\">{}</text></a></svg>",
                escaped(&format!("{words}: {}", headline(ui, post))),
                escaped(&words)
            );
        }
        svg.push_str("</svg>");
    }
    svg.push_str("</svg>");
    svg
}

/// The delivery of a post on a channel, if it goes there.
pub fn delivery<'a>(post: &'a PostView, channel: &str) -> Option<&'a DeliveryView> {
    // What was edited leaves cancelled deliveries behind; the one that counts is not.
    let all = || post.deliveries.iter().filter(|d| d.channel == channel);
    all().find(|d| d.state != State::Cancelled).or_else(|| all().next())
}

/// The states that the matrix shows, each with its sign, its words and how many cells have it.
pub fn legend(ui: &Ui, room: &Room) -> Vec<(String, String, usize)> {
    let shown = counted(room).into_iter().map(|(d, n)| {
        let sign = format!(
            "<svg class=\"sign {}\" viewBox=\"-9 -9 18 18\" aria-hidden=\"true\">{}</svg>",
            class(ui, d),
            sign(d.state, d.started_only)
        );
        (sign, ui.stand(&d.state, &d.started_only), n)
    });
    shown.collect()
}

/// Where the action of a row leads, and its words.
pub fn action(ui: &Ui, post: &PostView) -> Option<(String, String)> {
    if post.state == PostState::Submitted {
        return Some((format!("/console/approvals/{}", post.id), ui.t("read-it")));
    }
    let is_out = post.deliveries.iter().any(|d| d.state == State::Accepted);
    let incident = post.incident.as_deref().filter(|_| is_out && ui.may("write"))?;
    let to = format!("/console/compose?kind=correction&amp;incident={incident}&amp;corrects={}", post.id);
    Some((to, ui.t("correct-it")))
}

/// From where, and how wide, in hundredths of the width.
fn place(n: usize, columns: usize) -> (f64, f64) {
    let share = |n: usize| (n * 100_000 / columns.max(1)) as f64 / 1_000.0;
    (share(n), share(1))
}

/// How many cells are in each state, with one of them. What has no more than started is apart.
fn counted(room: &Room) -> Vec<(&DeliveryView, usize)> {
    let cells = || room.posts.iter().flat_map(|p| room.channels.iter().filter_map(|(id, _)| delivery(p, id)));
    let of = |state: State, started: bool| {
        let mut all = cells().filter(move |d| d.state == state && d.started_only == started);
        let first = all.next()?;
        Some((first, 1 + all.count()))
    };
    State::WORDS.iter().rev().flat_map(|(_, state)| [of(*state, false), of(*state, true)]).flatten().collect()
}

/// The whole in one sentence.
fn summary(ui: &Ui, room: &Room) -> String {
    let states: Vec<_> = counted(room)
        .iter()
        .map(|(d, n)| format!("{} {}", ui.stand(&d.state, &d.started_only), ui.number(*n)))
        .collect();
    let texts = ui.n("matrix-texts", room.posts.len());
    let channels = ui.n("matrix-channels", room.channels.len());
    let named =
        [("texts", texts.into()), ("channels", channels.into()), ("states", states.join(", ").into())];
    ui.lang.with("matrix-summary", &named)
}

fn headline(ui: &Ui, post: &PostView) -> String {
    post.source.title.clone().unwrap_or_else(|| ui.excerpt(&post.source.text))
}

/// What the row is about; it leads to the post.
fn label(svg: &mut String, ui: &Ui, post: &PostView) {
    let title = headline(ui, post);
    let kind = format!("{} · {}", ui.word("kind", &post.kind), post.source.language);
    let _ = write!(
        svg,
        "<g class=\"label\"><svg width=\"{room}%\" height=\"{ROW}\"><a href=\"/console/posts/{}\">\
         <text class=\"kind\" y=\"19\">{kind}</text><text class=\"name\" y=\"39\"><title>{}</title>{}</text>\
         <text class=\"meta\" y=\"59\"><tspan class=\"narrow\">{kind} · </tspan>{}<tspan class=\"wide\"> · {}</tspan></text></a></svg></g>",
        post.id,
        escaped(&title),
        escaped(&short(&title, 31)),
        escaped(&when(ui, &post.due)),
        escaped(&ui.word("post", &post.state)),
        kind = escaped(&kind),
        // Beside the action, on a phone.
        room = if action(ui, post).is_some() { 70 } else { 100 },
    );
}

/// One text on one channel; it leads to the post on the network, to its doubt, or to the post here.
fn cell(svg: &mut String, ui: &Ui, post: &PostView, channel: &(String, String), place: (f64, f64)) {
    let (x, share) = place;
    let _ = write!(svg, "<svg class=\"cell\" x=\"{x}%\" width=\"{share}%\" height=\"{ROW}\">");
    let Some(d) = delivery(post, &channel.0) else {
        svg.push_str("<svg class=\"from\" x=\"50%\"><path class=\"sign never\" d=\"M-4 0h8\"/></svg></svg>");
        return;
    };
    let state = ui.stand(&d.state, &d.started_only);
    let time = d.settled_at.as_deref().map(|at| when(ui, at)).unwrap_or_default();
    let bare = if time.is_empty() { " bare" } else { "" };
    let seen = d.url.as_ref().map_or_else(String::new, |_| format!(", {}", ui.t("see-it")));
    let named = [
        ("text", headline(ui, post).into()),
        ("channel", channel.1.as_str().into()),
        ("state", format!("{state} {time}").trim_end().to_owned().into()),
    ];
    let whole = escaped(&format!("{}{seen}", ui.lang.with("matrix-cell", &named)));
    let to = match (&d.url, d.state) {
        (Some(url), _) => format!("{}\" rel=\"noopener noreferrer\" target=\"_blank", escaped(url)),
        (None, State::InDoubt) => format!("/console/doubts/{}", d.id),
        (None, _) => format!("/console/posts/{}", post.id),
    };
    let _ = write!(
        svg,
        "<a class=\"{}{bare}\" href=\"{to}\" aria-label=\"{whole}\"><title>{whole}</title>\
         <rect x=\"2.5%\" y=\"1\" width=\"95%\" height=\"26\" rx=\"6\"/><svg class=\"from\" x=\"50%\"><g class=\"sign\">{}</g></svg>\
         <text class=\"word\" x=\"50%\" y=\"37\">{} </text><text class=\"time\" x=\"50%\" y=\"51\">{}</text></a></svg>",
        class(ui, d),
        sign(d.state, d.started_only),
        escaped(&state),
        escaped(&time)
    );
}

/// The colour, and whether it is begun at all.
fn class(ui: &Ui, d: &DeliveryView) -> String {
    let unbegun = if d.state == State::Draft { " unbegun" } else { "" };
    format!("{}{unbegun}", ui.stand_class(&d.state, &d.started_only))
}

/// The sign of a state, around the origin: each has another form, so that it is not the colour alone that
/// says it.
fn sign(state: State, started_only: bool) -> String {
    let path = match state {
        // The beginning of the sign of what is accepted.
        State::Accepted if started_only => "M-3.6.3L-1 3m1.6-2.4h.01m1.9-2.2h.01",
        State::Draft => "M-3.2 0h.01M0 0h.01M3.2 0h.01",
        State::Scheduled => "M0-4V0l2.8 1.8",
        State::Claimed => "M-3.6 0h7m-2.8-2.8L3.6 0L.6 2.8",
        State::Sending => "M0 3.8v-7.4M-2.9-.8L0-3.7L2.9-.8",
        State::Held => "M-1.9-3v6M1.9-3v6",
        State::Expired => "M-2.6-3.4h5.2L-2.6 3.4h5.2z",
        State::InDoubt => "M-2.2-1.9a2.2 2.2 0 1 1 3.3 1.9c-.8.5-1.1.9-1.1 1.6M0 4.2h.01",
        State::Accepted => "M-3.6.3L-1 3L3.8-2.6",
        State::Failed => "M-2.8-2.8l5.6 5.6m0-5.6l-5.6 5.6",
        State::Cancelled => "M-3 3L3-3",
        State::Retracted => "M0-3.8v7.4M-2.9.8L0 3.7L2.9.8",
    };
    format!("<circle r=\"8\"/><path d=\"{path}\"/>")
}

/// `14:02` for today, `26 Nov` for another day.
fn when(ui: &Ui, at: &str) -> String {
    if ui.is_today(at) {
        return ui.clock(at);
    }
    let day = times::day(ui.lang, ui.zone, times::millis(at));
    day.split_once(' ').map_or(day.clone(), |(_, date)| date.to_owned())
}

/// The first letters, and a mark when there are more.
fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_sign_of_its_own() {
        let signs: std::collections::BTreeSet<_> =
            State::WORDS.iter().flat_map(|(_, s)| [sign(*s, false), sign(*s, true)]).collect();
        assert_eq!(signs.len(), State::WORDS.len() + 1);
    }

    #[test]
    fn names_are_cut_between_letters_and_columns_fill_the_width() {
        assert_eq!((short("Météo", 5).as_str(), short("Météo locale", 7).as_str()), ("Météo", "Météo…"));
        let (x, share) = place(11, 12);
        assert!((x + share - 100.0).abs() < 0.01, "{x} {share}");
        assert_eq!(place(0, 0), (0.0, 100.0));
    }
}
