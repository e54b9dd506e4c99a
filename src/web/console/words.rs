//! The words of the console, in English and French (fluent).

use std::borrow::Cow;
use std::collections::HashMap;

use axum::http::HeaderMap;
use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader, langid, static_loader};

use crate::web::words::{ENGLISH, FRENCH, Words};

static_loader! {
    static LOCALES = {
        locales: "./src/web/console/locales",
        fallback_language: "en",
        // The marks that keep the direction of a placed word are for mixed directions; both of our
        // languages are written from left to right.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

/// A language of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    En,
    Fr,
}

/// English and French as fluent knows them.
static IDS: [LanguageIdentifier; 2] = [langid!("en"), langid!("fr")];

impl Lang {
    /// Both.
    pub const ALL: [Self; 2] = [Self::En, Self::Fr];

    /// The BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }

    /// The words of the public page in this language.
    pub fn public(self) -> &'static Words {
        match self {
            Self::En => &ENGLISH,
            Self::Fr => &FRENCH,
        }
    }

    /// What the person chose, or the first language that their browser asks for and that is here.
    pub fn choose(chosen: Option<&str>, headers: &HeaderMap) -> Self {
        let tag = Words::choose(chosen, headers).tag;
        Self::ALL.into_iter().find(|l| l.tag() == tag).unwrap_or(Self::En)
    }

    /// The words of a key. A key that is not there shows itself, and a test finds it.
    pub fn t(self, key: &str) -> String {
        LOCALES.try_lookup(&IDS[self as usize], key).unwrap_or_else(|| key.to_owned())
    }

    /// The words of a key with values placed in them.
    pub fn with(self, key: &str, values: &[(&'static str, FluentValue<'_>)]) -> String {
        let args: HashMap<Cow<'static, str>, FluentValue<'_>> =
            values.iter().map(|(name, value)| (Cow::Borrowed(*name), value.clone())).collect();
        LOCALES.try_lookup_with_args(&IDS[self as usize], key, &args).unwrap_or_else(|| key.to_owned())
    }
}
