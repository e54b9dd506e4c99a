//! Twilio's API for tests, as far as it is used.

use std::collections::HashMap;

use base64::Engine;
use chrono::DateTime;
use serde_json::{Value, json};

use crate::graph::fetched::illustrated::fetch;
use crate::strict::{Asked, Network, Said, good};

pub(super) const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(super) const KEY: &str = "SKbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
pub(super) const SECRET: &str = "hunter2";
pub(super) const SENDER: &str = "+15005550006";
pub(super) const SERVICE: &str = "MG00000000000000000000000000000001";
/// What the suite's clock says.
const NOW: i64 = 1_700_000_100;

/// The API as far as it is used: one account and its messages. The same request twice makes two.
#[derive(Clone)]
pub(super) struct Twilio {
    pub(super) messages: Vec<Value>,
    /// The code by which a number is refused.
    pub(super) refuses: HashMap<String, i64>,
    /// The list does not show what was made.
    pub(super) lags: bool,
    /// What the account has; nothing: it is below another one.
    pub(super) balance: Option<&'static str>,
    /// The status of the account; nothing: the key may not ask for it.
    pub(super) status: Option<&'static str>,
    pub(super) kind: &'static str,
    /// Of the last request for a message.
    pub(super) validity: u32,
    /// It sends what it should schedule.
    pub(super) hasty: bool,
    /// The pictures of each message with some, as they were fetched.
    pub(super) pictures: Vec<Vec<Vec<u8>>>,
    /// Where it says that the list goes on, instead of the next page.
    pub(super) goes_on: Option<&'static str>,
    /// It cannot reach the address at which it is to report.
    pub(super) unreached: bool,
    /// Where it reports, of each message in their order.
    pub(super) reports: Vec<Option<String>>,
}

impl Twilio {
    pub(super) fn new() -> Self {
        Self {
            messages: Vec::new(),
            refuses: HashMap::new(),
            lags: false,
            balance: Some("57.20"),
            status: Some("active"),
            kind: "Full",
            validity: 0,
            hasty: false,
            pictures: Vec::new(),
            goes_on: None,
            unreached: false,
            reports: Vec::new(),
        }
    }

    /// How many messages that number was sent.
    pub(super) fn copies(&self, number: &str) -> usize {
        self.messages.iter().filter(|m| m["to"] == number).count()
    }

    /// All but these messages, by their place, never arrive.
    pub(super) fn fail_but(&mut self, places: &[usize]) {
        for (n, message) in self.messages.iter_mut().enumerate() {
            message["status"] = if places.contains(&n) { "delivered" } else { "undelivered" }.into();
        }
    }

    /// A message of before, or of somebody else.
    pub(super) fn other(&mut self, to: &str, body: &str, at: i64) {
        let made = DateTime::from_timestamp(at, 0).unwrap().to_rfc2822();
        let sid = format!("SM{:032x}", self.messages.len() + 1);
        self.messages.insert(
            0,
            json!({ "sid": sid, "status": "queued", "error_code": null, "to": to, "from": SENDER, "body": body,
                "direction": "outbound-api", "date_created": made, "date_sent": null }),
        );
    }
}

impl Twilio {
    /// Somebody schedules a message; its place is the first.
    pub(super) fn schedule(&mut self, to: &str, body: &str, at: i64) {
        self.other(to, body, at);
        let message = &mut self.messages[0];
        (message["status"], message["from"]) = ("scheduled".into(), Value::Null);
        (message["messaging_service_sid"], message["num_media"]) = (SERVICE.into(), "0".into());
    }

    pub(super) fn in_state(&self, status: &str) -> usize {
        self.messages.iter().filter(|m| m["status"] == status).count()
    }

