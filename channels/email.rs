//! Adapter `email`: one message to a list of people, over SMTP submission (RFC 6409).
//!
//! Commands are sent one by one, so that the gate is read before DATA, and again when the server
//! lets the message come. Up to there nothing has happened. A connection that ends between the
//! message and its answer leaves the message in doubt (RFC 1047), and there is nothing to read back.
//! Who has it, who is refused and who waits is in a ledger (`email_list.rs`).
//! Once the answer has come, nothing that the server does or leaves undone changes it.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart, MultiPartKind, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::{Error, response::Response};
use lettre::{Address, Message};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use crate::html;
use crate::http::Http;
use crate::mailer::Letter;
use crate::smtp_answers::{refused, unsent, words};
use crate::smtp_stream::UntilTls;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Clock, Connection, Failure, Health, Job, Limits, Pass, PictureLimits,
    Pins, ReadBack, Receipt, Replay, Retraction, Retry, Sighting, Ways,
};

#[path = "email_bounces.rs"]
pub mod bounces;
#[path = "email_list.rs"]
mod list;
#[path = "email_pictures.rs"]
mod pictures;
#[path = "email_settings.rs"]
mod settings;

pub(crate) use pictures::Picture;

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "email",
    title: "E-mail",
    capabilities: Capabilities {
        replay: Replay::None,
        read_back: ReadBack::None,
        retract: false,
        media: true,
        starts_only: false,
        revises: None,
        pins: Pins::None,
        fetches: false,
        watches: false,
        sweeps: false,
        publishes: true,
        concurrency: 2,
    },
    // A subject stays readable within one header line (RFC 5322, section 2.1.1).
    limits: Limits {
        text: Some(20_000),
        unit: Unit::Characters,
        text_bytes: None,
        title: Some(150),
        title_needed: true,
        media: pictures::MOST,
        media_bytes: pictures::MOST_BYTES,
        media_all: None,
        alt: Some(1_000),
        parts: 1,
        cards: false,
        pictures: PictureLimits::ANY,
    },
    settings: settings::ALL,
    frame: None,
    ways: Ways::USUAL,
    connect,
};

/// Most recipients of one message that every server takes (RFC 5321, section 4.5.3.1.8).
const MOST_RECIPIENTS: usize = 100;

/// How long the server may take. The core gives an attempt 120 s.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// For opening the connection, and for the answer to one command.
    step: Duration,
    /// For everything before DATA: the log-in, and a command for each of up to 100 recipients.
    pub(crate) prepare: Duration,
    /// For the answer to a message, while others wait for their turn.
    message: Duration,
    /// For a whole attempt. Its last message has what is left.
    whole: Duration,
    /// For the farewell, which means nothing any more.
    farewell: Duration,
}

const PATIENCE: Patience = Patience {
    step: Duration::from_secs(15),
    prepare: Duration::from_secs(60),
    message: Duration::from_secs(40),
    whole: Duration::from_secs(115),
    farewell: Duration::from_secs(2),
};

/// Bytes of a message for which there is a second besides the time for its answer: a line of 2 Mbit/s.
const PER_SECOND: usize = 250_000;

impl Patience {
    /// How long a message of so many bytes and its answer may take while others wait for their turn.
    fn for_message(&self, bytes: usize) -> Duration {
        self.message + Duration::from_secs(u64::try_from(bytes / PER_SECOND).unwrap_or(u64::MAX))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Security {
    StartTls,
    Tls,
    None,
}

pub(crate) struct Email {
    pub(crate) host: String,
    port: u16,
    security: Security,
    login: Option<Credentials>,
    /// The password, in each form in which a server is sent it and could repeat it.
    hidden: Vec<SecretString>,
    from: Mailbox,
    to: Vec<Address>,
    /// What `List-Unsubscribe` says.
    unsubscribe: Option<String>,
    http: Arc<Http>,
    clock: Clock,
    pub(crate) patience: Patience,
}

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let email = Email::new(connection, recipients(&connection.setting("to")?)?)?;
    Ok(Box::new(email))
}

fn recipients(list: &str) -> Result<Vec<Address>, String> {
    let words = list.split([',', ';', '\n']).map(str::trim).filter(|w| !w.is_empty());
    let read = |w: &str| w.parse::<Address>().map_err(|why| format!("the setting to: \"{w}\": {why}"));
    let mut all = words.map(read).collect::<Result<Vec<_>, _>>()?;
    let mut known = std::collections::HashSet::new();
    all.retain(|a| known.insert(list::key(a)));
    match all.len() {
        0 => Err("the setting to names nobody".to_owned()),
        1..=MOST_RECIPIENTS => Ok(all),
        n => Err(format!("the setting to names {n} people; at most {MOST_RECIPIENTS} fit into one channel")),
    }
}

impl Email {
    pub(crate) fn new(connection: &Connection, to: Vec<Address>) -> Result<Self, String> {
        let optional = |name| connection.setting(name).ok();
        let security = match optional("security").as_deref().unwrap_or("starttls") {
            "starttls" => Security::StartTls,
            "tls" => Security::Tls,
            "none" => Security::None,
            _ => return Err("the setting security must be starttls, tls or none".to_owned()),
        };
        let port = match optional("port") {
            Some(port) => port.parse().map_err(|_| "the setting port must be a number up to 65535")?,
            None if security == Security::Tls => 465,
            None => 587,
        };
        let (login, hidden) = match optional("user") {
            Some(user) => {
                let password = connection.secret()?.expose_secret().to_owned();
                let hidden = list::hidden(&user, &password);
                (Some(Credentials::new(user, password)), hidden)
            }
            None => (None, Vec::new()),
        };
        let from = connection.setting("from")?.parse().map_err(|why| format!("the setting from: {why}"))?;
        let host = connection.setting("host")?;
        let unsubscribe = optional("unsubscribe").map(|typed| settings::unsubscribe(&typed)).transpose()?;
        let (http, clock) = (Arc::clone(&connection.http), Arc::clone(&connection.clock));
        Ok(Self {
            host,
            port,
            security,
            login,
            hidden,
            from,
            to,
            unsubscribe,
            http,
            clock,
            patience: PATIENCE,
        })
    }

