//! Pictures as files: small and whole, with what cameras and editors write into them.

use img_parts::png::PngChunk;

/// Latitude and longitude are what nobody must learn from a picture.
pub const SECRET: &[u8] = b"GPS 52.5163 N 13.3777 E";

/// A black PNG of that size.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    png_with(width, height, &[])
}

/// The same with these chunks before its pixels.
pub fn png_with(width: u32, height: u32, chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let pixels = vec![0; ((width as usize).div_ceil(8) + 1) * height as usize];
    // Stored as it is (RFC 1950 and 1951), and the check sum of so many zeros.
    let mut data = vec![0x78, 1];
    let blocks = pixels.chunks(0xFFFF);
    let last = blocks.len() - 1;
    for (n, block) in blocks.enumerate() {
        let length = u16::try_from(block.len()).unwrap();
        data.push(u8::from(n == last));
        data.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
        data.extend_from_slice(block);
    }
    data.extend([(pixels.len() % 65_521) as u16, 1].map(u16::to_be_bytes).concat());
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let head = [&size[..], &[1, 0, 0, 0, 0]].concat();
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let before = [(b"IHDR", &head[..])].into_iter().chain(chunks.iter().copied());
    for (kind, contents) in before.chain([(b"IDAT", &data[..]), (b"IEND", &[][..])]) {
        let chunk = PngChunk::new(*kind, contents.to_vec().into());
        out.extend_from_slice(&chunk.encoder().bytes());
    }
    out
}

/// A segment of a JPEG.
pub fn segment(marker: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker], &length[..], contents].concat()
}

/// A grey JPEG of 16 by 8 pixels.
pub fn jpeg() -> Vec<u8> {
    jpeg_with(&[], &[])
}

/// The same with these bytes before what its pixels need, and these between head and scan.
pub fn jpeg_with(before: &[u8], between: &[u8]) -> Vec<u8> {
    // One code of one bit.
    let code = |class: u8| segment(0xC4, &[&[class, 1], &[0; 16][..]].concat());
    let parts = [
        vec![0xFF, 0xD8],
        before.to_vec(),
        segment(0xDB, &[&[0], &[1; 64][..]].concat()),
        segment(0xC0, &[8, 0, 8, 0, 15, 1, 1, 0x11, 0]),
        code(0),
        code(0x10),
        between.to_vec(),
        segment(0xDA, &[1, 1, 0, 0, 0x3F, 0]),
        vec![0x0F, 0xFF, 0xD9],
    ];
    parts.concat()
}

/// Exif in the order of Intel, as many cameras write it: a remark, which side is up, and where it was taken.
pub fn exif(turn: u8) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        let head = [tag.to_le_bytes(), kind.to_le_bytes()].concat();
        [head, count.to_le_bytes().to_vec(), value.to_le_bytes().to_vec()].concat()
    };
    let secret = u32::try_from(SECRET.len()).unwrap();
    let entries = [entry(0x010E, 2, secret, 38), entry(0x0112, 3, 1, turn.into())].concat();
    [b"II\x2a\0\x08\0\0\0\x02\0", &entries[..], &[0; 4], SECRET].concat()
}

/// A chunk of a RIFF file.
pub fn chunk(id: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(contents.len()).unwrap().to_le_bytes();
    [&id[..], &length, contents, &[0][..contents.len() % 2]].concat()
}

/// A WebP of these chunks.
pub fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk(b"RIFF", &[&b"WEBP"[..], &chunks.concat()].concat())
}

/// The pixels of a WebP of 1 by 1.
pub const VP8L: &[u8] = &[0x2F, 0, 0, 0, 0x10, 7, 0x10, 0x11, 0x11, 0x88, 0x88, 0xFE, 7];

/// A GIF of 1 by 1 with these blocks before its picture.
pub fn gif_with(blocks: &[u8]) -> Vec<u8> {
    let head = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff";
    [&head[..], blocks, b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b"].concat()
}