    fn cancel(&mut self, sid: &str, form: &HashMap<String, String>, faults: &mut Vec<String>) -> Said {
        if form.len() != 1 || form.get("Status").is_none_or(|status| status != "canceled") {
            faults.push(format!("fields: {form:?}"));
        }
        match self.messages.iter_mut().find(|m| m["sid"] == sid) {
            None => wrong(404, 20_404, "not found"),
            Some(message) if message["status"] != "scheduled" => {
                wrong(409, 30_409, "This message cannot be canceled")
            }
            Some(message) => {
                message["status"] = "canceled".into();
                message["date_updated"] = DateTime::from_timestamp(NOW, 0).unwrap().to_rfc2822().into();
                if self.lags { wrong(500, 20_500, "Internal Server Error") } else { good(message.clone()) }
            }
        }
    }

    fn plan(&mut self, form: &HashMap<String, String>, faults: &mut Vec<String>) -> Said {
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let at = DateTime::parse_from_rfc3339(field("SendAt")).map_or(0, |at| at.timestamp());
        let fits = NOW + 300 < at && at <= NOW + 35 * 86_400;
        if form.len() != 5
            || field("ScheduleType") != "fixed"
            || field("MessagingServiceSid") != SERVICE
            || !fits
        {
            faults.push(format!("fields: {form:?}"));
        }
        self.schedule(field("To"), field("Body"), NOW);
        if self.hasty {
            self.messages[0]["status"] = "accepted".into();
        }
        (201, String::new(), self.messages[0].clone())
    }
}

fn wrong(status: u16, code: i64, words: &str) -> Said {
    let info = format!("https://www.twilio.com/docs/errors/{code}");
    let body = json!({ "code": code, "message": words, "more_info": info, "status": status });
    (status, String::new(), body)
}

impl Network for Twilio {
    fn makes(method: &str, path: &str) -> bool {
        method == "POST" && path.contains("/Messages")
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{KEY}:{SECRET}"));
        if asked.header("authorization") != format!("Basic {pair}") {
            return wrong(401, 20_003, &format!("Authenticate {SECRET}"));
        }
        let root = format!("/2010-04-01/Accounts/{ACCOUNT}");
        let Some(rest) = asked.path.strip_prefix(&root) else {
            faults.push(format!("path {}", asked.path));
            return wrong(404, 20_404, "not found");
        };
        let sid = rest.strip_prefix("/Messages/").and_then(|rest| rest.strip_suffix(".json"));
        match (asked.method.as_str(), rest, sid) {
            ("GET", ".json", _) => match self.status {
                Some(status) => good(json!({ "sid": ACCOUNT, "status": status, "type": self.kind })),
                None => wrong(401, 20_003, "Authentication Error - invalid username"),
            },
            ("GET", "/Balance.json", _) if self.status.is_some() => {
                good(json!({ "account_sid": ACCOUNT, "balance": self.balance, "currency": "USD" }))
            }
            ("GET", "/Balance.json", _) => wrong(401, 20_003, "Authentication Error - invalid username"),
            ("POST", "/Messages.json", _) => self.send(asked, faults),
            ("POST", _, Some(sid)) => self.cancel(sid, &asked.form(faults), faults),
            ("GET", "/Messages.json", _) => self.list(asked, faults),
            ("GET", _, Some(sid)) => match self.messages.iter().find(|m| m["sid"] == sid) {
                Some(message) => good(message.clone()),
                None => wrong(404, 20_404, "not found"),
            },
            _ => {
                faults.push(format!("{} {}", asked.method, asked.path));
                wrong(404, 20_404, "not found")
            }
        }
    }
}

impl Twilio {
    /// Fetches the pictures of a message, as Twilio does before it sends it: each has to be one.
    fn fetched(asked: &Asked) -> Result<Vec<Vec<u8>>, Said> {
        let fields = url::form_urlencoded::parse(&asked.content);
        let urls: Vec<String> =
            fields.filter(|(name, _)| name == "MediaUrl").map(|(_, url)| url.into_owned()).collect();
        if urls.len() > 10 {
            return Err(wrong(400, 21_623, "Number of media files exceeds allowed limit"));
        }
        let one = |url: &String| match fetch(url) {
            Some((mime, bytes)) if mime.starts_with("image/") => Ok(bytes),
            _ => Err(wrong(400, 21_620, &format!("Invalid media URL(s): {url}"))),
        };
        urls.iter().map(one).collect()
    }