    /// Opens a connection, secures it and logs in.
    async fn open(&self) -> Result<AsyncSmtpConnection, Failure> {
        let private = self.security == Security::None;
        let addresses = self.http.addresses(&self.host, self.port, !private).await;
        let addresses = addresses.map_err(|why| unsent(&format!("{}: {why}", self.host)))?;
        let tls = || TlsParameters::new_rustls(self.host.clone()).map_err(|e| unsent(&words(&e)));
        let wrapped = if self.security == Security::Tls { Some(tls()?) } else { None };
        let hello = ClientId::Domain(self.from.email.domain().to_owned());
        let step = self.patience.step;
        let opened = if self.security == Security::StartTls {
            let stream = UntilTls::reach(&addresses, step).await.map_err(|why| unsent(&why))?;
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await
        } else {
            AsyncSmtpConnection::connect_tokio1(addresses.as_slice(), Some(step), &hello, wrapped, None).await
        };
        let mut smtp = opened.map_err(|e| unsent(&words(&e)))?;
        if self.security == Security::StartTls {
            if !smtp.can_starttls() {
                self.part(smtp).await;
                let reason = "the mail server offers no STARTTLS; choose tls".to_owned();
                return Err(Failure::Rejected { reason, retry: Retry::Reconnect });
            }
            smtp.starttls(tls()?, &hello).await.map_err(|e| unsent(&words(&e)))?;
        }
        if let Some(login) = &self.login {
            smtp.auth(&[Mechanism::Plain, Mechanism::Login], login).await.map_err(|e| match e.status() {
                // A temporary failure of the log-in (RFC 4954, section 6).
                Some(_) if e.is_transient() => unsent(&words(&e)),
                None if !e.is_client() => unsent(&words(&e)),
                _ => {
                    let reason = format!("the mail server refuses the log-in: {}", words(&e));
                    Failure::Rejected { reason, retry: Retry::Reconnect }
                }
            })?;
        }
        Ok(smtp)
    }

    /// The answer to one command.
    ///
    /// # Errors
    /// Outside, when none came in time; inside, as the server refuses.
    async fn ask(
        &self,
        smtp: &mut AsyncSmtpConnection,
        command: impl Display + Send,
    ) -> Result<Result<Response, Error>, Failure> {
        let step = self.patience.step;
        timeout(step, smtp.command(command)).await.map_err(|_| self.silent(step))
    }

    fn silent(&self, time: Duration) -> Failure {
        unsent(&format!("{}: no answer within {} s", self.host, time.as_secs()))
    }

    /// Everything before DATA, which takes no longer than that. Who of the recipients is refused, by their place, and how.
    pub(crate) async fn prepare(
        &self,
        to: &[Address],
        longest: Duration,
    ) -> Result<(AsyncSmtpConnection, Vec<(usize, Error)>), Failure> {
        let all = async {
            let mut smtp = self.open().await?;
            let eight = smtp.server_info().supports_feature(Extension::EightBitMime);
            let parameters = eight.then_some(MailParameter::Body(MailBodyParameter::EightBitMime));
            let mail = Mail::new(Some(self.from.email.clone()), parameters.into_iter().collect());
            let sender = self.ask(&mut smtp, mail).await?;
            sender.map_err(|e| refused("the mail server refuses the sender", &e))?;
            let refusals = self.recipients(&mut smtp, to).await?;
            Ok((smtp, refusals))
        };
        timeout(longest, all).await.map_err(|_| self.silent(longest))?
    }

