//! Configuration: one struct, from a file under environment variables and flags.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use config::{Environment, File, FileFormat};
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;

/// Everything that can be configured. `deploy/holdline.example.toml` explains each line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the service listens.
    pub listen: String,
    /// The folder of the node's own files, and of the embedded database.
    pub data: PathBuf,
    /// `postgres://…`; nothing: the embedded SQLite in `data`.
    pub database_url: Option<SecretString>,
    /// A file that holds `database_url`.
    pub database_url_file: Option<PathBuf>,
    /// Where the public page is reached from outside.
    pub public_url: Option<String>,
    /// Proxies in front whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Private networks that outgoing requests may reach.
    pub allow_private: Vec<IpNet>,
    /// Outgoing requests reach nothing but `allow_private`. For drills; not to be configured.
    #[serde(skip)]
    pub only_private: bool,
    /// The file of the instance key; nothing: `instance.key` in `data`, made at the first start.
    pub instance_key_file: Option<PathBuf>,
    /// The mail server that tells approvers what waits for them, and who may test channels when one fails; nothing: no mails are sent.
    pub mail_server: Option<String>,
    /// Its port; nothing: 587, or 465 for `tls`.
    pub mail_port: Option<u16>,
    /// `starttls`, `tls`, or `none` for a network in `allow_private`.
    pub mail_security: String,
    /// The name to log in with, if the server asks.
    pub mail_account: Option<String>,
    /// A file that holds the password of `mail_account`.
    pub mail_password_file: Option<PathBuf>,
    /// Who the mails are from: `Holdline <holdline@bank.example>`.
    pub mail_from: Option<String>,
    /// How much of what a network takes is kept for crisis posts, in percent; 0: nothing.
    pub reserve_percent: u8,
    /// What people call this node.
    pub node_name: String,
    /// Which messages are logged: `info`, or a filter such as `holdline=debug`.
    pub log: String,
    /// `text` or `json`.
    pub log_format: String,
}

/// The names of the fields: what may stand in the file, and behind `HOLDLINE_` in the environment.
const KEYS: [&str; 18] = [
    "listen",
    "data",
    "database_url",
    "database_url_file",
    "public_url",
    "trusted_proxies",
    "allow_private",
    "instance_key_file",
    "mail_server",
    "mail_port",
    "mail_security",
    "mail_account",
    "mail_password_file",
    "mail_from",
    "reserve_percent",
    "node_name",
    "log",
    "log_format",
];

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8740".into(),
            data: "data".into(),
            database_url: None,
            database_url_file: None,
            public_url: None,
            trusted_proxies: Vec::new(),
            allow_private: Vec::new(),
            only_private: false,
            instance_key_file: None,
            mail_server: None,
            mail_port: None,
            mail_security: "starttls".into(),
            mail_account: None,
            mail_password_file: None,
            mail_from: None,
            reserve_percent: 20,
            node_name: "main".into(),
            log: "info".into(),
            log_format: "text".into(),
        }
    }
}

impl Config {
    /// Reads the file, if one is named, and then `HOLDLINE_*` variables over it.
    ///
    /// # Errors
    /// A sentence that names what cannot be read.
    pub fn read(file: Option<&Path>) -> Result<Self, String> {
        Self::read_with(file, std::env::vars())
    }

    fn read_with(
        file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        let mut builder = config::Config::builder();
        if let Some(file) = file {
            builder = builder.add_source(File::from(file).format(FileFormat::Toml));
        }
        // Other variables of ours (the token of the commands, the tests' own) are not configuration.
        let known: HashMap<_, _> = variables
            .filter(|(name, value)| {
                let key = name.strip_prefix("HOLDLINE_").map(str::to_ascii_lowercase);
                !value.is_empty() && key.is_some_and(|k| KEYS.contains(&k.as_str()))
            })
            .collect();
        let set = |key: &str| known.keys().any(|name| name.eq_ignore_ascii_case(&format!("HOLDLINE_{key}")));
        let set = (set("database_url"), set("database_url_file"));
        let variables =
            Environment::with_prefix("HOLDLINE").source(Some(known)).try_parsing(true).list_separator(",");
        let variables = variables.with_list_parse_key("allow_private").with_list_parse_key("trusted_proxies");
        builder = builder.add_source(variables.ignore_empty(true));
        let mut config: Self = builder
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(|e| format!("configuration: {e}"))?;
        config.check()?;
        // Both name the database: a variable wins over the file here too.
        match set {
            (true, false) => config.database_url_file = None,
            (false, true) => config.database_url = None,
            _ => {}
        }
        if config.database_url.is_some() && config.database_url_file.is_some() {
            return Err("configuration: database_url, database_url_file: give one of the two".into());
        }
        if let Some(file) = &config.database_url_file {
            let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
            config.database_url = Some(text.trim().to_owned().into());
        }
        Ok(config)
    }

