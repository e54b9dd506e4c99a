//! Meta's API of WhatsApp for tests, as far as it is used.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::graph_server::page;
use crate::strict::{Asked, Network, Said, good};

pub(super) const TOKEN: &str = "EAAhunter2";
pub(super) const NUMBER: &str = "106540352242922";
pub(super) const ACCOUNT: &str = "102290129340398";

/// The API as far as it is used: one number, one account. The same request twice makes two messages.
#[derive(Clone)]
pub(super) struct Cloud {
    pub(super) templates: Vec<Value>,
    /// What people have on their phones: `to` and `text`.
    pub(super) messages: Vec<Value>,
    /// The code by which a number is refused.
    pub(super) refuses: HashMap<String, i64>,
    /// Whether messages are held back to look at the template.
    pub(super) holds: bool,
    /// What was uploaded, by its id: type and bytes.
    pub(super) uploads: HashMap<String, (String, Vec<u8>)>,
    /// What its token may do.
    pub(super) scopes: Vec<&'static str>,
}

impl Cloud {
    /// With this template, and others with names like that.
    pub(super) fn new(name: &str, language: &str, body: &str) -> Self {
        let template = |name: &str, language: &str, body: &str| {
            json!({ "id": "1", "name": name, "language": language, "status": "APPROVED", "category": "UTILITY",
                "components": [{ "type": "BODY", "text": body, "example": { "body_text": [["slow."]] } }],
                "message_send_ttl_seconds": 1_800 })
        };
        let longer = format!("{name}_old");
        let templates = vec![
            template(&longer, language, "Old words {{1}}."),
            template(name, "it", "Parole {{1}}."),
            template(name, language, body),
        ];
        let scopes = vec!["whatsapp_business_messaging", "whatsapp_business_management"];
        Self {
            templates,
            messages: Vec::new(),
            refuses: HashMap::new(),
            uploads: HashMap::new(),
            holds: false,
            scopes,
        }
    }

    /// One more template, with a picture above its text.
    pub(super) fn with_picture(mut self, name: &str, language: &str, body: &str) -> Self {
        let header = json!({ "type": "HEADER", "format": "IMAGE", "example": { "header_handle": ["https://scontent.example/1"] } });
        let components = json!([header, { "type": "BODY", "text": body }]);
        self.templates.push(json!({ "id": "2", "name": name, "language": language, "status": "APPROVED",
            "category": "UTILITY", "components": components, "message_send_ttl_seconds": 1_800 }));
        self
    }

    /// The template that is used.
    pub(super) fn template(&mut self) -> &mut Value {
        &mut self.templates[2]
    }

    /// How many messages that number was sent.
    pub(super) fn copies(&self, number: &str) -> usize {
        self.messages.iter().filter(|m| m["to"] == number).count()
    }
}

/// A refusal as Meta words it: it repeats what it was sent.
pub(super) fn wrong(status: u16, code: i64, details: &str) -> Said {
    let error = json!({ "message": format!("(#{code}) no {TOKEN}"), "type": "OAuthException", "code": code,
        "error_data": { "messaging_product": "whatsapp", "details": details }, "fbtrace_id": "Az8or2yhqkZ" });
    (status, String::new(), json!({ "error": error }))
}

impl Network for Cloud {
    fn makes(method: &str, path: &str) -> bool {
        method == "POST" && path.ends_with("/messages")
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return wrong(401, 190, "");
        }
        if asked.query.contains_key("access_token") {
            faults.push("the token is in the address".to_owned());
        }
        let fields = asked.query.get("fields").map_or("", String::as_str);
        match (asked.method.as_str(), asked.path.strip_prefix("/v26.0/").unwrap_or_default()) {
            ("POST", path) if path == format!("{NUMBER}/messages") => self.send(asked, faults),
            ("POST", path) if path == format!("{NUMBER}/media") => self.upload(asked, faults),
            ("GET", path) if path == format!("{ACCOUNT}/message_templates") => self.list(asked, faults),
            ("GET", NUMBER)
                if fields == "verified_name,quality_rating,whatsapp_business_manager_messaging_limit" =>
            {
                good(json!({ "verified_name": "Bank AG", "quality_rating": "GREEN",
                    "whatsapp_business_manager_messaging_limit": "TIER_2K", "id": NUMBER }))
            }
            ("GET", "debug_token") => good(json!({ "data": { "expires_at": 0, "scopes": self.scopes } })),
            _ => {
                faults.push(format!("{} {} {fields}", asked.method, asked.path));
                wrong(400, 100, "unknown path")
            }
        }
    }
}

/// The names of an object's fields, in order.
fn names(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> =
        value.as_object().into_iter().flat_map(|o| o.keys()).map(String::as_str).collect();
    names.sort_unstable();
    names
}

impl Cloud {
    /// Templates whose names begin so: whether Meta's filter is exact is told by no document.
    fn list(&self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let query = |name: &str| asked.query.get(name).map_or("", String::as_str);
        let with_ttl = "name,language,status,components,message_send_ttl_seconds";
        let is_known = ["name,language,status,components", with_ttl].contains(&query("fields"));
        if !is_known || query("name").is_empty() || query("limit") != "100" {
            faults.push(format!("query: {:?}", asked.query));
        }
        let is_like = |t: &&Value| t["name"].as_str().is_some_and(|name| name.starts_with(query("name")));
        let listed: Vec<Value> = self.templates.iter().filter(is_like).cloned().collect();
        page(&listed, asked, TOKEN)
    }

