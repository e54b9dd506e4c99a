//! Mails that came back, piped in by a mail server.

use std::io::Read;

use anyhow::Context;
use channels::email::bounces::MOST_BYTES;
use serde_json::Value;

use super::api::{Api, encode};
use super::call::Show;
use super::{End, table};

/// Hands in the mail that comes in. What is longer than the service takes is cut off: it ends with the mail that came back.
pub async fn run(api: &Api, show: Show<'_>, as_json: bool, channel: &str) -> anyhow::Result<End> {
    match hand_in(api, channel).await {
        Ok(answer) if as_json => show(&answer, &[]),
        Ok(answer) => {
            table::line(answer["said"].as_str().unwrap_or_default());
            show(&answer["recipients"], &["recipient", "result"]);
        }
        // Whatever the reason is, the mail server still has the mail, and tries again.
        Err(e) => return Ok(End::NotTaken(e)),
    }
    Ok(End::Done)
}

async fn hand_in(api: &Api, channel: &str) -> anyhow::Result<Value> {
    let (mut mail, mut stdin) = (Vec::new(), std::io::stdin().lock());
    (&mut stdin).take(u64::try_from(MOST_BYTES)?).read_to_end(&mut mail).context("cannot read the mail")?;
    // Whoever pipes it is to see no broken pipe.
    std::io::copy(&mut stdin, &mut std::io::sink())?;
    drop(stdin);
    api.upload(&format!("/channels/{}/bounces", encode(channel)), "message/rfc822", mail).await
}