    fn send(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let form = &asked.form(faults);
        let pictures = match Self::fetched(asked) {
            Ok(pictures) => pictures,
            Err(refused) => return refused,
        };
        if form.contains_key("ScheduleType") {
            return self.plan(form, faults);
        }
        let mut names: Vec<&str> = form.keys().map(String::as_str).collect();
        names.sort_unstable();
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let validity = field("ValidityPeriod").parse::<u32>().unwrap_or_default();
        names.retain(|name| !["From", "MessagingServiceSid", "StatusCallback", "MediaUrl"].contains(name));
        let report = form.get("StatusCallback");
        if self.unreached && report.is_some() {
            return wrong(400, 21_609, "Invalid 'StatusCallback'");
        }
        let is_reached = |at: &String| {
            at.starts_with("https://status.bank.example/api/v1/reports/sms/") && at.len() < 4_000
        };
        if names != ["Body", "SmartEncoded", "To", "ValidityPeriod"]
            || form.len() != 5 + usize::from(report.is_some()) + usize::from(!pictures.is_empty())
            || !report.is_none_or(is_reached)
            || !(1..=36_000).contains(&validity)
            || field("SmartEncoded") != "false"
            || (field("From") != SENDER && field("MessagingServiceSid") != SERVICE)
        {
            faults.push(format!("fields: {form:?}"));
        }
        self.validity = validity;
        let (to, body) = (field("To"), field("Body"));
        if body.encode_utf16().count() > 1_600 {
            return wrong(400, 21_617, "The concatenated message body exceeds the 1600 character limit");
        }
        if !to.starts_with('+') {
            return wrong(400, 21_211, &format!("Invalid 'To' Phone Number: {to}"));
        }
        if let Some(code) = self.refuses.get(to) {
            return wrong(400, *code, &format!("'To' {to} is refused"));
        }
        self.reports.push(report.cloned());
        // MMS is for one country code, and from it.
        if !pictures.is_empty()
            && !(to.starts_with("+1") && (field("From").is_empty() || field("From").starts_with("+1")))
        {
            return wrong(
                400,
                21_612,
                "The message cannot be sent with the current combination of 'To' and/or 'From'",
            );
        }
        self.other(to, body, NOW);
        let message = &mut self.messages[0];
        message["num_media"] = pictures.len().to_string().into();
        if !pictures.is_empty() {
            message["sid"] = message["sid"].as_str().unwrap().replacen("SM", "MM", 1).into();
            self.pictures.push(pictures);
        }
        (201, String::new(), self.messages[0].clone())
    }

    fn list(&self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let query = |name: &str| asked.query.get(name).map(String::as_str);
        if query("PageSize").and_then(|n| n.parse::<usize>().ok()).is_none_or(|n| !(1..=1_000).contains(&n)) {
            faults.push(format!("query: {:?}", asked.query));
        }
        let is = |m: &Value, name: &str, field: &str| query(name).is_none_or(|wanted| m[field] == wanted);
        let shown = self.messages.iter().filter(|m| is(m, "To", "to") && is(m, "From", "from") && !self.lags);
        let number = |name: &str| query(name).and_then(|n| n.parse::<usize>().ok()).unwrap_or_default();
        let (size, page, all) = (number("PageSize"), number("Page"), shown.clone().count());
        let of = query("To").map(|to| format!("To={}&", to.replace('+', "%2B"))).unwrap_or_default();
        let next = format!("{}?{of}PageSize={size}&Page={}&PageToken=PASM", asked.path, page + 1);
        let next = ((page + 1) * size < all).then(|| self.goes_on.map_or(next, str::to_owned));
        let shown: Vec<_> = shown.skip(page * size).take(size).collect();
        good(json!({ "messages": shown, "page": page, "next_page_uri": next }))
    }
}
