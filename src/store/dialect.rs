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

/// The parameters of a `values` list: `$n` for PostgreSQL; `?` for SQLite, where binding looks each
/// named or numbered parameter up in a list of them all, which was half the time of a large batch.
pub const NUMBERED: [bool; 2] = [false, true];

/// `($1, $2), ($3, $4)` for `rows` rows; the first row carries the types, which PostgreSQL needs
/// to know in a `values` list.
pub fn values(rows: usize, types: &[&str], numbered: bool) -> String {
    let mut out = String::with_capacity(rows * types.len() * 6);
    let mut n = 0;
    let mut parameter = || {
        n += 1;
        if numbered { format!("${n}") } else { "?".to_owned() }
    };
    for row in 0..rows {
        out.push_str(if row == 0 { "(" } else { ", (" });
        for (i, kind) in types.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            if row == 0 {
                out.push_str(&format!("cast({} as {kind})", parameter()));
            } else {
                out.push_str(&parameter());
            }
        }
        out.push(')');
    }
    out
}

/// How many rows a statement for so many is written with. Few different statements are prepared
/// once and kept; a batch of any size in a text of its own would be prepared each time.
pub fn padded(rows: usize) -> usize {
    rows.next_power_of_two()
}

/// The types of the values that are missing up to [`padded`], row by row.
pub fn padding<'a>(rows: usize, types: &'a [&'static str]) -> impl Iterator<Item = &'static str> + use<'a> {
    (rows..padded(rows)).flat_map(move |_| types.iter().copied())
}

/// `$1, $2, $3`, starting at `first`.
pub fn list(first: usize, count: usize) -> String {
    (first..first + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_number_their_parameters() {
        let types = ["text", "bigint"];
        assert_eq!(super::values(2, &types, true), "(cast($1 as text), cast($2 as bigint)), ($3, $4)");
        assert_eq!(super::values(2, &types, false), "(cast(? as text), cast(? as bigint)), (?, ?)");
        assert_eq!(super::list(3, 2), "$3, $4");
        assert_eq!([1, 3, 250].map(super::padded), [1, 4, 256]);
    }
}