    /// Keeps a picture, which nobody sees.
    fn upload(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let kind = asked.header("content-type").to_owned();
        let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap_or_default();
        let text = String::from_utf8_lossy(&asked.content).into_owned();
        let parts: Vec<&str> = text.split(boundary).collect();
        let part = |name: &str| {
            let whole = parts.iter().find(|part| part.contains(&format!("name=\"{name}\"")))?;
            let (head, body) = whole.split_once("\r\n\r\n")?;
            Some((head.to_owned(), body.strip_suffix("\r\n--")?.to_owned()))
        };
        let of = |name: &str| part(name).unwrap_or_default();
        let (product, (_, mime), (head, bytes)) = (of("messaging_product").1, of("type"), of("file"));
        if product != "whatsapp"
            || !head.contains("filename=\"")
            || !head.contains(&format!("Content-Type: {mime}"))
        {
            faults.push(format!("upload: {product} {mime} {head}"));
        }
        if !["image/jpeg", "image/png"].contains(&mime.as_str()) || bytes.is_empty() {
            return wrong(
                400,
                100,
                "Param file must be a file with one of the following types: image/jpeg, image/png",
            );
        }
        let id = format!("44907093273840{:02}", self.uploads.len() + 1);
        self.uploads.insert(id.clone(), (mime, bytes.into_bytes()));
        good(json!({ "id": id }))
    }

    /// The picture that a message has above its text.
    fn picture(
        &self,
        found: &Value,
        header: Option<&Value>,
        faults: &mut Vec<String>,
    ) -> Result<Option<String>, Said> {
        match (found["components"][0]["format"] == "IMAGE", header) {
            (false, None) => Ok(None),
            (true, Some(header)) => {
                let id = header["parameters"][0]["image"]["id"].as_str().unwrap_or_default();
                let whole =
                    json!({ "type": "header", "parameters": [{ "type": "image", "image": { "id": id } }] });
                if *header != whole {
                    faults.push(format!("header: {header}"));
                }
                let kept =
                    self.uploads.get(id).ok_or_else(|| wrong(400, 131_009, "the media id is unknown"))?;
                Ok(Some(String::from_utf8_lossy(&kept.1).into_owned()))
            }
            (true, None) => {
                Err(wrong(400, 132_012, "header: Format mismatch, expected IMAGE, received UNKNOWN"))
            }
            (false, Some(_)) => Err(wrong(400, 132_018, "the template has no header that takes a parameter")),
        }
    }

    fn send(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let told = asked.json();
        let template = &told["template"];
        let components = template["components"].as_array().map_or(&[][..], Vec::as_slice);
        let (header, body) = match components {
            [body] => (None, body),
            [header, body] => (Some(header), body),
            _ => (None, &Value::Null),
        };
        let parameters = &body["parameters"];
        let is_well = asked.header("content-type") == "application/json"
            && asked.query.is_empty()
            && names(&told)
                == [
                    "biz_opaque_callback_data",
                    "messaging_product",
                    "recipient_type",
                    "template",
                    "to",
                    "type",
                ]
            && told["biz_opaque_callback_data"].as_str().is_some_and(|own| (1..=512).contains(&own.len()))
            && told["messaging_product"] == "whatsapp"
            && told["recipient_type"] == "individual"
            && told["type"] == "template"
            && names(template) == ["components", "language", "name"]
            && names(&template["language"]) == ["code"]
            && names(body) == ["parameters", "type"]
            && body["type"] == "body"
            && names(&parameters[0]) == ["text", "type"]
            && parameters[0]["type"] == "text";
        if !is_well || parameters.as_array().is_none_or(|l| l.len() != 1) {
            faults.push(format!("message: {told}"));
        }
        let to = told["to"].as_str().unwrap_or_default();
        if !to.starts_with('+') {
            faults.push("a number without its country".to_owned());
        }
        let is_it = |t: &&Value| {
            t["name"] == template["name"]
                && t["language"] == template["language"]["code"]
                && t["status"] == "APPROVED"
        };
        let Some(found) = self.templates.iter().find(is_it) else {
            return wrong(404, 132_001, "template name (crisis_update) does not exist in en");
        };
        let picture = match self.picture(found, header, faults) {
            Ok(picture) => picture,
            Err(refused) => return refused,
        };
        let words = parameters[0]["text"].as_str().unwrap_or_default();
        if words.contains(['\n', '\t']) || words.contains("     ") || words.is_empty() {
            faults.push(format!("words: {words:?}"));
            return wrong(400, 132_018, "Param text cannot have new-line/tab characters");
        }
        let body = found["components"].as_array().into_iter().flatten().find(|c| c["type"] == "BODY");
        let text = body.and_then(|c| c["text"].as_str()).unwrap_or_default().replace("{{1}}", words);
        if text.chars().count() > 1_024 {
            return wrong(400, 132_005, "Translated text too long");
        }
        if let Some(code) = self.refuses.get(to) {
            return wrong(400, *code, &format!("{to} is refused"));
        }
        self.messages.push(json!({ "to": to, "text": text, "picture": picture }));
        let id = format!("wamid.HBgL{:030}", self.messages.len());
        let status = if self.holds { "held_for_quality_assessment" } else { "accepted" };
        good(json!({ "messaging_product": "whatsapp", "contacts": [{ "input": to, "wa_id": &to[1..] }],
            "messages": [{ "id": id, "message_status": status }] }))
    }
}
