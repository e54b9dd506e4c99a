//! Roles, and what each may do.

use serde::{Deserialize, Serialize};

use super::Word;

/// What a person, or a token, may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Schedules posts, freezes, drafts updates.
    Operator,
    /// Reads the exact texts and decides.
    Approver,
    /// Connects channels, people, settings.
    Administrator,
    /// Reads everything, changes nothing.
    Auditor,
    /// A monitoring system: says signals, opens incidents, which freezes marketing, and reads. It never
    /// stops crisis posts.
    Integrator,
    /// A mail server: hands in the mails that came back, and can do and read nothing else.
    Postmaster,
}

impl Word for Role {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("operator", Self::Operator),
        ("approver", Self::Approver),
        ("administrator", Self::Administrator),
        ("auditor", Self::Auditor),
        ("integrator", Self::Integrator),
        ("postmaster", Self::Postmaster),
    ];
}

/// A thing that a route or command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Read posts, channels, incidents, freezes, nodes.
    Read,
    /// Read and export the audit log.
    Audit,
    /// Write posts and submit them.
    Write,
    /// Freeze, open an incident (which freezes), and say a signal.
    Freeze,
    /// Freeze crisis posts too.
    Quarantine,
    /// Ask a network whether a channel is ready.
    Test,
    /// Thaw, decide about held posts, settle what is in doubt, resolve, retract, dismiss a signal or join it to
    /// an incident.
    Decide,
    /// Approve and reject.
    Approve,
    /// People, tokens, channels, policy, nodes.
    Administer,
    /// Hand in what a network says later of what went out: mails that came back.
    Report,
}

impl Role {
    /// Whether the role includes the right.
    pub fn may(self, right: Right) -> bool {
        use Right as R;
        match self {
            Self::Operator => {
                matches!(
                    right,
                    R::Read | R::Write | R::Freeze | R::Quarantine | R::Test | R::Decide | R::Report
                )
            }
            Self::Approver => matches!(
                right,
                R::Read | R::Freeze | R::Quarantine | R::Test | R::Decide | R::Approve | R::Audit
            ),
            Self::Administrator => matches!(
                right,
                R::Read | R::Freeze | R::Quarantine | R::Test | R::Administer | R::Audit | R::Report
            ),
            Self::Auditor => matches!(right, R::Read | R::Audit),
            Self::Integrator => matches!(right, R::Read | R::Freeze),
            Self::Postmaster => right == R::Report,
        }
    }
}

/// Reads a stored list of roles, separated by commas. Unknown words give no right.
pub fn parse_list(list: &str) -> Vec<Role> {
    list.split(',').filter_map(|w| Role::parse(w.trim()).ok()).collect()
}

/// Writes a list of roles as it is stored.
pub fn list(roles: &[Role]) -> String {
    roles.iter().map(|r| r.word()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_administrator_can_neither_write_nor_approve() {
        assert!(!Role::Administrator.may(Right::Write));
        assert!(!Role::Administrator.may(Right::Approve));
    }

    #[test]
    fn an_auditor_changes_nothing() {
        for right in
            [Right::Write, Right::Freeze, Right::Decide, Right::Approve, Right::Administer, Right::Test]
        {
            assert!(!Role::Auditor.may(right));
        }
    }

    #[test]
    fn a_monitoring_system_stops_no_crisis_post() {
        assert!(Role::Integrator.may(Right::Freeze));
        assert!(!Role::Integrator.may(Right::Quarantine));
        assert!(!Role::Integrator.may(Right::Test));
    }

    #[test]
    fn a_mail_server_reads_nothing() {
        assert!(Role::Postmaster.may(Right::Report));
        use Right as R;
        let others = [
            R::Read,
            R::Audit,
            R::Write,
            R::Freeze,
            R::Quarantine,
            R::Test,
            R::Decide,
            R::Approve,
            R::Administer,
        ];
        assert!(others.into_iter().all(|right| !Role::Postmaster.may(right)));
    }
}
