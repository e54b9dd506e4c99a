//! What is walked, each scenario to its end: three nodes, two routine posts and an update. With second attempts, or a
//! backup that is made on the way, a few would have too many states for every run: these are walked with one attempt,
//! or without the backup, and with both once more with fewer posts ([`NARROW`]).

use Due::{AnyTime, AtOnce, Never};

use crate::bounds::{Budget, Due, Scenario};

const NOTHING: Budget = Budget {
    freezes: 0,
    thaws: 0,
    forgotten: 0,
    releases: 0,
    crashes: 0,
    power_cuts: 0,
    cuts: 0,
    unanswered: 0,
    lost_answers: 0,
    refusals: 0,
    backups: 0,
    restores: 0,
    confirmations: 0,
    clones: 0,
};
const FROZEN: Budget = Budget { freezes: 1, ..NOTHING };
const RESTORED: Budget = Budget { restores: 1, confirmations: 1, ..NOTHING };

const ONCE: Scenario =
    Scenario { name: "", budget: NOTHING, attempts: 1, due: [AtOnce; 3], claims: false, expires: false };
const TWICE: Scenario = Scenario { attempts: 2, ..ONCE };

/// One routine post and the update: for what has too many states otherwise.
const PAIR: [Due; 3] = [AtOnce, Never, AtOnce];

/// A freeze without any fault.
pub const FREEZE: Scenario =
    Scenario { name: "freeze", budget: FROZEN, due: [AtOnce, AnyTime, AtOnce], ..TWICE };

/// A freeze, its thaw, and what a person releases then.
pub const THAW: Scenario =
    Scenario { name: "freeze, thaw, release", budget: Budget { thaws: 1, releases: 1, ..FROZEN }, ..FREEZE };

/// A post whose expiry can pass at any time, under a freeze.
pub const EXPIRY: Scenario =
    Scenario { name: "freeze, thaw, expiry", budget: Budget { thaws: 1, ..FROZEN }, expires: true, ..TWICE };

/// A node that is cut off or paused.
pub const FREEZE_CUT: Scenario =
    Scenario { name: "freeze, a node cut off", budget: Budget { cuts: 1, ..FROZEN }, ..ONCE };

/// A node that is cut off, and that a person takes off the list. See [`FORGET_TWICE`].
pub const FORGET: Scenario = Scenario {
    name: "freeze, a node cut off and forgotten",
    budget: Budget { cuts: 1, forgotten: 1, ..FROZEN },
    ..ONCE
};

/// The same with second attempts, of one routine post and the update.
pub const FORGET_TWICE: Scenario = Scenario {
    name: "freeze, a node cut off and forgotten, second attempts",
    due: PAIR,
    attempts: 2,
    ..FORGET
};

/// A process that ends without a word, and starts again or does not.
pub const FREEZE_CRASH: Scenario =
    Scenario { name: "freeze, crash", budget: Budget { crashes: 1, ..FROZEN }, ..ONCE };

/// What networks and commits leave open.
pub const OUTCOME: Scenario = Scenario {
    name: "lost answers, refusal, crash",
    budget: Budget { lost_answers: 1, refusals: 1, unanswered: 1, crashes: 1, ..NOTHING },
    ..TWICE
};

/// A power cut takes the marks with it.
pub const POWER: Scenario = Scenario {
    name: "lost answer, power cut",
    budget: Budget { lost_answers: 1, power_cuts: 1, ..NOTHING },
    ..TWICE
};

/// A node that is cut off or paused, and taken over.
pub const CUT: Scenario = Scenario {
    name: "lost answer, a node cut off, claims",
    budget: Budget { lost_answers: 1, cuts: 1, ..NOTHING },
    claims: true,
    ..TWICE
};

/// Another database in the place of the primary, and its confirmation.
pub const RESTORE: Scenario =
    Scenario { name: "restore, release", budget: Budget { releases: 1, ..RESTORED }, ..ONCE };

/// A backup that is made on the way.
pub const RESTORE_BACKUP: Scenario = Scenario {
    name: "backup, restore, release",
    budget: Budget { backups: 1, releases: 1, ..RESTORED },
    ..TWICE
};

/// The same, around the end of a process.
pub const RESTORE_CRASH: Scenario = Scenario {
    name: "restore, crash",
    budget: Budget { crashes: 1, ..RESTORED },
    due: [AtOnce, AnyTime, AtOnce],
    ..ONCE
};

/// The same, around a node that is cut off.
pub const RESTORE_CUT: Scenario =
    Scenario { name: "restore, a node cut off", budget: Budget { cuts: 1, ..RESTORED }, ..ONCE };

/// The same, around a freeze. See [`RESTORE_BACKUP_FREEZE`].
pub const RESTORE_FREEZE: Scenario =
    Scenario { name: "restore, freeze", budget: Budget { freezes: 1, ..RESTORED }, ..ONCE };

/// The same with a backup that is made on the way, of one routine post alone.
pub const RESTORE_BACKUP_FREEZE: Scenario = Scenario {
    name: "backup, restore, freeze",
    budget: Budget { backups: 1, freezes: 1, ..RESTORED },
    due: [AtOnce, Never, Never],
    ..ONCE
};

/// A backup that is put back long after another node has taken over. See [`RESTORE_LATE_TWICE`].
pub const RESTORE_LATE: Scenario = Scenario {
    name: "backup, a node cut off, restore",
    budget: Budget { backups: 1, cuts: 1, ..RESTORED },
    ..ONCE
};

/// The same with second attempts, of the update alone.
pub const RESTORE_LATE_TWICE: Scenario = Scenario {
    name: "backup, a node cut off, restore, second attempts",
    due: [Never, Never, AtOnce],
    attempts: 2,
    ..RESTORE_LATE
};

/// A copy of the database, with a node on it that was stopped.
pub const CLONE: Scenario =
    Scenario { name: "crash, clone", budget: Budget { crashes: 1, clones: 1, ..NOTHING }, ..TWICE };

/// What every run walks, with two routine posts and the update.
pub const SCENARIOS: &[Scenario] = &[
    THAW,
    EXPIRY,
    FREEZE_CUT,
    FORGET,
    FREEZE_CRASH,
    OUTCOME,
    POWER,
    CUT,
    RESTORE,
    RESTORE_BACKUP,
    RESTORE_CRASH,
    RESTORE_CUT,
    RESTORE_FREEZE,
    RESTORE_LATE,
    CLONE,
];

/// What every run walks besides, with fewer posts.
pub const NARROW: &[Scenario] = &[FORGET_TWICE, RESTORE_BACKUP_FREEZE, RESTORE_LATE_TWICE];

/// What is walked besides before a release.
pub const LONG: &[Scenario] = &[
    Scenario {
        name: "freeze, crash, lost answer",
        budget: Budget { crashes: 1, lost_answers: 1, ..FROZEN },
        due: PAIR,
        ..ONCE
    },
    Scenario {
        name: "freeze, refusal, lost answer",
        budget: Budget { refusals: 1, lost_answers: 1, ..FROZEN },
        due: PAIR,
        ..TWICE
    },
    Scenario { name: "freeze, two nodes cut off", budget: Budget { cuts: 2, ..FROZEN }, due: PAIR, ..ONCE },
    Scenario {
        name: "freeze, thaw, a node cut off",
        budget: Budget { thaws: 1, cuts: 1, ..FROZEN },
        due: PAIR,
        ..ONCE
    },
    Scenario { name: "backup, restore, freeze, update", due: PAIR, ..RESTORE_BACKUP_FREEZE },
];