    /// Names the recipients: who of them is refused, by their place, and how.
    async fn recipients(
        &self,
        smtp: &mut AsyncSmtpConnection,
        to: &[Address],
    ) -> Result<Vec<(usize, Error)>, Failure> {
        let mut refusals = Vec::new();
        for (n, address) in to.iter().enumerate() {
            match self.ask(smtp, Rcpt::new(address.clone(), Vec::new())).await? {
                Ok(_) => {}
                Err(e) if e.status().is_some() => refusals.push((n, e)),
                Err(e) => return Err(unsent(&words(&e))),
            }
        }
        Ok(refusals)
    }

    /// Says farewell. A server that stays silent is left.
    pub(crate) async fn part(&self, mut smtp: AsyncSmtpConnection) {
        let _ = timeout(self.patience.farewell, smtp.quit()).await;
    }

    /// The post as a message. Nobody sees the other recipients.
    fn message(&self, job: &Job) -> Result<(String, Vec<u8>), String> {
        let post = &job.rendition;
        let id = job.delivery.to_string();
        let pictures = pictures::of(job, self.from.email.domain())?;
        let shown: Vec<_> = pictures.iter().map(|p| (p.address(), p.alt)).collect();
        let letter = Letter {
            id: &id,
            to: "undisclosed-recipients:;",
            subject: post.title.as_deref().unwrap_or_default(),
            text: &pictures::text(post),
            html: Some(html::page(&post.language, &post.text, &shown)),
            pictures,
            language: &post.language,
            unsubscribe: self.unsubscribe.as_deref(),
        };
        self.write(&letter, self.to.clone())
    }

    /// A message with its id, which is the same in every attempt: receivers may drop a second copy.
    pub(crate) fn write(&self, letter: &Letter<'_>, to: Vec<Address>) -> Result<(String, Vec<u8>), String> {
        let id = format!("<{}@{}>", letter.id, self.from.email.domain());
        let shown = HeaderValue::new(HeaderName::new_from_ascii_str("To"), letter.to.to_owned());
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let language = HeaderName::new_from_ascii_str("Content-Language");
        let envelope = lettre::address::Envelope::new(Some(self.from.email.clone()), to);
        let message = MessageBuilder::new()
            .from(self.from.clone())
            .subject(letter.subject)
            .message_id(Some(id.clone()))
            .date(SystemTime::from((self.clock)()))
            .envelope(envelope.map_err(|e| e.to_string())?);
        let part = |kind, body: &str| {
            let part = SinglePart::builder().header(kind).header(ContentTransferEncoding::QuotedPrintable);
            part.body(body.to_owned())
        };
        let text = part(ContentType::TEXT_PLAIN, letter.text);
        // The same bytes in every attempt, so the line between the parts is made of the id.
        let both =
            MultiPart::builder().kind(MultiPartKind::Alternative).boundary(format!("part-{}", letter.id));
        let mut message = match &letter.html {
            Some(html) => {
                let (both, page) = (both.singlepart(text), part(ContentType::TEXT_HTML, html));
                message.multipart(match letter.pictures.as_slice() {
                    [] => both.singlepart(page),
                    some => both.multipart(pictures::beside(page, some, letter.id)?),
                })
            }
            None => message.singlepart(text),
        }
        .map_err(|e: lettre::error::Error| e.to_string())?;
        let headers = message.headers_mut();
        headers.insert_raw(shown);
        // RFC 3834, section 5: other machines do not answer.
        headers.insert_raw(HeaderValue::new(automatic, "auto-generated".to_owned()));
        headers.insert_raw(HeaderValue::new(language, letter.language.to_owned()));
        if let Some(way) = letter.unsubscribe {
            let name = HeaderName::new_from_ascii_str("List-Unsubscribe");
            // ASCII without spaces, checked: nothing of it is folded or encoded.
            headers.insert_raw(HeaderValue::dangerous_new_pre_encoded(name, way.to_owned(), way.to_owned()));
        }
        Ok((id, Message::formatted(&message)))
    }
}

#[async_trait]
impl Channel for Email {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        self.publish_to_list(job, pass).await
    }

    async fn read_back(&self, _: &Job) -> Sighting {
        Sighting::Unknown("a mail cannot be read back; ask the mail server's log for its id".to_owned())
    }

    async fn retract(&self, job: &Job, _: Option<&str>) -> Retraction {
        let no = "a mail cannot be taken back; send a correction".to_owned();
        Retraction::StillLive(self.note(job).map_or_else(|| no.clone(), |who| format!("{no}; {who}")))
    }

    async fn check(&self) -> Health {
        match timeout(self.patience.prepare, self.open()).await {
            Err(_) => Health::unready(format!("{}: no answer in time", self.host)),
            Ok(Err(failure)) => Health::unready(self.covered(failure.to_string())),
            Ok(Ok(smtp)) => {
                self.part(smtp).await;
                let (host, n) = (&self.host, self.to.len());
                let detail = match self.login {
                    Some(_) => format!("logged in at {host} for {n} recipients"),
                    None => format!("connected to {host} for {n} recipients"),
                };
                Health::ready(detail)
            }
        }
    }
}

#[cfg(test)]
#[path = "email_tests.rs"]
mod tests;
