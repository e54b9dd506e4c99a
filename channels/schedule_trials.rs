//! What the tests of a schedule ask: whatever goes wrong with whichever request of a hold or a restore, what is said of
//! the post is true, it is on the schedule once at most, and it is not lost.

use std::iter::repeat_n;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::planner_trials::{first, kept};
use crate::scheduler::{Back, Kept, Scheduled, Standing, Stop};
use crate::strict::{Fate, Network, Strict};
use crate::suite::{CUTS, Cut};
use crate::{Channel, Pass};

/// A schedule to try.
pub struct Trial<N> {
    /// With one post on the schedule.
    pub network: N,
    pub connect: fn(&str) -> Box<dyn Channel>,
    /// How many posts are on the schedule, or out.
    pub on: fn(&N) -> usize,
    /// When the post goes back.
    pub at: DateTime<Utc>,
    /// Must appear in nothing that is said.
    pub secret: &'static str,
    /// After it was asked for a wait, no request leaves before that is over.
    pub rests: bool,
}

fn is_one(lines: &[String]) -> bool {
    lines.windows(2).all(|pair| pair[0] == pair[1])
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Hold,
    Restore,
}

/// What was said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Done,
    Not,
    Doubt,
}

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wrong {
    /// Nobody listens.
    Unreached,
    Met(Fate),
}

/// A server with the post, and the channel on it.
struct Scene<N: Network> {
    server: Strict<N>,
    channel: Box<dyn Channel>,
    post: Scheduled,
    /// As it is held, where it is to be put back.
    kept: Option<Kept>,
}

impl<N: Network> Scene<N> {
    fn asked(&self) -> usize {
        self.server.state().requests.len()
    }

    /// Of the requests that follow, which are these, the one at `place` has that fate.
    fn plan(&self, lines: &[String], place: usize, fate: Fate) {
        let makes = |line: &String| line.split_once(' ').is_some_and(|(method, path)| N::makes(method, path));
        let kind = makes(&lines[place]);
        let before = lines[..place].iter().filter(|line| makes(line) == kind).count();
        let fates = repeat_n(Fate::Done, before).chain([fate]).collect();
        let mut state = self.server.state();
        if kind { state.fates = fates } else { state.others = fates }
    }
}

impl<N: Network> Trial<N> {
    /// A hold and a restore, under each misfortune of each of their requests.
    pub async fn run(&self) {
        for act in [Act::Hold, Act::Restore] {
            let scene = self.scene(act, usize::MAX).await;
            let before = scene.asked();
            assert_eq!(self.does(&scene).await.0, Said::Done, "{act:?}");
            let lines = scene.server.state().requests[before..].to_vec();
            let mut deciding = 0;
            // Of a long list the first pages and the last ones.
            let is_amid = |place: &usize| {
                place.checked_sub(2).and_then(|from| lines.get(from..place + 3)).is_some_and(is_one)
            };
            for place in (0..lines.len()).filter(|place| !is_amid(place)) {
                let lost = |done| Wrong::Met(Fate::Broken { done, at: Cut::BeforeStatus });
                let tried = async |wrong: &Wrong| self.tried(act, &lines, place, (before, wrong)).await;
                let decides = tried(&lost(true)).await.1 && !tried(&lost(false)).await.1;
                deciding += usize::from(decides);
                for (wrong, expected) in self.misfortunes(decides) {
                    let (said, _) = tried(&wrong).await;
                    assert!(!decides || said == expected, "{act:?}, {wrong:?} of {}: {said:?}", lines[place]);
                }
            }
            assert_eq!(deciding, 1, "{act:?}: one request does it: {lines:?}");
        }
    }

