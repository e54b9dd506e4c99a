//! What must differ between SQLite and PostgreSQL, each with its reason.

/// Several nodes claim at once on PostgreSQL, so each skips the rows that another holds.
/// SQLite has one writer: there is nobody to skip.
pub const SKIP_LOCKED: [&str; 2] = ["", " for update of d skip locked"];

/// The limit of a statement that runs all the time. SQLite asks what a bare parameter holds there when it plans,
/// and then plans anew whenever one is bound (`sqlite3ExprIsInteger` in its `expr.c`): a quarter of the time
/// of a simulated seed went there.
pub const LIMIT_3: &str = "limit 0 + $3";

/// Rows that are judged must not change before the commit. SQLite has one writer.
pub const FOR_UPDATE: [&str; 2] = ["", " for update"];

/// Rows of channels that are judged must not change before the commit, and what refers to them may come
/// meanwhile: a new delivery does not wait. SQLite has one writer.
pub const FOR_CHANGE: [&str; 2] = ["", " for no key update"];

/// Guards claims and permits against a freeze that commits at the same moment. SQLite's writer
/// transactions begin IMMEDIATE, which is the guard. `engine.md` has the figures.
pub const GUARD_SHARED: &str = "select pg_advisory_xact_lock_shared(7306901)";
/// The other side of [`GUARD_SHARED`], taken by whoever changes the gate, or where a channel leads.
pub const GUARD_EXCLUSIVE: &str = "select pg_advisory_xact_lock(7306901)";

/// A setting that is judged by must not change before the commit. Not by its row: what was never stored has
/// none. SQLite has one writer.
pub const SETTING_SHARED: &str = "select pg_advisory_xact_lock_shared(7306902, hashtext($1))";
/// The other side of [`SETTING_SHARED`], taken by whoever changes the setting.
pub const SETTING_EXCLUSIVE: &str = "select pg_advisory_xact_lock(7306902, hashtext($1))";

/// Which PostgreSQL database this is: the identifier of its cluster, the timeline that this writes now, and the
/// database's own number.
pub const IDENTITY: &str =
    "select 'postgres cluster ' || (pg_control_system()).system_identifier || ' timeline '
    || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) || ' database ' || oid
    from pg_database where datname = current_database()";
/// The same, of a host that tells nothing of the cluster.
pub const OID: &str =
    "select 'postgres database ' || oid from pg_database where datname = current_database()";

/// Rows as one array for each column (PostgreSQL).
pub fn arrays(types: &[&str]) -> String {
    let arrays: Vec<_> = types.iter().enumerate().map(|(i, t)| format!("${}::{t}[]", i + 1)).collect();
    format!("select * from unnest({})", arrays.join(", "))
}

/// Rows as a list of values (SQLite), padded with rows of nulls that are left out; what is the same in
/// every row is written once, before them. Plain `?`: binding a numbered parameter looks it up in a
/// list of them all, which was half the time of a large batch.
pub fn values(rows: usize, same: &[bool]) -> String {
    let mut differing = 0;
    let list: Vec<_> = same
        .iter()
        .map(|same| {
            if *same {
                return "?".into();
            }
            differing += 1;
            format!("column{differing}")
        })
        .collect();
    let row = format!("({})", vec!["?"; differing].join(", "));
    let rows = vec![row; padded(rows)].join(", ");
    format!("select {} from (values {rows}) where column1 is not null", list.join(", "))
}

/// How many rows a list of so many is written with. Few different texts are prepared once and kept;
/// a batch of any size in a text of its own would be prepared each time. So coarse because statements
/// travel together: their sizes multiply, and what is the same in all rows makes a text of its own, too.
pub fn padded(rows: usize) -> usize {
    match rows {
        0..=1 => 1,
        2..=4 => 4,
        5..=16 => 16,
        17..=64 => 64,
        _ => rows.next_power_of_two(),
    }
}

/// `$1, $2, $3`, starting at `first`.
pub fn list(first: usize, count: usize) -> String {
    (first..first + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn rows_are_arrays_or_padded_values() {
        assert_eq!(super::arrays(&["text", "bigint"]), "select * from unnest($1::text[], $2::bigint[])");
        let values = "select column1, ?, column2 from (values (?, ?), (?, ?), (?, ?), (?, ?)) \
                      where column1 is not null";
        assert_eq!(super::values(3, &[false, true, false]), values);
        assert_eq!(super::list(3, 2), "$3, $4");
    }
}
