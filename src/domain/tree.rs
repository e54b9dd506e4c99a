//! The Merkle tree of RFC 6962 (section 2.1) and RFC 9162, as a frontier that grows.

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The hash of a leaf: SHA-256 of 0x00 and the entry.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The hash of an inner node: SHA-256 of 0x01, left and right.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The complete subtrees on the right edge of the tree, largest first: all that appending needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Reads what [`Frontier::encode`] wrote for a tree of `size` leaves.
    ///
    /// # Errors
    /// When the bytes do not fit the size.
    pub fn decode(size: u64, bytes: &[u8]) -> Result<Self, String> {
        let wanted = size.count_ones() as usize;
        let (peaks, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || peaks.len() != wanted {
            return Err(format!("a tree of {size} leaves has {wanted} peaks, not {} bytes", bytes.len()));
        }
        Ok(Self { size, peaks: peaks.to_vec() })
    }

    /// The peaks, 32 bytes each.
    pub fn encode(&self) -> Vec<u8> {
        self.peaks.concat()
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf. Returns the complete subtrees of 256, 65,536, … leaves that it completed, as
    /// (level, index, hash): the upper tiles are made of them.
    pub fn append(&mut self, leaf: Hash) -> Vec<(u32, u64, Hash)> {
        let mut done = Vec::new();
        let mut hash = leaf;
        let merges = self.size.trailing_ones();
        for level in 1..=merges {
            let left = self.peaks.pop().unwrap_or_default();
            hash = node_hash(&left, &hash);
            if level % 8 == 0 {
                done.push((level, self.size >> level, hash));
            }
        }
        self.peaks.push(hash);
        self.size += 1;
        done
    }

    /// The root: the peaks folded from the right. The root of no leaves is SHA-256 of nothing.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Sha256::digest([]).into() };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962 section 2.1, word by word.
    fn naive(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => *one,
            many => {
                let k = many.len().next_power_of_two() / 2;
                node_hash(&naive(&many[..k]), &naive(&many[k..]))
            }
        }
    }

    #[test]
    fn the_frontier_agrees_with_the_definition() {
        let leaves: Vec<_> = (0_u32..700).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        let mut tree = Frontier::default();
        for (n, leaf) in leaves.iter().enumerate() {
            assert_eq!(tree.root(), naive(&leaves[..n]), "{n} leaves");
            tree = Frontier::decode(tree.size(), &tree.encode()).unwrap();
            for (level, index, hash) in tree.append(*leaf) {
                let width = 1_usize << level;
                let start = usize::try_from(index).unwrap() * width;
                assert_eq!(hash, naive(&leaves[start..start + width]));
            }
        }
    }

    #[test]
    fn a_wrong_number_of_peaks_is_refused() {
        assert!(Frontier::decode(3, &[0; 32]).is_err());
        assert!(Frontier::decode(1, &[0; 31]).is_err());
    }
}
