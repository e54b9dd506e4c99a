//! How often something is tried.

/// How many rounds a variable asks for.
pub fn rounds(variable: &str, without: usize) -> usize {
    let Ok(text) = std::env::var(variable) else { return without };
    counted(&text).unwrap_or_else(|| panic!("{variable}={text}: give a number from 1 on"))
}

/// A number of rounds; none would pass with nothing done.
fn counted(text: &str) -> Option<usize> {
    text.parse().ok().filter(|rounds| *rounds > 0)
}

#[test]
fn no_rounds_are_refused() {
    assert_eq!(["20", "1", "0", "", "-1", "many"].map(counted), [Some(20), Some(1), None, None, None, None]);
}
