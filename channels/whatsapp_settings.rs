//! What a channel for WhatsApp is made of: number, account, access token, list, templates.

use std::sync::Arc;

use super::{WhatsApp, reports, template};
use crate::graph::is_id;
use crate::graph_api::Api;
use crate::{Connection, Setting, each, sms};

pub(crate) const SERVER: &str = "https://graph.facebook.com";
/// Versions of Meta's API live for two years.
const VERSION: &str = "v26.0";

/// The settings, for forms and checks.
pub(super) const ALL: &[Setting] = &[
    Setting {
        name: "number",
        help: "The id of the number that sends, from WhatsApp Manager; not the number itself",
        required: true,
        private: false,
    },
    Setting {
        name: "account",
        help: "The id of the WhatsApp Business account, which has the templates",
        required: true,
        private: false,
    },
    each::TO,
    Setting {
        name: "templates",
        help: "A line with name and language of a template, such as crisis_update en_US, and picture behind them if it has one; below it its exact words at Meta; between two templates a line ---",
        required: true,
        private: false,
    },
    Setting {
        name: "version",
        help: "The version of the API; otherwise v26.0",
        required: false,
        private: false,
    },
    Setting {
        name: "server",
        help: "Another server of the API; otherwise https://graph.facebook.com",
        required: false,
        private: false,
    },
];

/// # Errors
/// A sentence that names the setting, and repeats neither a number of the list nor a secret.
pub(super) fn connect(connection: &Connection) -> Result<WhatsApp, String> {
    let (number, account) = (connection.setting("number")?, connection.setting("account")?);
    if !is_id(&number) || !is_id(&account) {
        return Err("the settings number and account: write their ids, which are digits only".to_owned());
    }
    let (token, _) = reports::parted(connection.secret()?)?;
    let connection = &Connection { credential: Some(token), ..connection.clone() };
    Ok(WhatsApp {
        api: Api::new(connection, SERVER, VERSION)?,
        number,
        account,
        templates: template::all(&connection.setting("templates")?)?,
        to: sms::numbers(&connection.setting("to")?)?,
        clock: Arc::clone(&connection.clock),
    })
}
