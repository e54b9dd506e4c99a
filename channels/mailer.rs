//! Mails of the service itself to people of the team: no channel, no gate, at least once.

use lettre::Address;
use lettre::transport::smtp::commands::Data;
use tokio::time::timeout;

use crate::email::{Email, Picture};
use crate::smtp_answers::{NOBODY, answered, refused};
use crate::{Connection, Failure};

/// Sends single mails to people of the team: they are no posts, so nothing of them passes the gate.
pub struct Mailer(Email);

/// One mail to one person.
#[derive(Debug, Clone)]
pub struct Letter<'a> {
    /// The same in every try, so that receivers may drop a second copy.
    pub id: &'a str,
    pub to: &'a str,
    pub subject: &'a str,
    pub text: &'a str,
    /// The same words as a page, for those who read mails so.
    pub html: Option<String>,
    /// What the page shows.
    pub pictures: Vec<Picture<'a>>,
    pub language: &'a str,
    /// What `List-Unsubscribe` says.
    pub unsubscribe: Option<&'a str>,
}

impl Mailer {
    /// With the settings host, port, security, user and from of a channel, and its credential.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn new(connection: &Connection) -> Result<Self, String> {
        Email::new(connection, Vec::new()).map(Self)
    }

    /// Sends one mail. When the answer to it is lost, it may have arrived all the same.
    ///
    /// # Errors
    /// Why not, in one line.
    pub async fn send(&self, letter: &Letter<'_>) -> Result<(), String> {
        let to: Address = letter.to.parse().map_err(|e| format!("{}: {e}", letter.to))?;
        let (_, message) = self.0.write(letter, vec![to.clone()])?;
        let prepare = self.0.patience.prepare;
        let send = async {
            let (mut smtp, refusals) = self.0.prepare(&[to], prepare).await?;
            if let Some((_, e)) = refusals.first() {
                self.0.part(smtp).await;
                return Err(refused(NOBODY, e));
            }
            let data = smtp.command(Data).await;
            data.map_err(|e| refused("the mail server takes no message", &e))?;
            answered(smtp.message(&message).await)?;
            self.0.part(smtp).await;
            Ok::<_, Failure>(())
        };
        match timeout(2 * prepare, send).await {
            Ok(done) => done.map_err(|failure| self.0.covered(failure.to_string())),
            Err(_) => Err(format!("{}: no answer within {} s", self.0.host, 2 * prepare.as_secs())),
        }
    }
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer").field("host", &self.0.host).finish_non_exhaustive()
    }
}
