//! How people sign in to the console: a password, a second factor (TOTP, RFC 6238), and one-time
//! recovery codes for whoever lost it.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use totp_rs::{Builder, Secret, Totp};

use super::error::Problems;
use super::people::{NewPerson, hash};
use super::sessions::{self, Caller, Cookie};
use super::{Actor, App, AppError, Result, invitations, keys, people};
use crate::domain::audit::Entry;
use crate::domain::role::Role;
use crate::store::Tx;
use crate::store::logins::Login;

/// How many recovery codes a person gets.
const CODES: usize = 8;
/// Least characters of a password.
pub const PASSWORD_LEAST: usize = 12;

/// A second factor that was offered and is not confirmed yet. Nothing of it is stored: it comes back
/// sealed with the form.
#[derive(Debug, Clone)]
pub struct Offer {
    pub sealed: String,
    /// `otpauth://…`, for the picture.
    pub uri: String,
    /// The secret in base 32, for whoever types it.
    pub secret: String,
}

/// What lets somebody choose a password.
#[derive(Debug)]
pub enum Ticket {
    /// The one-time token of the first start, and who they are.
    SetUp { token: String, name: String, email: String },
    /// A one-time invitation.
    Invitation(String),
}

/// What was typed to enrol.
#[derive(Debug)]
pub struct Enrolment {
    pub ticket: Ticket,
    pub password: SecretString,
    /// The sealed offer.
    pub offer: String,
    /// The code that the authenticator shows.
    pub code: String,
}

/// Offers a second factor under the name that the authenticator will show.
///
/// # Errors
/// The database's own.
pub async fn offer(app: &App, name: &str) -> Result<Offer> {
    let bytes: [u8; 20] = rand::random();
    let totp = totp(&bytes, name)?;
    let hexed: SecretString = hex::encode(bytes).into();
    offered(keys::seal_outside(app, OFFER, &hexed).await?, &totp)
}

/// Opens an offer again, for a form that had a mistake in it.
///
/// # Errors
/// When it is not one that this service made.
pub fn offer_again(app: &App, sealed: &str, name: &str) -> Result<Offer> {
    let bytes = opened(app, OFFER, sealed)?;
    let totp = totp(&bytes, name)?;
    offered(sealed.to_owned(), &totp)
}

fn offered(sealed: String, totp: &Totp) -> Result<Offer> {
    let uri = totp.to_url().map_err(|e| AppError::Internal(format!("the second factor: {e}")))?;
    Ok(Offer { sealed, uri, secret: totp.secret().to_base32() })
}

const OFFER: &str = "offered second factor";

pub(super) fn record(person: &str) -> String {
    format!("second factor:{person}")
}

fn opened(app: &App, record: &str, sealed: &str) -> Result<Vec<u8>> {
    let broken = |_| AppError::field("offer", "reload the page and scan the picture again");
    let secret = app.keys().open(record, sealed).map_err(broken)?;
    hex::decode(secret.expose_secret()).map_err(|e| AppError::Internal(e.to_string()))
}

fn totp(secret: &[u8], name: &str) -> Result<Totp> {
    // RFC 6238's defaults, which every authenticator knows: SHA-1, six digits, 30 seconds. One step
    // either way, for clocks that are a little off.
    Builder::new()
        .with_secret(Secret::from(secret))
        .with_issuer(Some("Holdline"))
        .with_account_name(name.replace(':', " "))
        .build()
        .map_err(|e| AppError::Internal(format!("the second factor: {e}")))
}

/// Sets password and second factor with a one-time ticket, and signs in. The recovery codes are
/// shown this once.
///
/// # Errors
/// Names what is wrong with the password or the code; the ticket is then still good.
pub async fn enrol(app: &App, new: Enrolment, from: &Caller) -> Result<(Cookie, Vec<String>)> {
    let mut problems = Problems::default();
    check_password(new.password.expose_secret(), &mut problems);
    let secret = opened(app, OFFER, &new.offer)?;
    let step = step_of(app, &secret, &new.code);
    if step.is_none() {
        problems.add("code", "is not the code that the authenticator shows now; wait for the next one");
    }
    problems.check()?;
    // Before any work: whoever has no ticket costs nothing.
    match &new.ticket {
        Ticket::SetUp { token, .. } => people::check_set_up(app, token).await?,
        Ticket::Invitation(invitation) => drop(invitations::look(app, invitation).await?),
    }
    let password = hash_password(new.password).await?;
    let (mut tx, by, mut entries) = match new.ticket {
        Ticket::SetUp { token, name, email } => {
            let person = NewPerson { name, email, roles: vec![Role::Administrator] };
            let (tx, by, entry) = people::first_person(app, &token, &person, &from.origin).await?;
            (tx, by, vec![entry])
        }
        Ticket::Invitation(invitation) => {
            let mut tx = app.store().begin().await?;
            let (_, by) = invitations::take(app, &mut tx, &invitation, &from.origin).await?;
            (tx, by, Vec::new())
        }
    };
    let sealed = keys::seal(app, &mut tx, &record(&by.id), &hex::encode(&secret).into()).await?;
    tx.put_login(&Login {
        person_id: by.id.clone(),
        password,
        totp: sealed,
        totp_step: step.unwrap_or_default(),
        changed_at: app.now(),
    })
    .await?;
    let codes = new_codes(&mut tx, &by.id).await?;
    // Whoever was signed in with the old password is so no more.
    tx.end_sessions(&by.id, app.now()).await?;
    entries.push(Entry::new("login.set", &format!("person:{}", by.id)));
    let (cookie, entry) = sessions::open(app, &mut tx, &by, from).await?;
    entries.push(entry);
    app.commit(tx, &by, &entries, &[]).await?;
    Ok((cookie, codes))
}