    /// Whether every value can be used: a mistake is told at the start, not replaced by a guess.
    ///
    /// # Errors
    /// A sentence that names the key and the remedy.
    pub fn check(&self) -> Result<(), String> {
        let wrong = |key: &str, remedy: &str| Err(format!("configuration: {key}: {remedy}"));
        let port = self.listen.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
            return wrong("listen", "write an address with its port, such as 127.0.0.1:8740");
        }
        if let Some(url) = &self.public_url {
            let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            let bad = |c: char| c.is_whitespace() || c.is_control() || "\"<>?#@".contains(c);
            if host.is_none_or(|h| h.is_empty() || h.starts_with('/') || h.ends_with('/') || h.contains(bad))
            {
                return wrong(
                    "public_url",
                    "write it as https://status.example.org, without a slash at the end",
                );
            }
        }
        if self.node_name.trim().is_empty() || self.node_name.chars().any(char::is_control) {
            return wrong("node_name", "give the node a name");
        }
        if self.reserve_percent > 90 {
            return wrong("reserve_percent", "write a number from 0 to 90");
        }
        if tracing_subscriber::EnvFilter::try_new(&self.log).is_err() {
            return wrong("log", "write info, or a filter such as info,holdline::worker=debug");
        }
        if !["text", "json"].contains(&self.log_format.as_str()) {
            return wrong("log_format", "write text or json");
        }
        self.check_mail()
    }

    fn check_mail(&self) -> Result<(), String> {
        let wrong = |key: &str, remedy: &str| Err(format!("configuration: {key}: {remedy}"));
        if !["starttls", "tls", "none"].contains(&self.mail_security.as_str()) {
            return wrong("mail_security", "write starttls, tls or none");
        }
        match (&self.mail_server, &self.mail_from) {
            (Some(server), _) if server.trim().is_empty() || server.contains(char::is_whitespace) => {
                return wrong("mail_server", "write its name, such as mail.bank.example");
            }
            (Some(_), None) => {
                return wrong("mail_from", "say who the mails are from: Holdline <holdline@bank.example>");
            }
            (None, Some(_)) => return wrong("mail_server", "is missing; without it no mail is sent"),
            _ => {}
        }
        if self.mail_account.is_some() != self.mail_password_file.is_some() {
            return wrong("mail_password_file", "goes together with mail_account: give both or none");
        }
        Ok(())
    }

    /// The settings of the mail server, as an e-mail channel has them; nothing: no mails are sent.
    pub fn mail(&self) -> Option<serde_json::Value> {
        let mut settings = serde_json::json!({
            "host": self.mail_server.as_ref()?, "security": self.mail_security, "from": self.mail_from,
        });
        if let Some(port) = self.mail_port {
            settings["port"] = port.into();
        }
        if let Some(account) = &self.mail_account {
            settings["user"] = account.as_str().into();
        }
        Some(settings)
    }

    /// Where the public page is.
    pub fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_variable_wins_over_the_file_that_names_the_same_database() {
        let folder = tempfile::tempdir().unwrap();
        let (file, secret) = (folder.path().join("holdline.toml"), folder.path().join("database.url"));
        std::fs::write(&secret, "postgres://secret/x\n").unwrap();
        let by_name = format!("database_url_file = {:?}\n", secret.to_str().unwrap());
        let read = |text: &str, variables: &[(&str, &str)]| {
            std::fs::write(&file, text).unwrap();
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let config = Config::read_with(Some(&file), variables.collect::<Vec<_>>().into_iter())?;
            Ok::<_, String>(config.database_url.map(|url| url.expose_secret().to_owned()))
        };
        let url = |text: &str| Ok(Some(text.to_owned()));
        let (direct, name) = ("HOLDLINE_DATABASE_URL", "HOLDLINE_DATABASE_URL_FILE");
        assert_eq!(read(&by_name, &[]), url("postgres://secret/x"));
        assert_eq!(read(&by_name, &[(direct, "postgres://variable/x")]), url("postgres://variable/x"));
        assert_eq!(read(&by_name, &[(direct, "")]), url("postgres://secret/x"), "empty is not set");
        let plain = "database_url = \"postgres://file/x\"\n";
        assert_eq!(read(plain, &[(name, secret.to_str().unwrap())]), url("postgres://secret/x"));
        assert_eq!(read(plain, &[]), url("postgres://file/x"));
        let both = read(&format!("{plain}{by_name}"), &[]);
        assert!(both.unwrap_err().contains("one of the two"));
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named() {
        assert_eq!(Config::default().check(), Ok(()));
        let with = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().unwrap_err()
        };
        assert!(with(|c| c.listen = "8740".into()).contains("listen"));
        assert!(with(|c| c.listen = "127.0.0.1:http".into()).contains("listen"));
        assert!(with(|c| c.log = "holdline=loud=x".into()).contains("log:"));
        assert!(with(|c| c.log_format = "jsno".into()).contains("log_format"));
        assert!(with(|c| c.node_name = " ".into()).contains("node_name"));
        assert!(with(|c| c.mail_security = "ssl".into()).contains("mail_security"));
        assert!(with(|c| c.mail_server = Some("mail.bank.example".into())).contains("mail_from"));
        assert!(with(|c| c.mail_from = Some("a@bank.example".into())).contains("mail_server"));
        assert!(with(|c| c.mail_account = Some("holdline".into())).contains("mail_password_file"));
        for url in
            ["ftp://x", "https://", "https://x/", "javascript:alert(1)", "https://x/\"y", "https://u:p@x"]
        {
            let mut config = Config { public_url: Some(url.into()), ..Config::default() };
            assert!(config.check().unwrap_err().contains("public_url"), "{url}");
            config.public_url = Some("https://status.example.org/holdline".into());
            assert_eq!(config.check(), Ok(()));
        }
    }

    #[test]
    fn a_mail_server_is_settings_of_a_channel() {
        assert_eq!(Config::default().mail(), None);
        let config = Config {
            mail_server: Some("mail.bank.example".into()),
            mail_port: Some(25),
            mail_from: Some("Holdline <holdline@bank.example>".into()),
            ..Config::default()
        };
        assert_eq!(config.check(), Ok(()));
        let settings = config.mail().unwrap();
        assert_eq!((&settings["port"], &settings["security"]), (&25.into(), &"starttls".into()));
        assert_eq!(settings.get("user"), None);
    }
}
