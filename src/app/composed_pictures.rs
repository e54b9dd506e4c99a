//! The pictures that a new post names: whether they are there, fit its channels, and tell nothing besides.

use std::collections::{BTreeSet, HashMap, HashSet};

use ::channels::revise;

use super::error::Problems;
use super::revisions::Standing;
use super::{App, Result, channels};
use crate::domain::cleaned::cleaned;
use crate::domain::picture;
use crate::domain::post::Source;
use crate::store::channels::Channel;
use crate::store::media::Picture;

/// Said of a picture that an older version kept as it came.
const SOILED: &str = "was uploaded before all that its file tells besides was left out, such as where it was taken; \
     upload it again, and take the new one";

/// What is known of pictures, looked up once for many posts.
pub(super) struct Pictures {
    /// All that are kept, by the hash of their bytes.
    kept: HashMap<String, Picture>,
    /// Those of a post whose file was looked into.
    looked_into: HashSet<String>,
    /// Width and height of them, where the file tells.
    sizes: HashMap<String, (u32, u32)>,
    /// Those of them that cleaning would change, or cannot read, and what is said of them. Their bytes stay: what was
    /// approved with them is out, or goes out.
    soiled: HashMap<String, &'static str>,
}

impl Pictures {
    pub(super) async fn read(app: &App) -> Result<Self> {
        let all = app.store().pictures().await?.into_iter();
        let kept = all.map(|p| (p.sha256.clone(), p)).collect();
        Ok(Self { kept, looked_into: HashSet::new(), sizes: HashMap::new(), soiled: HashMap::new() })
    }

    /// Looks into the files that a post names.
    pub(super) async fn look_up(&mut self, app: &App, source: &Source) -> Result<()> {
        for picture in &source.media {
            let sha256 = &picture.sha256;
            if !self.kept.contains_key(sha256) || !self.looked_into.insert(sha256.clone()) {
                continue;
            }
            let Some(row) = app.store().media(sha256).await? else { continue };
            self.sizes.extend(picture::size(&row.bytes).map(|size| (sha256.clone(), size)));
            let why = match cleaned(&row.bytes) {
                Ok(clean) if clean == row.bytes => continue,
                Ok(_) => SOILED,
                // To upload it again would not help.
                Err(why) => why,
            };
            self.soiled.insert(sha256.clone(), why);
        }
        Ok(())
    }

    /// Width and height of a picture of a post, where its file tells.
    pub(super) fn size(&self, sha256: &str) -> Option<(u32, u32)> {
        self.sizes.get(sha256).copied()
    }
}

/// A picture that is missing or too large for a channel is told now, not when the post is due. `revised`: the post whose
/// words change.
pub(super) fn check(
    source: &Source,
    to: &[&Channel],
    known: &Pictures,
    revised: Option<&Standing>,
    problems: &mut Problems,
) {
    for (n, picture) in source.media.iter().enumerate() {
        let field = format!("source.media[{n}]");
        let Some(kept) = known.kept.get(&picture.sha256) else {
            problems.add(&field, "was never uploaded; send it to /api/v1/media first");
            continue;
        };
        if kept.mime != picture.mime {
            problems.add(&field, format!("is {}, not {}", kept.mime, picture.mime));
        }
        if let Some(said) = known.soiled.get(&picture.sha256)
            && let Some(why) = why_not_soiled(&picture.sha256, said, to, revised)
        {
            problems.add(&field, why);
        }
        for channel in to {
            let most = channels::limits(channel).filter(|l| l.media > 0).map_or(u64::MAX, |l| l.media_bytes);
            if u64::try_from(kept.size).unwrap_or(0) > most {
                let size = kept.size;
                problems.add(&field, format!("has {size} bytes; {} takes at most {most}", channel.name));
            }
        }
        for said in known.size(&picture.sha256).map(|size| misshapen(size, to)).unwrap_or_default() {
            problems.add(&field, said);
        }
    }
    check_together(source, to, known, problems);
}

/// What networks do not take of a picture of this size, each said once.
fn misshapen(size: (u32, u32), to: &[&Channel]) -> BTreeSet<String> {
    let told = to.iter().filter_map(|c| channels::limits(c)?.pictures.misshapen(size));
    let (width, height) = size;
    told.map(|why| format!("is {width} by {height} pixels; {why}")).collect()
}

/// Why a picture that an older version kept as it came is not taken. Where it is out already, and only the words beside it
/// change, it is: nobody gets it again.
fn why_not_soiled(sha256: &str, said: &str, to: &[&Channel], revised: Option<&Standing>) -> Option<String> {
    let mut out = revised.iter().flat_map(|post| &post.copies).filter_map(|copy| copy.words.as_ref().ok());
    if !out.any(|words| words.media.iter().any(|m| m.sha256 == sha256)) {
        return Some(said.to_owned());
    }
    let again: Vec<&str> = to.iter().filter(|c| !keeps_pictures(c)).map(|c| c.name.as_str()).collect();
    if again.len() == to.len() && !to.is_empty() {
        return Some(said.to_owned());
    }
    let names = again.join(", ");
    (!names.is_empty()).then(|| {
        format!(
            "cannot go to {names} again: {said}; change the words there by themselves with a picture that can, and those of \
             the other channels with this one"
        )
    })
}

/// Whether pictures stay as they are there when the words beside them change.
fn keeps_pictures(c: &Channel) -> bool {
    let can = ::channels::adapter(&c.adapter).and_then(|adapter| adapter.capabilities.revises);
    can.is_some_and(|can| can.pictures == revise::Pictures::Kept)
}

/// The same of all pictures together, where one request carries them.
fn check_together(source: &Source, to: &[&Channel], known: &Pictures, problems: &mut Problems) {
    let sizes = source.media.iter().filter_map(|m| u64::try_from(known.kept.get(&m.sha256)?.size).ok());
    let all: u64 = sizes.sum();
    for channel in to {
        let most = channels::limits(channel).filter(|l| l.media > 0).and_then(|l| l.media_all);
        if let Some(most) = most.filter(|most| all > *most) {
            let told = format!(
                "have {all} bytes together; {} takes at most {most}: make them smaller, or send fewer",
                channel.name
            );
            problems.add("source.media", told);
        }
    }
}