/// Makes new recovery codes; the old ones stop.
///
/// # Errors
/// The database's own.
pub async fn renew_codes(app: &App, by: &Actor) -> Result<Vec<String>> {
    let mut tx = app.store().begin().await?;
    let codes = new_codes(&mut tx, &by.id).await?;
    let entry = Entry::new("login.codes_renewed", &format!("person:{}", by.id));
    app.commit(tx, by, &[entry], &[]).await?;
    Ok(codes)
}

async fn new_codes(tx: &mut Tx, person: &str) -> Result<Vec<String>> {
    let codes: Vec<String> = (0..CODES).map(|_| recovery_code()).collect();
    let hashes: Vec<_> = codes.iter().map(|c| hash(&plain(c))).collect();
    tx.put_recovery_codes(person, &hashes).await?;
    Ok(codes)
}

/// 80 random bits in four groups.
fn recovery_code() -> String {
    let bytes: [u8; 10] = rand::random();
    let hexed = hex::encode(bytes);
    hexed.as_bytes().chunks(5).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
}

fn plain(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_lowercase()
}

/// Whether the code, or a recovery code in its place, is right; it is used up in the open change.
pub(super) async fn use_code(app: &App, tx: &mut Tx, login: &Login, code: &str) -> Result<bool> {
    let code = plain(code);
    if code.len() > 6 {
        return Ok(tx.use_recovery_code(&login.person_id, &hash(&code)).await?);
    }
    let secret = opened(app, &record(&login.person_id), &login.totp)?;
    match step_of(app, &secret, &code) {
        Some(step) => Ok(tx.use_totp_step(&login.person_id, step).await?),
        None => Ok(false),
    }
}

fn step_of(app: &App, secret: &[u8], code: &str) -> Option<i64> {
    let now = u64::try_from(app.now() / 1_000).ok()?;
    let step = totp(secret, "any").ok()?.check(code.trim(), now)?;
    i64::try_from(step).ok()
}

fn check_password(password: &str, problems: &mut Problems) {
    let length = password.chars().count();
    if length < PASSWORD_LEAST {
        problems
            .add("password", format!("takes at least {PASSWORD_LEAST} characters; several words are good"));
    }
    if length > 256 {
        problems.add("password", "takes at most 256 characters");
    }
    let first = password.chars().next();
    if length > 0 && password.chars().all(|c| Some(c) == first) {
        problems.add("password", "is one character over and over; choose several words");
    }
}

/// Two at once: a password takes 19 MiB and tens of milliseconds, and the sender runs beside.
static ONE_BY_ONE: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);

async fn hash_password(password: SecretString) -> Result<String> {
    let _turn = ONE_BY_ONE.acquire().await.map_err(|e| AppError::Internal(e.to_string()))?;
    let work = move || {
        let hashed = Argon2::default().hash_password(password.expose_secret().as_bytes());
        hashed.map(|h| h.to_string())
    };
    let hashed = tokio::task::spawn_blocking(work).await.map_err(|e| AppError::Internal(e.to_string()))?;
    hashed.map_err(|e| AppError::Internal(format!("the password: {e}")))
}

/// Whether the password is that of the login. Without a login the same work is done, so that the
/// time does not tell who has one.
pub(super) async fn is_right(login: Option<&Login>, password: SecretString) -> Result<bool> {
    let Some(login) = login else {
        hash_password(password).await?;
        return Ok(false);
    };
    let _turn = ONE_BY_ONE.acquire().await.map_err(|e| AppError::Internal(e.to_string()))?;
    let kept = login.password.clone();
    let work = move || {
        let kept = argon2::password_hash::phc::PasswordHash::new(&kept).map_err(|e| e.to_string())?;
        Ok::<_, String>(Argon2::default().verify_password(password.expose_secret().as_bytes(), &kept).is_ok())
    };
    let right = tokio::task::spawn_blocking(work).await.map_err(|e| AppError::Internal(e.to_string()))?;
    right.map_err(AppError::Internal)
}
