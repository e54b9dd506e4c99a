//! A picture without what its file tells besides: where it was taken and with what, by whom, remarks, small copies.
//! The pixels stay byte by byte, with their colour profile.
//!
//! A picture that lies on its side keeps that one word, in an Exif with nothing else in it: who showed it upright
//! before does so still, and nothing is compressed a second time.
//!
//! What is kept is what is listed here: of anything else nobody knows what it tells.
//!
//! Facts: ITU-T T.81, B.1.1 (markers of JPEG), T.871 (JFIF) and T.872, 6.5.3 (APP14 says how colours are coded); the PNG
//! specification, 4.7 and 11.3; RFC 9649, 2.7 (WebP); GIF89a, 17 to 27; Exif 2.32, 4.6.4 (orientation).

use bytes::Bytes;
use img_parts::jpeg::{Jpeg, JpegSegment};
use img_parts::png::Png;
use img_parts::riff::RiffContent;
use img_parts::webp::WebP;
use img_parts::{DynImage, ImageEXIF};

/// Said of a file that cannot be read to its end: nobody knows what is in it.
pub const DAMAGED: &str =
    "the file of the picture is damaged or ends early; save the picture again and send that";
/// Said of a whole PNG with a part that says of itself that nothing is shown without it, and that is in no standard.
pub const NOT_UNDERSTOOD: &str = "the file of the picture has a part that only some programs can read; save the picture \
     again as a usual PNG or JPEG and send that";

/// The chunks of a PNG without which nothing is shown. A file with another one that says so of itself is not understood.
const NEEDED_OF_PNG: [&[u8; 4]; 4] = [b"IHDR", b"PLTE", b"IDAT", b"IEND"];
/// What is kept besides: colours, transparency and movement.
const OF_PNG: [&[u8; 4]; 15] = [
    b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"pHYs",
    b"hIST", b"acTL", b"fcTL", b"fdAT",
];
const OF_WEBP: [&[u8; 4]; 7] = [b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];
/// The same of one frame.
const OF_FRAME: [&[u8]; 3] = [b"VP8 ", b"VP8L", b"ALPH"];
/// The extensions of applications in a GIF that say how often it moves, and its colours.
const OF_GIF: [&[u8; 11]; 3] = [b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"];
/// In the first byte of VP8X: there is XMP.
const XMP: u8 = 0b100;

/// Which side is up, where the file says that it is not the first row (2 to 8). From 5 on it lies on its side.
pub fn turn(picture: &[u8]) -> Option<u8> {
    let picture = DynImage::from_bytes(Bytes::copy_from_slice(picture)).ok().flatten()?;
    picture.exif().as_deref().and_then(orientation)
}

/// The file without what it tells besides its picture.
///
/// # Errors
/// A sentence, when the file does not hold together or is not understood.
pub fn cleaned(picture: &[u8]) -> Result<Vec<u8>, &'static str> {
    let bytes = || Bytes::copy_from_slice(picture);
    match picture {
        [0xFF, 0xD8, ..] => jpeg(bytes()),
        [0x89, b'P', ..] => return png(bytes()),
        [b'R', b'I', b'F', b'F', ..] => webp(bytes()),
        _ => gif(picture),
    }
    .ok_or(DAMAGED)
}

fn jpeg(bytes: Bytes) -> Option<Vec<u8>> {
    let mut jpeg = Jpeg::from_bytes(bytes.clone()).ok()?;
    let turn = jpeg.exif().as_deref().and_then(orientation);
    let first = jpeg.segments_mut().pop().filter(JpegSegment::has_entropy)?;
    let mut kept = Vec::new();
    for segment in jpeg.segments() {
        let contents = segment.contents();
        match segment.marker() {
            // Without the small copy that may stand behind its size.
            0xE0 if contents.starts_with(b"JFIF\0") => {
                let head = [contents.get(..12)?, &[0, 0]].concat();
                kept.push(JpegSegment::new_with_contents(0xE0, head.into()));
            }
            0xE2 if contents.starts_with(b"ICC_PROFILE\0") => kept.push(segment.clone()),
            0xEE if contents.starts_with(b"Adobe") => {
                let head = contents.slice(..contents.len().min(12));
                kept.push(JpegSegment::new_with_contents(0xEE, head));
            }
            marker if is_of_pixels(marker) => kept.push(segment.clone()),
            _ => {}
        }
    }
    // The library takes all that is behind the head of the first scan for its pixels.
    let behind = first.len_with_entropy() - first.len();
    let rest = scans(&bytes[bytes.len() - behind..])?;
    kept.push(JpegSegment::new_with_entropy(first.marker(), first.contents().clone(), rest.into()));
    *jpeg.segments_mut() = kept;
    jpeg.set_exif(turn.map(exif));
    Some(jpeg.encoder().bytes().to_vec())
}

/// Whether a segment of a JPEG is one that pixels are read by: frames, scans, tables, restarts and lines.
fn is_of_pixels(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xC7 | 0xC9..=0xCF | 0xDA..=0xDF)
}