    /// What can go wrong, and what is said when that befalls the request that does it.
    fn misfortunes(&self, decides: bool) -> Vec<(Wrong, Said)> {
        let words = |words: &str| format!(r#"{{"message":"{words}","errors":[{{"message":"{words}"}}]}}"#);
        let refused = |status, headers: &str| Fate::refused(status, headers, words(self.secret));
        let mut fates = vec![
            (refused(400, ""), Said::Not),
            (refused(401, ""), Said::Not),
            (refused(429, "Retry-After: 7\r\n"), Said::Not),
            (refused(503, ""), Said::Doubt),
            (Fate::DoneBut(500), Said::Doubt),
        ];
        if decides {
            // Where nothing was read, nothing is done.
            let broken =
                |from: usize, done| CUTS[from..].iter().map(move |at| Fate::Broken { done, at: *at });
            fates.extend(broken(3, true).chain(broken(1, false)).map(|fate| (fate, Said::Doubt)));
            let slow = Fate::Slow(Duration::from_millis(2_500));
            fates.extend([(Fate::Late, Said::Doubt), (slow, Said::Doubt)]);
        }
        let met = fates.into_iter().map(|(fate, said)| (Wrong::Met(fate), said));
        met.chain([(Wrong::Unreached, Said::Not)]).collect()
    }

    async fn scene(&self, act: Act, takes: usize) -> Scene<N> {
        let server = Strict::start_refusing(self.network.clone(), takes).await;
        let channel = (self.connect)(&server.url);
        let post = first(&*channel).await;
        let mut scene = Scene { server, channel, post, kept: None };
        assert_eq!(self.on(&scene), 1);
        if act == Act::Restore {
            let stop = scene.channel.scheduler().unwrap().hold(&scene.post).await;
            let Stop::Held { mark } = stop else { panic!("{stop:?}") };
            scene.kept = Some(kept(&scene.post, &mark));
        }
        scene
    }

    fn on(&self, scene: &Scene<N>) -> usize {
        (self.on)(&scene.server.state().network)
    }

    /// Holds the post, or puts it back: what is said of it, in one word and as it is printed.
    async fn does(&self, scene: &Scene<N>) -> (Said, String) {
        let schedule = scene.channel.scheduler().unwrap();
        let (said, printed) = match &scene.kept {
            None => match schedule.hold(&scene.post).await {
                stop @ Stop::Held { .. } => (Said::Done, format!("{stop:?}")),
                stop @ (Stop::Left(_) | Stop::Later(_)) => (Said::Not, format!("{stop:?}")),
                stop @ Stop::Doubt(_) => (Said::Doubt, format!("{stop:?}")),
                stop => panic!("{stop:?}"),
            },
            Some(kept) => match schedule.restore(kept, self.at, &Pass::open_for_tests()).await {
                back @ Back::Scheduled(_) => (Said::Done, format!("{back:?}")),
                back @ Back::Left(_) => (Said::Not, format!("{back:?}")),
                back @ Back::Doubt(_) => (Said::Doubt, format!("{back:?}")),
                back => panic!("{back:?}"),
            },
        };
        assert!(!printed.contains(self.secret), "{printed}");
        (said, printed)
    }

    /// One try in which one request goes wrong: what was said, and whether it was done. That is true, and what follows
    /// leaves the post on the schedule once.
    async fn tried(
        &self,
        act: Act,
        lines: &[String],
        place: usize,
        (before, wrong): (usize, &Wrong),
    ) -> (Said, bool) {
        let takes = if *wrong == Wrong::Unreached { before + place } else { usize::MAX };
        let mut scene = self.scene(act, takes).await;
        if let Wrong::Met(fate) = wrong {
            scene.plan(lines, place, fate.clone());
        }
        let (said, printed) = self.does(&scene).await;
        if *wrong == Wrong::Unreached {
            scene.server.open().await;
        }
        let seen = format!("{act:?}, {wrong:?} of {}: {printed}", lines[place]);
        if self.rests && matches!(wrong, Wrong::Met(Fate::Told(429, ..))) && said == Said::Not {
            let asked = scene.asked();
            assert!(scene.channel.scheduler().unwrap().spare().is_err(), "{seen}");
            assert_eq!((self.does(&scene).await.0, scene.asked()), (Said::Not, asked), "{seen}");
        }
        // Whoever looks next is another process.
        scene.channel = (self.connect)(&scene.server.url);
        let done = (self.on(&scene) == 1) == (act == Act::Restore);
        assert!(said != Said::Done || done, "{seen}");
        assert!(said != Said::Not || !done, "{seen}");
        match act {
            Act::Hold => self.ends_held(scene, &seen).await,
            Act::Restore => self.ends_back(scene, &seen).await,
        }
        (said, done)
    }

    /// A look tells whether the post is held; another hold ends it, and it can be put back.
    async fn ends_held(&self, mut scene: Scene<N>, seen: &str) {
        let schedule = scene.channel.scheduler().unwrap();
        let stands = schedule.read(&scene.post).await;
        assert_eq!(
            matches!(stands, Standing::Scheduled(_)),
            self.on(&scene) == 1,
            "{seen}: it stands as {stands:?}"
        );
        scene.server.land();
        let mark = match schedule.read(&scene.post).await {
            Standing::Scheduled(post) => {
                let stop = schedule.hold(&post).await;
                let Stop::Held { mark } = stop else { panic!("{seen}, once more: {stop:?}") };
                mark
            }
            Standing::Held { mark } => mark,
            Standing::Gone(_) if schedule.gone().is_some() => schedule.gone().unwrap().to_owned(),
            stands => panic!("{seen}: it stands as {stands:?}"),
        };
        assert_eq!(self.on(&scene), 0, "{seen}, once more");
        scene.kept = Some(kept(&scene.post, &mark));
        let (said, printed) = self.does(&scene).await;
        assert_eq!((said, self.on(&scene)), (Said::Done, 1), "{seen}: it is lost: {printed}");
    }

    /// A look tells whether the post is back, and another try makes no second one.
    async fn ends_back(&self, scene: Scene<N>, seen: &str) {
        let (schedule, kept) = (scene.channel.scheduler().unwrap(), scene.kept.as_ref().unwrap());
        let is_back = async || {
            let found = schedule.restored(kept, self.at).await;
            assert!(matches!(found, Ok(None | Some(Back::Scheduled(_)))), "{seen}: {found:?}");
            assert_eq!(found.unwrap().is_some(), self.on(&scene) == 1, "{seen}: it is read back");
        };
        is_back().await;
        scene.server.land();
        is_back().await;
        let was = self.on(&scene);
        let back = schedule.restore(kept, self.at, &Pass::open_for_tests()).await;
        let known = matches!(back, Back::Scheduled(_)) || was == 1 && matches!(back, Back::Changed(_));
        assert!(known && self.on(&scene) == 1, "{seen}, once more: {back:?}");
        is_back().await;
    }
}
