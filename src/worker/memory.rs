//! What a node remembers of its database on its own disk.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::app::witness::{Own, Seen};

/// What a node remembers on its own disk, outside the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    pub node: String,
    pub epoch: i64,
    pub timeline: String,
    /// The installation that the database belongs to.
    #[serde(default)]
    pub instance: String,
    /// The longest log that was seen. A database with a shorter one is a restored one.
    #[serde(default)]
    pub log_size: i64,
    /// The hash of its last leaf, in hex: a restored database may have grown again.
    #[serde(default)]
    pub leaf: String,
    /// Processes of this node that are no more, newest last: what they had under way has ended.
    #[serde(default)]
    pub ended: Vec<String>,
    /// Timelines before this one. A database that comes back with one of them is an older copy.
    #[serde(default)]
    pub left: Vec<String>,
}

impl Memory {
    /// Reads the memory, or begins one with a new id.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(file: &Path, new_id: impl FnOnce() -> String) -> std::result::Result<Self, String> {
        match std::fs::read_to_string(file) {
            Ok(text) => serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self { node: new_id(), ..Self::default() })
            }
            Err(e) => Err(format!("{}: {e}", file.display())),
        }
    }

    pub(super) fn seen(&self) -> Seen {
        let leaf = hex::decode(&self.leaf).ok().filter(|leaf| !leaf.is_empty());
        Seen { timeline: self.timeline.clone(), log_size: self.log_size, leaf, own: Own::default() }
    }

    /// Notes a process that is no more.
    pub(super) fn note_ended(&mut self, incarnation: Option<String>) {
        const MOST: usize = 32;
        if let Some(incarnation) = incarnation.filter(|i| !self.ended.contains(i)) {
            self.ended.push(incarnation);
            let old = self.ended.len().saturating_sub(MOST);
            self.ended.drain(..old);
        }
    }

    pub(super) fn set_seen(&mut self, seen: &Seen) {
        if !self.timeline.is_empty() && self.timeline != seen.timeline {
            self.left.push(std::mem::take(&mut self.timeline));
        }
        self.timeline.clone_from(&seen.timeline);
        self.set_log(seen.newest());
    }

    /// A log of this size ended with this leaf.
    pub(super) fn set_log(&mut self, (log_size, leaf): (i64, Option<&[u8]>)) {
        self.log_size = log_size;
        self.leaf = leaf.map(hex::encode).unwrap_or_default();
    }

    /// Writes the memory: a crash meanwhile leaves the old or the new one, a crash afterwards the new.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, file: &Path) -> std::result::Result<(), String> {
        let words = |e: std::io::Error| format!("{}: {e}", file.display());
        let next = file.with_extension("next");
        std::fs::write(&next, serde_json::to_vec(self).unwrap_or_default()).map_err(words)?;
        std::fs::File::open(&next).and_then(|f| f.sync_all()).map_err(words)?;
        std::fs::rename(&next, file).map_err(words)?;
        let folder = file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(words)
    }
}

/// The file of the memory inside the data folder.
pub fn memory_file(data: &Path) -> PathBuf {
    data.join("node.json")
}
