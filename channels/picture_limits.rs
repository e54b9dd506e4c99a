//! Which pictures a network takes, besides how many and how large. Pure.

/// What a network takes of pictures, as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureLimits {
    /// What is said of a post without any, where the network shows none such.
    pub missing: Option<&'static str>,
    /// The media types that it takes. None: all that are uploaded here.
    pub forms: &'static [&'static str],
    /// What is said of a picture of another one.
    pub other_form: &'static str,
    pub shape: Option<Shape>,
}

/// How wide and how high a picture may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Least width beside a height of 1,000.
    pub narrowest: u64,
    /// Most width beside a height of 1,000.
    pub widest: u64,
    /// Most pixels of width and height together.
    pub sides: Option<u64>,
    /// What is said of another one.
    pub other: &'static str,
}

impl PictureLimits {
    /// All that is uploaded here goes there, and a post needs none.
    pub const ANY: Self = Self { missing: None, forms: &[], other_form: "", shape: None };

    /// What is said of a post with pictures of these types.
    pub(crate) fn problems<'a>(
        &self,
        mimes: impl Iterator<Item = &'a str> + Clone,
    ) -> impl Iterator<Item = &'static str> {
        let missing = self.missing.filter(|_| mimes.clone().next().is_none());
        let other = mimes.clone().any(|mime| !self.takes(mime)).then_some(self.other_form);
        missing.into_iter().chain(other)
    }

    fn takes(&self, mime: &str) -> bool {
        self.forms.is_empty() || self.forms.contains(&mime)
    }

    /// What is said of a picture of this width and height, if the network does not take it.
    pub fn misshapen(&self, (width, height): (u32, u32)) -> Option<&'static str> {
        let shape = self.shape?;
        let (width, height) = (u64::from(width), u64::from(height));
        let is_taken = (shape.narrowest * height..=shape.widest * height).contains(&(width * 1_000))
            && shape.sides.is_none_or(|most| width + height <= most);
        (!is_taken).then_some(shape.other)
    }

    /// Whether a post lacks the pictures without which the network shows none: these are of such types and, where it is
    /// known, of such a width and height.
    pub fn lacks<'a>(&self, mut pictures: impl Iterator<Item = (&'a str, Option<(u32, u32)>)>) -> bool {
        let is_taken = |(mime, size): (&str, Option<(u32, u32)>)| {
            self.takes(mime) && size.is_none_or(|size| self.misshapen(size).is_none())
        };
        self.missing.is_some() && !(pictures.next().is_some_and(is_taken) && pictures.all(is_taken))
    }
}

impl Default for PictureLimits {
    fn default() -> Self {
        Self::ANY
    }
}

#[cfg(test)]
mod tests {
    use crate::{MediaRef, Rendition, fit, instagram, telegram};

    /// What is said of pictures of these types on that network.
    fn said(adapter: &str, mimes: &[&str]) -> Vec<String> {
        let picture = |mime: &&str| MediaRef { sha256: "ab".into(), mime: (*mime).into(), alt: "A".into() };
        let post = Rendition {
            title: None,
            text: "t".to_owned(),
            more: Vec::new(),
            language: "en".to_owned(),
            media: mimes.iter().map(picture).collect(),
        };
        let found = fit::check(&post, &crate::adapter(adapter).unwrap().limits).into_iter();
        found.map(|p| format!("{} {}", p.field, p.message)).collect()
    }

    #[test]
    fn a_form_that_a_network_does_not_take_is_named_before_anybody_approves() {
        let (jpeg, png, gif, webp) = ("image/jpeg", "image/png", "image/gif", "image/webp");
        for (adapter, taken, refused, words) in [
            ("x", &[jpeg, png, webp][..], &[gif][..], "JPEG, PNG or WebP"),
            ("linkedin", &[jpeg, png, gif], &[webp], "JPEG, PNG or GIF"),
            ("slack", &[jpeg, png, gif], &[webp], "JPEG, PNG or GIF"),
            ("telegram", &[jpeg, png], &[gif, webp], "JPEG or PNG"),
            ("threads", &[jpeg, png], &[gif, webp], "JPEG or PNG"),
            ("instagram", &[jpeg], &[png, gif, webp], "save it as JPEG"),
            ("bluesky", &[jpeg, png, gif, webp], &[], ""),
        ] {
            assert_eq!(said(adapter, taken), [""; 0], "{adapter}");
            for other in refused {
                let told = said(adapter, &[jpeg, other]);
                assert!(told.len() == 1 && told[0].starts_with("media has a"), "{adapter} {other} {told:?}");
                assert!(told[0].contains(words), "{adapter} {other} {told:?}");
            }
        }
        assert_eq!(said("instagram", &[]), ["media is missing: Instagram takes no post without a picture"]);
    }

    #[test]
    fn a_picture_that_is_too_long_or_too_large_is_named() {
        let instagram = |size| instagram::ADAPTER.limits.pictures.misshapen(size).is_none();
        for taken in [(4, 5), (1080, 1350), (1080, 566), (1200, 628), (1600, 900), (1, 1)] {
            assert!(instagram(taken), "{taken:?}");
        }
        for refused in [(1080, 1920), (3, 4), (2, 1), (1200, 600), (1, 0), (u32::MAX, 1)] {
            assert!(!instagram(refused), "{refused:?}");
        }
        let telegram = |size| telegram::ADAPTER.limits.pictures.misshapen(size).is_none();
        for (taken, refused) in
            [((5_000, 5_000), (5_000, 5_001)), ((2_000, 100), (2_100, 100)), ((100, 2_000), (100, 2_200))]
        {
            assert!(telegram(taken) && !telegram(refused), "{taken:?} {refused:?}");
        }
        assert_eq!(crate::x::ADAPTER.limits.pictures.misshapen((1, 9_000)), None);
    }

    #[test]
    fn only_a_network_that_shows_no_post_without_lacks_pictures() {
        let lacks = |adapter: &str, pictures: &[(&str, Option<(u32, u32)>)]| {
            crate::adapter(adapter).unwrap().limits.pictures.lacks(pictures.iter().copied())
        };
        let (jpeg, long) = (("image/jpeg", Some((1, 1))), ("image/jpeg", Some((1, 9))));
        for pictures in [&[][..], &[("image/png", None)], &[jpeg, ("image/webp", None)], &[jpeg, long]] {
            assert!(lacks("instagram", pictures), "{pictures:?}");
            assert!(!lacks("x", pictures) && !lacks("threads", pictures), "{pictures:?}");
        }
        assert!(!lacks("instagram", &[jpeg, ("image/jpeg", None)]));
    }
}
