//! The verbs of the API as the command line names them.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::channels::Channels;
use super::incidents::Incidents;
use super::posts::Posts;
use super::signals::Signals;
use super::swept::Swept;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the first administrator; `--token` is the one-time token of the first start.
    Setup {
        #[arg(long)]
        name: String,
        #[arg(long)]
        email: String,
        /// Roles besides administrator.
        #[arg(long, value_delimiter = ',')]
        roles: Vec<String>,
    },
    /// Who the token belongs to, and the roles.
    Me,
    /// Get your first token; `--token` is the invitation that an administrator gave you.
    Join,
    /// A one-time link to choose a password for the console.
    Console,
    /// Prepared plans for incidents, for `incidents open --playbook`.
    Playbooks,
    /// People and their tokens.
    #[command(subcommand)]
    People(People),
    /// Channels.
    #[command(subcommand)]
    Channels(Channels),
    /// How ready every channel is, the worst first; ends with 6 when one is not, or when nobody knows.
    Ready,
    /// Hand in a mail that came back, from stdin: a mail server can pipe them. Ends with 75 (try again later) whenever the
    /// service did not take it.
    Bounces {
        /// The id of the e-mail channel.
        #[arg(long)]
        channel: String,
    },
    /// Posts: routine, updates, tips, notices, corrections.
    #[command(subcommand)]
    Posts(Posts),
    /// Read the exact texts and decide.
    #[command(subcommand)]
    Approvals(Approvals),
    /// Stop everything that is not about the incident.
    Freeze(Freeze),
    /// Freezes: list, show, preview.
    #[command(subcommand)]
    Freezes(Freezes),
    /// Lift a freeze. Nothing is sent by it.
    Thaw {
        id: String,
        #[arg(long, default_value = "")]
        comment: String,
    },
    /// What was held, is in doubt, failed or expired.
    #[command(subcommand)]
    Held(Held),
    /// What was scheduled inside networks and is held there.
    #[command(subcommand)]
    Swept(Swept),
    /// Take an accepted delivery down, or with `--post` every copy of a post that is out.
    Retract {
        /// The delivery.
        #[arg(required_unless_present = "post", conflicts_with = "post")]
        delivery: Option<String>,
        /// The post.
        #[arg(long)]
        post: Option<String>,
        #[arg(long, default_value = "")]
        comment: String,
    },
    /// Keep a post at the top of every account, page or room that it is on, where the network can.
    Pin {
        post: String,
        /// Let it go.
        #[arg(long)]
        off: bool,
    },
    /// Incidents.
    #[command(subcommand)]
    Incidents(Incidents),
    /// What monitoring systems say: it waits for a decision.
    #[command(subcommand)]
    Signals(Signals),
    /// The accounts that are watched for posts that nobody here sent, and those posts.
    Watch,
    /// The gate and the nodes.
    #[command(subcommand)]
    Gate(Gate),
    /// The instance key, which seals the credentials.
    #[command(subcommand)]
    Keys(Keys),
    /// The approval policy; with a value, sets it.
    Policy {
        /// JSON, or @FILE.
        json: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum People {
    List,
    /// Add a person; hand them the invitation that this prints.
    Add {
        #[arg(long)]
        name: String,
        #[arg(long)]
        email: String,
        #[arg(long, value_delimiter = ',')]
        roles: Vec<String>,
    },
    /// Change a person: what is not named stays. A role that is added comes with the next invitation.
    #[command(group(clap::ArgGroup::new("change").required(true).multiple(true)))]
    Edit {
        id: String,
        #[arg(long, group = "change")]
        name: Option<String>,
        /// All the roles that the person has from now on.
        #[arg(long, value_delimiter = ',', group = "change")]
        roles: Option<Vec<String>>,
        /// Somebody who was disabled takes part again; then invite them.
        #[arg(long, group = "change")]
        enable: bool,
    },
    /// A person's tokens stop at once.
    Disable {
        id: String,
    },
    /// Invite a person again, who lost their token; their tokens stop at once.
    Invite {
        id: String,
    },
    /// Make another token for yourself.
    Token {
        #[arg(long)]
        label: String,
        #[arg(long, value_delimiter = ',')]
        roles: Vec<String>,
        #[arg(long)]
        days: Option<u32>,
    },
    Tokens {
        id: String,
    },
    RevokeToken {
        id: String,
        token: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Approvals {
    /// Posts that wait for a decision. One that is approved is among them when its approval has lapsed and
    /// something of it is held: approve it again, then release what is held.
    Waiting,
    /// The exact texts, and the bundle hash to decide with.
    Show { post: String },
    /// Approve exactly the words of a bundle. Refused while a channel is not ready that you do not name.
    Approve {
        post: String,
        #[arg(long)]
        bundle: String,
        /// The name or id of a channel that is not ready, as `approvals show` says; can be repeated.
        #[arg(long)]
        unready: Vec<String>,
    },
    Reject {
        post: String,
        #[arg(long)]
        bundle: String,
        #[arg(long)]
        comment: String,
    },
    /// Publish alone, with a reason; a review by another person is owed.
    BreakGlass {
        post: String,
        #[arg(long)]
        bundle: String,
        #[arg(long)]
        comment: String,
    },
    /// Show what waits with a label, and a hash over all of it.
    Preview {
        #[arg(long)]
        label: String,
    },
    /// Approve all routine posts with a label, as the preview showed them.
    Bulk {
        #[arg(long)]
        label: String,
        /// The hash of the preview.
        #[arg(long)]
        hash: String,
        /// The name or id of a channel that is not ready, as the preview says; can be repeated.
        #[arg(long)]
        unready: Vec<String>,
    },
    /// Broken glass that nobody has reviewed.
    Owed,
    Review {
        id: String,
        #[arg(long)]
        comment: String,
    },
}

#[derive(Debug, Args)]
pub struct Freeze {
    #[arg(long, default_value = "")]
    pub reason: String,
    #[command(flatten)]
    pub scope: ScopeArgs,
}

#[derive(Debug, Args)]
pub struct ScopeArgs {
    #[arg(long, value_delimiter = ',')]
    pub brands: Vec<String>,
    /// Ids of channels.
    #[arg(long = "only-channels", value_delimiter = ',')]
    pub channels: Vec<String>,
    #[arg(long, value_delimiter = ',')]
    pub labels: Vec<String>,
    /// Labels of what must go on.
    #[arg(long, value_delimiter = ',')]
    pub allow: Vec<String>,
    /// Hold crisis posts too.
    #[arg(long)]
    pub crisis_too: bool,
}

impl ScopeArgs {
    /// As the API takes it.
    pub fn json(&self) -> Value {
        json!({"brands": self.brands, "channels": self.channels, "labels": self.labels, "allow": self.allow,
            "crisis_too": self.crisis_too})
    }
}

#[derive(Debug, Subcommand)]
pub enum Freezes {
    List {
        #[arg(long)]
        open: bool,
    },
    Show {
        id: String,
    },
    /// Count what a scope would hold.
    Preview(ScopeArgs),
}

#[derive(Debug, Subcommand)]
pub enum Held {
    List {
        /// held, in_doubt, failed or expired.
        #[arg(long, default_value = "held")]
        state: String,
        #[arg(long)]
        label: Option<String>,
        /// The last delivery of the page before.
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 500)]
        limit: usize,
    },
    /// Show what is held with a label, and a hash over all of it.
    Preview {
        #[arg(long)]
        label: String,
    },
    /// Decide about deliveries by id, or all held ones with a label.
    Review {
        /// release, reschedule or cancel.
        choice: String,
        deliveries: Vec<String>,
        #[arg(long)]
        label: Option<String>,
        /// The hash of the preview; when other deliveries are held by now, nothing is decided.
        #[arg(long, requires = "label")]
        hash: Option<String>,
        /// How many you read with the label: weaker than the hash, as others may be as many.
        #[arg(long, requires = "label")]
        expected: Option<usize>,
        #[arg(long)]
        at: Option<String>,
        #[arg(long)]
        zone: Option<String>,
        #[arg(long, default_value_t = 0)]
        spread_minutes: u32,
    },
    /// Settle a doubt (published, not_published or try_again), what has only started (the first two), or what
    /// `holdline retract` could not take down and you took down by hand (`taken_down`).
    Settle {
        delivery: String,
        settlement: String,
        #[arg(long)]
        note: String,
        #[arg(long)]
        url: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Which key seals, by its id.
    Show,
    /// Put another key in its place, in two calls. The first adds a key to the key file and says which. Copy the
    /// file to your backups, and to where it comes from: from the second call on, with --to, everything depends
    /// on that key. Stopped at any point, it goes on when it is run again. Keep the old key, too: what was
    /// backed up under it opens with that one only.
    Rotate {
        /// The id of the key that is to seal.
        #[arg(long)]
        to: Option<String>,
    },
    /// Write the keys that the database needs back into the key file of the node that answers, when the file has
    /// lost them and the process still knows them.
    Save,
}

#[derive(Debug, Subcommand)]
pub enum Gate {
    /// The epoch and the nodes.
    Status,
    /// After a restore or a failover: this database is the one to go on with.
    Confirm {
        #[arg(long)]
        comment: String,
    },
    /// Take a node that is stopped for good off the list.
    Forget { node: String },
}
