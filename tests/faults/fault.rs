//! What goes wrong in a round, and how it does.

use std::time::{Duration, Instant};

use super::fleet::Fleet;
use super::link::{self, Cut};

/// What goes wrong in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing: what the others are compared with.
    None,
    Channel(Cut),
    /// A node stands still, and goes on after so many seconds; others take it for gone after 15.
    Stands(u64),
    /// A node is killed, and started again.
    Killed,
    /// A node's clock is off by so many seconds.
    Clock(i64),
    /// A node's way to the database stands still, for so many seconds.
    Partition(u64),
    /// A node's network loses everything, for so many seconds: the database, the channels, whoever asks it.
    CutOff(u64),
    /// The connections of every node to the database are cut.
    Cut,
    /// The answer to the freeze is lost on its way, and the person asks again.
    LostAnswer,
}

pub const FAULTS: [Fault; 19] = [
    Fault::None,
    Fault::Channel(Cut::BeforeConnect),
    Fault::Channel(Cut::MidRequest),
    Fault::Channel(Cut::BeforeStatus),
    Fault::Channel(Cut::MidHeaders),
    Fault::Channel(Cut::MidBody),
    Fault::Stands(1),
    Fault::Killed,
    Fault::Clock(120),
    Fault::Clock(-120),
    Fault::Partition(3),
    Fault::Cut,
    Fault::Stands(9),
    Fault::Partition(12),
    Fault::CutOff(3),
    Fault::Killed,
    Fault::CutOff(20),
    Fault::Stands(20),
    Fault::LostAnswer,
];

/// What is left out of a single share, for it takes long.
pub const LONG: [Fault; 1] = [Fault::Stands(60)];

impl Fault {
    /// Whether it keeps a node from closing its gate by a freeze.
    pub fn keeps_from_sealing(self) -> bool {
        matches!(self, Self::Stands(_) | Self::Killed | Self::Partition(_) | Self::CutOff(_))
    }

    /// Whether it takes a database that is not in the node's own folder.
    pub fn needs_postgres(self) -> bool {
        matches!(self, Self::Partition(_) | Self::CutOff(_) | Self::Cut)
    }

    /// Whether what was under way arrives all the same, and before the judgement.
    pub fn loses_nothing(self) -> bool {
        matches!(self, Self::None | Self::Clock(_) | Self::Stands(_) | Self::Partition(_) | Self::LostAnswer)
    }
}

/// Lets it come over this node.
pub async fn strike(fleet: &mut Fleet, fault: Fault, node: usize) {
    match fault {
        Fault::None => {}
        Fault::LostAnswer => fleet.desk.cut(Cut::BeforeStatus, 1),
        Fault::Channel(at) => {
            fleet.channel.cut(at, 3);
            let until = Instant::now() + Duration::from_secs(30);
            while !fleet.channel.has_struck() {
                assert!(Instant::now() < until, "{at:?} struck nothing\n{}", fleet.story().await);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        Fault::Stands(_) => fleet.nodes[node].signal("STOP").await,
        Fault::Killed => fleet.nodes[node].kill().await,
        Fault::Clock(seconds) => {
            fleet.nodes[node].step_clock(seconds);
            let until = Instant::now() + Duration::from_secs(10);
            while (fleet.clock_is_off(node).await - seconds).abs() > 5 {
                assert!(Instant::now() < until, "the clock was not set by {seconds} s");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Fault::Partition(_) => fleet.nodes[node].database.as_ref().unwrap().stand_still(true),
        Fault::CutOff(_) => fleet.nodes[node].network.as_ref().unwrap().cut_off(true),
        Fault::Cut => fleet.nodes.iter().filter_map(|n| n.database.as_ref()).for_each(link::Link::cut_all),
    }
}

/// Lets it last, and takes it away.
pub async fn heal(fleet: &mut Fleet, fault: Fault, node: usize, cuts: &mut usize) {
    match fault {
        Fault::None | Fault::Cut | Fault::LostAnswer => {}
        Fault::Channel(_) => *cuts += fleet.channel.heal().len(),
        Fault::Stands(seconds) => {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            fleet.nodes[node].signal("CONT").await;
        }
        Fault::Killed => {
            fleet.nodes[node].restart_if_ended();
            fleet.nodes[node].until_up().await;
        }
        Fault::Clock(_) => fleet.nodes[node].step_clock(0),
        Fault::Partition(seconds) => {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            fleet.nodes[node].database.as_ref().unwrap().stand_still(false);
        }
        Fault::CutOff(seconds) => {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            fleet.nodes[node].network.as_ref().unwrap().cut_off(false);
        }
    }
}