/// The scans of a JPEG, from the pixels of the first one to the end of the picture. What stands behind that is another
/// picture, or something else that no reader shows.
fn scans(b: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut at) = (Vec::with_capacity(b.len()), 0);
    loop {
        let pixels = b.get(at..)?.iter().position(|byte| *byte == 0xFF)?;
        out.extend_from_slice(&b[at..at + pixels]);
        at += pixels;
        match *b.get(at + 1)? {
            0xD9 => {
                out.extend([0xFF, 0xD9]);
                return Some(out);
            }
            // A pixel that looks like a mark, and the marks between pixels.
            0x00 | 0xD0..=0xD7 => {
                out.extend_from_slice(&b[at..at + 2]);
                at += 2;
            }
            // A byte that fills.
            0xFF => at += 1,
            marker => {
                let length = u16::from_be_bytes(b.get(at + 2..at + 4)?.try_into().ok()?).max(2);
                let segment = b.get(at..at + 2 + usize::from(length))?;
                if is_of_pixels(marker) {
                    out.extend_from_slice(segment);
                }
                at += segment.len();
            }
        }
    }
}

fn png(bytes: Bytes) -> Result<Vec<u8>, &'static str> {
    let mut png = Png::from_bytes(bytes).map_err(|_| DAMAGED)?;
    let turn = png.exif().as_deref().and_then(orientation);
    if ![b"IHDR", b"IDAT", b"IEND"].iter().all(|kind| png.chunk_by_type(**kind).is_some()) {
        return Err(DAMAGED);
    }
    // A capital says that nothing is shown without it.
    let is_needed = |kind: [u8; 4]| NEEDED_OF_PNG.contains(&&kind);
    if png.chunks().iter().any(|c| c.kind()[0].is_ascii_uppercase() && !is_needed(c.kind())) {
        return Err(NOT_UNDERSTOOD);
    }
    png.chunks_mut().retain(|c| is_needed(c.kind()) || OF_PNG.contains(&&c.kind()));
    png.set_exif(turn.map(exif));
    Ok(png.encoder().bytes().to_vec())
}

fn webp(bytes: Bytes) -> Option<Vec<u8>> {
    let mut webp = WebP::from_bytes(bytes).ok()?;
    let turn = webp.exif().as_deref().and_then(orientation);
    webp.chunks_mut().retain(|c| OF_WEBP.contains(&&c.id()));
    webp.set_exif(turn.map(exif));
    for chunk in webp.chunks_mut() {
        let id = chunk.id();
        let RiffContent::Data(data) = chunk.content_mut() else { return None };
        match &id {
            b"VP8X" => {
                let (flags, rest) = data.get(..10)?.split_first()?;
                *data = [&[flags & !XMP], rest].concat().into();
            }
            b"ANIM" => *data = data.slice(..data.len().min(6)),
            b"ANMF" => *data = frame(data)?.into(),
            _ => {}
        }
    }
    let is_shown = [b"VP8 ", b"VP8L", b"ANMF"].iter().any(|id| webp.has_chunk(**id));
    is_shown.then(|| webp.encoder().bytes().to_vec())
}

/// A frame of a WebP that moves: where it stands and for how long, and its picture alone.
fn frame(b: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut at) = (b.get(..16)?.to_vec(), 16);
    while at < b.len() {
        let length = u32::from_le_bytes(b.get(at + 4..at + 8)?.try_into().ok()?);
        let length = usize::try_from(length).ok()?;
        // Chunks begin at even places.
        let end = (at + 8).checked_add(length)?.checked_add(length % 2)?;
        let chunk = b.get(at..end)?;
        if OF_FRAME.contains(&&chunk[..4]) {
            out.extend_from_slice(chunk);
        }
        at = end;
    }
    Some(out)
}

fn gif(b: &[u8]) -> Option<Vec<u8>> {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + table(*b.get(10)?);
    let mut out = b.get(..at)?.to_vec();
    loop {
        let from = at;
        let is_kept = match *b.get(at)? {
            0x3B => {
                out.push(0x3B);
                return Some(out);
            }
            0x2C => {
                at += 11 + table(*b.get(at + 9)?);
                true
            }
            0x21 => {
                at += 2;
                let is_named = |name: &&[u8; 11]| b.get(at + 1..at + 12) == Some(&name[..]);
                match b.get(at - 1)? {
                    0xF9 => true,
                    0xFF => OF_GIF.iter().any(is_named),
                    _ => false,
                }
            }
            _ => return None,
        };
        // Blocks that each say their length, and an empty one.
        while *b.get(at)? > 0 {
            at += 1 + usize::from(b[at]);
        }
        at += 1;
        if is_kept {
            out.extend_from_slice(&b[from..at]);
        }
    }
}

/// The orientation that Exif tells, where it is another than the usual one.
fn orientation(exif: &[u8]) -> Option<u8> {
    let is_little = exif.starts_with(b"II");
    let number = |at: usize, bytes: usize| -> Option<usize> {
        let part = exif.get(at..at.checked_add(bytes)?)?.iter().copied();
        let add = |sum: usize, byte: u8| sum << 8 | usize::from(byte);
        Some(if is_little { part.rev().fold(0, add) } else { part.fold(0, add) })
    };
    let (list, count) = (number(4, 4)?, number(number(4, 4)?, 2)?);
    let entry = |n: usize| list + 2 + 12 * n;
    let at = (0..count).map(entry).find(|at| number(*at, 2) == Some(0x0112))?;
    number(at + 8, 2)?.try_into().ok().filter(|turn| (2..=8).contains(turn))
}

/// Exif that tells the orientation and nothing else.
fn exif(turn: u8) -> Bytes {
    let entry = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, turn, 0, 0];
    [b"MM\0\x2a\0\0\0\x08\0\x01", &entry[..], &[0; 4]].concat().into()
}
