//! The pictures of a post on Slack that are written down before they are sent: Slack keeps them when their message is
//! gone, and then nothing else names them. Pure.

use super::is_id;
use crate::Job;
use crate::graph::of;
use crate::parts::PICTURES;

/// Most files that are remembered of one post, the newest: so many attempts with four pictures are 25. What came to no
/// message is seen by the app alone.
const MOST: usize = 100;

/// The files of all attempts at a post.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// The bot that sent them: to another one Slack says that they are not there.
    pub bot: String,
    pub files: Vec<String>,
}

impl Kept {
    /// What the attempts before this one wrote down, if they did.
    pub(super) fn of(job: &Job) -> Option<Self> {
        // The parts of a thread that are out stand behind them.
        let mut words = job.handle.as_deref()?.split(' ');
        let (bot, files) = words.find_map(|word| word.strip_prefix(PICTURES))?.split_once(':')?;
        let files: Vec<String> = files.split(',').map(str::to_owned).collect();
        let is_ours = is_id(bot) && files.iter().all(|id| is_id(id));
        is_ours.then(|| Self { bot: bot.to_owned(), files })
    }

    /// The same with those of another attempt. Those of another bot are not remembered: this one cannot delete them.
    pub(super) fn with(before: Option<Self>, bot: &str, files: &[String]) -> Self {
        let before = before.filter(|kept| kept.bot == bot).map(|kept| kept.files).unwrap_or_default();
        let all: Vec<String> = before.iter().chain(files).cloned().collect();
        Self { bot: bot.to_owned(), files: all[all.len().saturating_sub(MOST)..].to_vec() }
    }

    pub(super) fn written(&self) -> String {
        format!("{PICTURES}{}", of(&self.bot, &self.files.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    #[test]
    fn the_files_of_all_attempts_are_remembered_and_none_is_out() {
        let job = |handle: &str| Job { handle: Some(handle.to_owned()), ..suite::job() };
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let first = Kept::with(Kept::of(&suite::job()), "B1", &ids(&["F1", "F2"]));
        assert_eq!(first.written(), "+B1:F1,F2");
        assert_eq!(crate::parts::out(&first.written()).count(), 0);
        let second = Kept::with(Kept::of(&job(&first.written())), "B1", &ids(&["F3"]));
        assert_eq!(Kept::of(&job(&second.written())), Some(second));
        let thread = Kept::of(&job("+B1:F1 C1:1.2 C1:3.4")).unwrap();
        assert_eq!(thread.written(), "+B1:F1");
        let other = Kept::with(Kept::of(&job("+B1:F1,F2")), "B2", &ids(&["F3"]));
        assert_eq!(other.written(), "+B2:F3");
        for odd in ["", "+", "+B1:", "+B1:F1,", "B1:F1", "+B1:f/1", "~B1:F1"] {
            assert_eq!(Kept::of(&job(odd)), None, "{odd}");
        }
        let many: Vec<String> = (100..300).map(|n| format!("F{n}")).collect();
        assert_eq!(Kept::with(None, "B1", &many).files, many[100..]);
    }
}
