//! Networks where a hold makes a post a draft: what a look shows then.

use super::{Discarded, Standing, Stop};

/// What a look shows that follows a hold which makes a post a draft.
pub(crate) fn drafted(stands: Standing) -> Stop {
    match stands {
        Standing::Held { mark } => Stop::Held { mark },
        Standing::Out(why) => Stop::Out(why),
        Standing::Gone(why) => Stop::Gone(why),
        // What is read can be older than what was accepted.
        Standing::Scheduled(_) => Stop::Doubt("the site keeps it scheduled".to_owned()),
        Standing::Unknown(why) => Stop::Doubt(why),
    }
}

/// What becomes of a held post that is a draft and stays one.
pub(crate) fn stays(stands: Standing) -> Discarded {
    match stands {
        Standing::Scheduled(_) => Discarded::Scheduled,
        Standing::Out(why) => Discarded::Out(why),
        Standing::Unknown(why) => Discarded::Left(why),
        Standing::Held { .. } | Standing::Gone(_) => Discarded::Done,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use serde_json::Value;

    use super::*;
    use crate::scheduler::Scheduled;

    #[test]
    fn an_accepted_hold_that_is_not_seen_yet_is_a_doubt() {
        let due = DateTime::<Utc>::MIN_UTC;
        let post = Scheduled {
            remote_id: "1".into(),
            due,
            words: String::new(),
            snapshot: Value::Null,
            mark: "m".into(),
        };
        assert!(matches!(drafted(Standing::Scheduled(Box::new(post))), Stop::Doubt(_)));
    }
}
