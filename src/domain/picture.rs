//! How wide and how high a picture is when it is upright, as its file says. Facts: the PNG specification, 11.2.1 (IHDR); GIF89a, 18;
//! ITU-T T.81, B.2.2 (the frame header of JPEG); RFC 9649, 2.5 to 2.7 (WebP).

use super::cleaned::turn;

/// Pixels of width and height as readers see them. Nothing: the file does not say it where its kind does.
pub fn size(b: &[u8]) -> Option<(u32, u32)> {
    let size = match b {
        [0x89, b'P', b'N', b'G', ..] => (big(b, 16, 4)?, big(b, 20, 4)?),
        [b'G', b'I', b'F', b'8', ..] => (little(b, 6, 2)?, little(b, 8, 2)?),
        [0xFF, 0xD8, ..] => jpeg(b)?,
        [b'R', b'I', b'F', b'F', ..] => webp(b)?,
        _ => return None,
    };
    let lies = turn(b).is_some_and(|turn| turn > 4);
    let size = if lies { (size.1, size.0) } else { size };
    (size.0 > 0 && size.1 > 0).then_some(size)
}

/// The frame header, behind segments that each say their length.
fn jpeg(b: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let marker = *b.get(at..at + 2)?.strip_prefix(&[0xFF])?.first()?;
        match marker {
            // A fill byte before a marker.
            0xFF => at += 1,
            // Not the tables of Huffman (C4) and arithmetic coding (CC), nor what is kept for later (C8).
            0xC0..=0xCF if ![0xC4, 0xC8, 0xCC].contains(&marker) => {
                return Some((big(b, at + 7, 2)?, big(b, at + 5, 2)?));
            }
            // A frame header comes before the scan and the end.
            0xD9 | 0xDA => return None,
            0x01 | 0xD0..=0xD8 => at += 2,
            _ => at += 2 + usize::try_from(big(b, at + 2, 2)?).ok()?.max(2),
        }
    }
}

fn webp(b: &[u8]) -> Option<(u32, u32)> {
    match b.get(12..16)? {
        b"VP8 " => Some((little(b, 26, 2)? & 0x3FFF, little(b, 28, 2)? & 0x3FFF)),
        b"VP8L" => {
            let bits = little(b, 21, 4)?;
            Some(((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1))
        }
        b"VP8X" => Some((little(b, 24, 3)? + 1, little(b, 27, 3)? + 1)),
        _ => None,
    }
}

/// A number of up to four bytes, the highest first.
fn big(b: &[u8], at: usize, bytes: usize) -> Option<u32> {
    Some(b.get(at..at + bytes)?.iter().fold(0, |n, byte| n << 8 | u32::from(*byte)))
}

/// A number of up to four bytes, the lowest first.
fn little(b: &[u8], at: usize, bytes: usize) -> Option<u32> {
    Some(b.get(at..at + bytes)?.iter().rev().fold(0, |n, byte| n << 8 | u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x05\0\0\0\x02\xd0\x08\x06";
    const GIF: &[u8] = b"GIF89a\x40\x01\xf0\0\xf7";
    const JPEG: &[u8] =
        b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc4\0\x03x\xff\xc2\0\x11\x08\x02\xd0\x05\0\x03\x01";
    const LOSSY: &[u8] = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\x30\x01\0\x9d\x01\x2a\x40\x41\xf0\0";
    const LOSSLESS: &[u8] = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x3f\xc1\x3b\0";
    const EXTENDED: &[u8] = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x3f\x01\0\xef\0\0";

    #[test]
    fn each_kind_says_its_size() {
        assert_eq!((size(PNG), size(JPEG)), (Some((1280, 720)), Some((1280, 720))));
        for small in [GIF, LOSSY, LOSSLESS, EXTENDED] {
            assert_eq!(size(small), Some((320, 240)), "{small:?}");
        }
    }

    #[test]
    fn a_file_that_is_cut_or_lies_has_no_size_and_ends() {
        for whole in [PNG, GIF, JPEG, LOSSY, LOSSLESS, EXTENDED] {
            for length in 0..whole.len() {
                // What is behind the size may be cut.
                assert!([None, size(whole)].contains(&size(&whole[..length])), "{whole:?} {length}");
            }
        }
        assert_eq!(size(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\x02\xd0"), None);
        assert_eq!(size(b"\xff\xd8\xff\xe0\0\0\xff\xe0\0\0\xff\xda"), None);
        assert_eq!((size(b"\xff\xd8\xff\xe0\xff\xff"), size(b"<svg/>")), (None, None));
    }

    proptest! {
        #[test]
        fn whatever_is_uploaded_says_a_size_or_none(
            kind in proptest::sample::select(vec![PNG, GIF, JPEG, LOSSY, LOSSLESS, EXTENDED]),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
            tail in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let mut file = kind.to_vec();
            for (at, byte) in changes {
                let at = at.index(file.len());
                file[at] = byte;
            }
            file.truncate(cut.index(file.len()) + 1);
            file.extend(tail);
            prop_assert!(size(&file).is_none_or(|(width, height)| width > 0 && height > 0));
        }
    }
}
