//! Pictures lose what their files tell besides, and keep their pixels, colours and which side is up.

use holdline::app::media::Media;
use holdline::app::{AppError, incidents, media, posts};
use holdline::domain::cleaned::{DAMAGED, NOT_UNDERSTOOD, cleaned, turn};
use holdline::domain::picture::size;
use holdline::store::Unaudited;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::Bench;
use crate::support::drawn::{
    SECRET, VP8L, chunk, exif, gif_with, jpeg, jpeg_with, png, png_with, segment, webp,
};

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Cleans a picture that has the secret; it has none then, and cleaning it again changes nothing.
fn clean(picture: &[u8]) -> Vec<u8> {
    assert!(holds(picture, SECRET));
    let out = cleaned(picture).unwrap();
    assert!(!holds(&out, SECRET), "{out:?}");
    assert_eq!(cleaned(&out).as_deref(), Ok(&out[..]));
    out
}

/// What a camera and an editor write into a JPEG.
fn told(turn: u8) -> Vec<u8> {
    let all = [
        segment(0xE1, &[b"Exif\0\0", &exif(turn)[..]].concat()),
        segment(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", SECRET].concat()),
        segment(0xED, &[b"Photoshop 3.0\0", SECRET].concat()),
        segment(0xE2, &[b"MPF\0", SECRET].concat()),
        segment(0xFE, SECRET),
        segment(0xF7, SECRET),
        segment(0xC8, SECRET),
    ];
    all.concat()
}

#[test]
fn a_jpeg_keeps_its_pixels_and_colours_alone() {
    let colours = segment(0xE2, &[&b"ICC_PROFILE\0\x01\x01"[..], b"colours"].concat());
    let adobe = |rest: &[u8]| segment(0xEE, &[&b"Adobe\0\x64\0\0\0\0\0"[..], rest].concat());
    let jfif =
        |size: &[u8], copy: &[u8]| segment(0xE0, &[b"JFIF\0\x01\x01\0\0\x01\0\x01", size, copy].concat());
    let before = [jfif(&[1, 8], SECRET), told(1), colours.clone(), adobe(SECRET)].concat();
    let out = clean(&jpeg_with(&before, &segment(0xFE, SECRET)));
    assert_eq!(out, jpeg_with(&[jfif(&[0, 0], b""), colours, adobe(b"")].concat(), &[]));
    assert_eq!((turn(&out), size(&out)), (None, Some((15, 8))));
    assert_eq!(cleaned(&jpeg()).unwrap(), jpeg(), "a picture without anything else stays as it is");
}

#[test]
fn what_stands_between_and_behind_the_scans_of_a_jpeg_goes_too() {
    let plain = jpeg();
    let (pixels, end) = plain.split_at(plain.len() - 2);
    // A pixel that looks like a mark, a restart, a table, and another scan.
    let more =
        [vec![0xFF, 0, 0xFF, 0xD0, 7], segment(0xC4, &[9; 18]), segment(0xDA, &[1; 6]), vec![5]].concat();
    let scans = [pixels, &more, end].concat();
    let odd = [pixels, &segment(0xFE, SECRET), &segment(0xE1, SECRET), &[0xFF], &more, end].concat();
    // Phones write a second picture behind the first, with an Exif of its own.
    let second = jpeg_with(&told(1), &[]);
    assert_eq!(clean(&[&odd[..], &second, SECRET].concat()), scans);
}

#[test]
fn a_picture_on_its_side_stays_upright_and_says_its_size_so() {
    for side in 1..=8 {
        let out = clean(&jpeg_with(&told(side), &[]));
        let (is_turned, lies) = (side > 1, side > 4);
        assert_eq!(turn(&out), is_turned.then_some(side));
        assert_eq!(size(&out), Some(if lies { (8, 15) } else { (15, 8) }), "{side}");
        // Marker, length, name, and the Exif of one entry.
        assert_eq!(out.len(), jpeg().len() + if is_turned { 4 + 6 + 26 } else { 0 });
    }
    for odd in [0, 9, 200] {
        assert_eq!(clean(&jpeg_with(&told(odd), &[])), jpeg(), "{odd} is no side");
    }
}

#[test]
fn a_png_keeps_its_pixels_and_colours_alone() {
    let colours: [(&[u8; 4], &[u8]); 3] =
        [(b"gAMA", &[0, 0, 0xB1, 0x8F]), (b"iCCP", b"icc\0\0x"), (b"tRNS", &[0, 0])];
    let exif = exif(6);
    let told: [(&[u8; 4], &[u8]); 6] = [
        (b"eXIf", &exif),
        (b"tEXt", SECRET),
        (b"zTXt", SECRET),
        (b"iTXt", SECRET),
        (b"tIME", SECRET),
        (b"prVt", SECRET),
    ];
    let out = clean(&[&png_with(20, 10, &[&colours[..], &told[1..]].concat())[..], SECRET].concat());
    assert_eq!((out, turn(&png(20, 10))), (png_with(20, 10, &colours), None));
    let turned = clean(&png_with(20, 10, &told));
    assert_eq!((turn(&turned), size(&turned)), (Some(6), Some((10, 20))));
}

#[test]
fn a_webp_keeps_its_pixels_and_colours_alone() {
    let (pixels, colours) = (chunk(b"VP8L", VP8L), chunk(b"ICCP", b"colours"));
    let extended = |flags: u8| chunk(b"VP8X", &[flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let told = [chunk(b"XMP ", SECRET), chunk(b"junk", SECRET)].concat();
    let exif = |side| chunk(b"EXIF", &exif(side));
    let out = clean(&webp(&[extended(0x2C), colours.clone(), pixels.clone(), exif(1), told.clone()]));
    assert_eq!(out, webp(&[extended(0x20), colours, pixels.clone()]));
    let turned = clean(&webp(&[extended(0x0C), pixels.clone(), exif(8), told.clone()]));
    assert_eq!(turn(&turned), Some(8));
    assert_eq!(turned[20], 8, "of what the head names there is the Exif alone");
    let plain = webp(std::slice::from_ref(&pixels));
    assert_eq!(clean(&webp(&[extended(0x04), pixels, told])), plain);
    assert_eq!(size(&plain), Some((1, 1)));
    assert_eq!(clean(&[&plain[..], SECRET].concat()), plain, "nothing stands behind it");
}

/// A WebP of one frame with these chunks in the frame, and these bytes behind its head and its rhythm.
fn moving(in_frame: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let frame = [vec![0; 16], in_frame.concat()].concat();
    webp(&[
        chunk(b"VP8X", &[&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0], behind].concat()),
        chunk(b"ANIM", &[&[0; 6], behind].concat()),
        chunk(b"ANMF", &frame),
    ])
}

#[test]
fn a_webp_that_moves_keeps_the_picture_of_each_frame_alone() {
    let (pixels, alpha) = (chunk(b"VP8L", VP8L), chunk(b"ALPH", &[0, 1, 2]));
    let told = [
        chunk(b"junk", SECRET),
        alpha.clone(),
        chunk(b"EXIF", SECRET),
        pixels.clone(),
        chunk(b"XMP ", SECRET),
    ];
    assert_eq!(clean(&moving(&told, SECRET)), moving(&[alpha, pixels], b""));
    let cut = [chunk(b"VP8L", VP8L), b"VP8L\xff\xff\0\0".to_vec()];
    assert_eq!(cleaned(&moving(&cut, b"")), Err(DAMAGED));
}

#[test]
fn a_png_that_needs_what_nobody_knows_is_refused() {
    assert_eq!(cleaned(&png_with(20, 10, &[(b"CgBI", SECRET)])), Err(NOT_UNDERSTOOD));
}

#[test]
fn a_gif_keeps_its_pictures_and_how_often_it_moves_alone() {
    let block =
        |head: &[u8], data: &[u8]| [&[0x21], head, &[u8::try_from(data.len()).unwrap()], data, &[0]].concat();
    let moves = [b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0".to_vec(), block(&[0xF9], &[0, 9, 0, 0])].concat();
    let told = [block(&[0xFE], SECRET), block(b"\xff\x0bXMP DataXMP", SECRET), block(&[1], SECRET)].concat();
    let picture = gif_with(&[told.clone(), moves.clone(), told].concat());
    assert_eq!(clean(&[&picture[..], SECRET].concat()), gif_with(&moves));
}

#[test]
fn a_file_that_does_not_hold_together_is_refused_wherever_it_is_cut() {
    let lossless = webp(&[chunk(b"VP8L", VP8L)]);
    for whole in [jpeg_with(&told(6), &[]), png(20, 10), lossless, gif_with(b"\x21\xfe\x01a\0")] {
        assert!(cleaned(&whole).is_ok());
        for length in 0..whole.len() {
            assert_eq!(cleaned(&whole[..length]), Err(DAMAGED), "{length} of {whole:?}");
        }
        // Whatever a byte says of lengths, reading it ends.
        for at in 0..whole.len() {
            for byte in [0, 1, 0x7F, 0xFF] {
                let mut odd = whole.clone();
                odd[at] = byte;
                let _ = (cleaned(&odd), turn(&odd), size(&odd));
            }
        }
    }
}

/// Keeps a picture as older versions did; the hash of its bytes.
async fn kept_as_it_came(bench: &Bench, photo: &[u8]) -> String {
    let (sha256, mime) = (::channels::hash(photo), "image/jpeg".to_owned());
    let mut tx = bench.look().await.begin().await.unwrap();
    let as_it_came = Media { sha256: sha256.clone(), mime, bytes: photo.to_vec(), created_at: 1 };
    assert!(tx.insert_media(&as_it_came).await.unwrap());
    tx.commit_unaudited(Unaudited::Look).await.unwrap();
    sha256
}

/// A post with that picture.
fn with(sha256: &str) -> Value {
    let picture = json!({ "sha256": sha256, "mime": "image/jpeg", "alt": "A map" });
    json!({ "kind": "routine", "channels": ["alpha"], "source": { "text": "Open", "media": [picture] } })
}

on_both! {
    async fn what_is_kept_and_approved_is_the_cleaned_picture(bench) {
        let photo = jpeg_with(&told(6), &[]);
        let kept = media::upload(&bench.app, &bench.operator, photo.clone()).await.unwrap();
        let stored = media::get(&bench.app, &bench.approver, &kept.sha256).await.unwrap();
        assert_eq!(stored.bytes, cleaned(&photo).unwrap());
        assert_eq!((kept.sha256, kept.bytes), (::channels::hash(&stored.bytes), stored.bytes.len()));
        let cut = media::upload(&bench.app, &bench.operator, photo[..photo.len() - 2].to_vec()).await;
        let Err(AppError::Invalid(problems)) = cut else { panic!("{cut:?}") };
        assert!(format!("{problems:?}").contains(DAMAGED), "{problems:?}");
    }

    async fn a_picture_that_was_kept_as_it_came_is_for_its_author_to_send_again(bench) {
        let photo = jpeg_with(&told(6), &[]);
        let sha256 = kept_as_it_came(&bench, &photo).await;
        let new = serde_json::from_value(with(&sha256)).unwrap();
        let refused = posts::create(&bench.app, &bench.operator, &new).await;
        let Err(AppError::Invalid(problems)) = refused else { panic!("{refused:?}") };
        assert_eq!((problems.len(), &*problems[0].field), (1, "source.media[0]"), "{problems:?}");
        assert!(problems[0].message.contains("upload it again"), "{problems:?}");
        let again = media::upload(&bench.app, &bench.operator, photo).await.unwrap().sha256;
        assert_ne!(again, sha256);
        // One that would be refused when it is uploaded again says why.
        let odd = kept_as_it_came(&bench, &png_with(20, 10, &[(b"CgBI", SECRET)])).await;
        let new = serde_json::from_value(with(&odd)).unwrap();
        let refused = posts::create(&bench.app, &bench.operator, &new).await.unwrap_err().in_full();
        assert!(refused.contains(NOT_UNDERSTOOD), "{refused}");
        let new = serde_json::from_value(with(&again)).unwrap();
        posts::create(&bench.app, &bench.operator, &new).await.unwrap();
    }

    async fn words_beside_such_a_picture_change_where_it_is_not_sent_again(bench) {
        let worker = bench.start().await;
        let photo = jpeg_with(&told(6), &[]);
        let sha256 = kept_as_it_came(&bench, &photo).await;
        let again = media::upload(&bench.app, &bench.operator, photo).await.unwrap().sha256;
        let new = json!({"title": "Cards", "severity": "major", "freeze": false});
        let new = serde_json::from_value(new).unwrap();
        let incident = incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident.id;
        let post = |sha256: &str, more: Value| {
            let mut post = with(sha256);
            (post["kind"], post["incident"]) = (json!("update"), json!(incident));
            post.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            post
        };
        let first = bench.approved(post(&again, json!({ "channels": ["alpha", "site"] }))).await.id;
        bench.until(&first, &["accepted"; 2]).await;
        // As the older version sent it.
        for (table, column) in [("posts", "source"), ("deliveries", "rendition")] {
            bench.sql(&format!("update {table} set {column} = replace({column}, '{again}', '{sha256}')")).await;
        }
        let change = |sha256: &str, channels: &[&str]| {
            let mut post = post(sha256, json!({ "revises": first, "channels": channels }));
            post["source"]["text"] = json!("Open from 9");
            post
        };
        for (channels, why) in [(&[][..], "cannot go to site again: was uploaded before"), (&["site"][..], "and take the new one")] {
            let new = serde_json::from_value(change(&sha256, channels)).unwrap();
            let refused = posts::create(&bench.app, &bench.operator, &new).await.unwrap_err().in_full();
            assert!(refused.contains(why), "{refused}");
        }
        // Another one is none that alpha has, and no way around.
        let other = serde_json::from_value(change(&again, &["alpha"])).unwrap();
        let refused = posts::create(&bench.app, &bench.operator, &other).await.unwrap_err().in_full();
        assert!(refused.contains("and not the pictures"), "{refused}");
        let second = bench.approved(change(&sha256, &["alpha"])).await.id;
        bench.until(&second, &["accepted"]).await;
        assert_eq!(crate::revisions::on_alpha(&bench), ["Open from 9"]);
        let third = bench.approved(change(&again, &["site"])).await.id;
        bench.until(&third, &["accepted"]).await;
        worker.stop().await.unwrap();
    }
}
