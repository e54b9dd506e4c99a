//! What becomes of the files of a node whose process is gone.

use std::path::Path;

/// The machine has started again: the marks of before do not count any more.
pub fn another_boot(folder: &Path) {
    let file = folder.join("begun");
    let Ok(text) = std::fs::read_to_string(&file) else { return };
    let changed = text.replacen(" since boot ", " since boot another-", 1);
    // In place: it must stay the very file.
    drop(std::fs::write(file, changed));
}

/// A planted fault: a file of marks that counts, and has none.
pub fn forget_marks(folder: &Path) {
    let file = folder.join("begun");
    let Ok(text) = std::fs::read_to_string(&file) else { return };
    let header = text.split_inclusive('\n').next().unwrap_or_default();
    let never = format!("{header}{:020} 00000000-0000-7000-8000-000000000000\n", 99_999);
    drop(std::fs::write(file, never));
}
