//! What must differ between SQLite and PostgreSQL, each with its reason.

/// Several nodes claim at once on PostgreSQL, so each skips the rows that another holds.
/// SQLite has one writer: there is nobody to skip.
pub const SKIP_LOCKED: [&str; 2] = ["", " for update of d skip locked"];

/// Rows that are judged must not change before the commit. SQLite has one writer.
pub const FOR_UPDATE: [&str; 2] = ["", " for update"];

/// Guards claims and permits against a freeze that commits at the same moment. SQLite's writer
/// transactions begin IMMEDIATE, which is the guard. `engine.md` has the figures.
pub const GUARD_SHARED: &str = "select pg_advisory_xact_lock_shared(7306901)";
/// The other side of [`GUARD_SHARED`], taken by whoever changes the gate.
pub const GUARD_EXCLUSIVE: &str = "select pg_advisory_xact_lock(7306901)";

/// `($1, $2), ($3, $4)` for `rows` rows; the first row carries the types, which PostgreSQL needs
/// to know in a `values` list.
pub fn values(rows: usize, types: &[&str]) -> String {
    let mut out = String::with_capacity(rows * types.len() * 6);
    let mut n = 1;
    for row in 0..rows {
        out.push_str(if row == 0 { "(" } else { ", (" });
        for (i, kind) in types.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            if row == 0 {
                out.push_str(&format!("cast(${n} as {kind})"));
            } else {
                out.push_str(&format!("${n}"));
            }
            n += 1;
        }
        out.push(')');
    }
    out
}

/// `$1, $2, $3`, starting at `first`.
pub fn list(first: usize, count: usize) -> String {
    (first..first + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_number_their_parameters() {
        assert_eq!(super::values(2, &["text", "bigint"]), "(cast($1 as text), cast($2 as bigint)), ($3, $4)");
        assert_eq!(super::list(3, 2), "$3, $4");
    }
}
