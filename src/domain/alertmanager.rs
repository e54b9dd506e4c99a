//! What Alertmanager sends to a webhook (version "4" of its payload), and Grafana Alerting in the same
//! form (it says version "1"), as signals.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::incident::Severity;
use super::playbook;
use super::signal::Heard;
use super::times;

type Names = BTreeMap<String, String>;

/// One notification: the alerts of a group. Fields that are not here are left out.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// "4" from Alertmanager, "1" from Grafana.
    pub version: String,
    /// `firing` or `resolved`: the group as a whole.
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub group_key: Option<String>,
    #[serde(default)]
    pub common_labels: Option<Names>,
    #[serde(default)]
    pub common_annotations: Option<Names>,
    #[serde(default, rename = "externalURL")]
    pub external_url: Option<String>,
    /// Only Grafana says it.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub org_id: Option<serde_json::Number>,
    /// Only Grafana says it.
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub alerts: Vec<Alert>,
}

/// One alert of a group.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// `firing` or `resolved`.
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub labels: Option<Names>,
    #[serde(default)]
    pub annotations: Option<Names>,
    #[serde(default)]
    pub starts_at: Option<String>,
    #[serde(default, rename = "generatorURL")]
    pub generator_url: Option<String>,
    #[serde(default, rename = "panelURL")]
    pub panel_url: Option<String>,
    #[serde(default, rename = "dashboardURL")]
    pub dashboard_url: Option<String>,
    #[serde(default)]
    pub fingerprint: Option<String>,
}

impl Notification {
    /// What it says: one signal for each alert with a fingerprint; the others have no name of their own
    /// and are one signal under the name of the group.
    ///
    /// # Errors
    /// Field and sentence, when it is of another version, or has neither alerts nor a group.
    pub fn heard(&self) -> Result<Vec<Heard>, (&'static str, String)> {
        if !["4", "1"].contains(&self.version.as_str()) {
            let known = "this payload is not known; send Alertmanager's version 4, or Grafana's version 1";
            return Err(("version", known.into()));
        }
        let named = |a: &&Alert| text(a.fingerprint.as_deref()).is_some();
        let mut out: Vec<Heard> = self.alerts.iter().filter(named).map(|a| self.of(a)).collect();
        match (self.alerts.iter().find(|a| !named(a)), text(self.group_key.as_deref())) {
            (Some(alert), Some(group)) => {
                let (key, resolved) = (short(group), is_over(self.status.as_deref()));
                out.push(Heard { thing: key.clone(), key, resolved, once: false, ..self.of(alert) });
            }
            (Some(_), None) => {
                let why = "an alert has no fingerprint, and the payload no groupKey: send one of them";
                return Err(("alerts", why.into()));
            }
            _ if out.is_empty() => return Err(("alerts", "holds no alert".into())),
            _ => {}
        }
        Ok(out)
    }

    fn of(&self, alert: &Alert) -> Heard {
        let label =
            |name: &str| said(alert.labels.as_ref(), name).or(said(self.common_labels.as_ref(), name));
        let note = |name: &str| {
            said(alert.annotations.as_ref(), name).or(said(self.common_annotations.as_ref(), name))
        };
        let title = note("summary").or(note("title")).or(label("alertname")).or(text(self.title.as_deref()));
        let detail = note("description").or(note("message")).map(str::to_owned);
        let urls = [&alert.generator_url, &alert.panel_url, &alert.dashboard_url, &self.external_url];
        let plan = label("playbook").or(note("playbook")).filter(|key| playbook::find(key).is_some());
        let thing = text(alert.fingerprint.as_deref()).unwrap_or("-");
        Heard {
            source: if self.org_id.is_some() { "grafana" } else { "alertmanager" }.into(),
            key: short(&format!("{thing} {}", began(alert))),
            thing: short(thing),
            title: title.unwrap_or("An alert without a name").to_owned(),
            detail: detail.or_else(|| written(alert.labels.as_ref())),
            url: urls.iter().find_map(|u| text(u.as_deref())).map(str::to_owned),
            severity: label("severity").and_then(severity),
            playbook: plan.map(str::to_owned),
            resolved: is_over(alert.status.as_deref()),
            once: true,
        }
    }
}

fn text(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|t| !t.is_empty())
}

fn said<'a>(names: Option<&'a Names>, name: &str) -> Option<&'a str> {
    text(names?.get(name).map(String::as_str))
}

fn is_over(status: Option<&str>) -> bool {
    status == Some("resolved")
}

/// When it began, the same however the zone is written.
fn began(alert: &Alert) -> String {
    let at = text(alert.starts_at.as_deref()).unwrap_or_default();
    times::parse(at, "UTC").map_or_else(|_| at.to_owned(), |millis| millis.to_string())
}

/// The labels as lines, for alerts without a description.
fn written(labels: Option<&Names>) -> Option<String> {
    let lines: Vec<_> = labels?.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    Some(lines.join("\n")).filter(|t| !t.is_empty())
}

/// The words that people use for `severity` in their rules. Others say nothing.
fn severity(word: &str) -> Option<Severity> {
    match word.to_ascii_lowercase().as_str() {
        "critical" | "page" | "emergency" | "disaster" | "fatal" => Some(Severity::Critical),
        "major" | "error" | "high" => Some(Severity::Major),
        "minor" | "warning" | "warn" | "low" | "info" => Some(Severity::Minor),
        _ => None,
    }
}

/// A name that is short enough to be kept: a long one by its hash.
fn short(name: &str) -> String {
    if name.chars().count() <= 200 {
        return name.to_owned();
    }
    format!("sha256:{}", hex::encode(Sha256::digest(name.as_bytes())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn heard(payload: Value) -> Result<Vec<Heard>, (&'static str, String)> {
        serde_json::from_value::<Notification>(payload).unwrap().heard()
    }

    #[test]
    fn labels_and_annotations_give_the_words() {
        let all = heard(
            json!({"version": "4", "groupKey": "g", "more": 1, "commonLabels": {"severity": "page"},
            "externalURL": "https://am.example", "alerts": [
            {"status": "firing", "fingerprint": "a", "startsAt": "2026-11-27T13:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
             "labels": {"alertname": "Down", "playbook": "outage"}, "annotations": {"description": "d"}, "generatorURL": "u"},
            {"status": "resolved", "fingerprint": "a", "startsAt": "2026-11-27T14:00:00+01:00",
             "labels": {"alertname": "Down", "severity": "odd", "playbook": "none"}, "annotations": {"summary": "s"}}]}),
        );
        let all = all.unwrap();
        assert_eq!(all[0].key, all[1].key, "the same instant in another zone");
        assert_eq!((all[0].title.as_str(), all[0].detail.as_deref()), ("Down", Some("d")));
        assert_eq!((all[0].url.as_deref(), all[1].url.as_deref()), (Some("u"), Some("https://am.example")));
        assert_eq!((all[0].severity, all[1].severity), (Some(Severity::Critical), None));
        assert_eq!((all[0].playbook.as_deref(), all[1].playbook.as_deref()), (Some("outage"), None));
        assert_eq!((all[1].title.as_str(), all[1].resolved, all[0].resolved), ("s", true, false));
        assert_eq!(all[1].detail.as_deref(), Some("alertname: Down\nplaybook: none\nseverity: odd"));
    }

    #[test]
    fn alerts_without_a_fingerprint_are_one_signal_of_their_group() {
        let group = "g".repeat(300);
        let alerts = json!([{"labels": {"alertname": "A"}, "status": "resolved"}, {"labels": null}]);
        let all = heard(
            json!({"version": "1", "orgId": 1, "groupKey": group, "status": "firing", "alerts": alerts}),
        );
        let all = all.unwrap();
        assert_eq!(
            (all.len(), all[0].source.as_str(), all[0].resolved, all[0].once),
            (1, "grafana", false, false)
        );
        assert!(all[0].key.starts_with("sha256:") && all[0].key.len() == 71);
        assert_eq!(heard(json!({"version": "4", "alerts": alerts})).unwrap_err().0, "alerts");
        assert_eq!(heard(json!({"version": "4", "groupKey": "g"})).unwrap_err().0, "alerts");
        assert_eq!(heard(json!({"version": "5", "alerts": alerts})).unwrap_err().0, "version");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let words = [
            "version",
            "4",
            "1",
            "status",
            "resolved",
            "groupKey",
            "alerts",
            "labels",
            "annotations",
            "fingerprint",
            "startsAt",
            "commonLabels",
            "orgId",
            "title",
            "severity",
            "playbook",
            "summary",
            "externalURL",
            "outage",
            "0001-01-01T00:00:00Z",
        ];
        let word = prop_oneof![3 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => ".{0,20}", 1 => "(x{300})"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            word.clone().prop_map(Value::from)
        ];
        leaf.prop_recursive(5, 80, 8, move |inner| {
            let entries = proptest::collection::hash_map(word.clone(), inner.clone(), 0..8);
            prop_oneof![
                proptest::collection::vec(inner, 0..4).prop_map(Value::from),
                entries.prop_map(|map| Value::from(map.into_iter().collect::<serde_json::Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_sent_gives_signals_with_names_or_a_sentence(
            alerts in proptest::collection::vec(any_json(), 0..4), more in any_json(), version in prop_oneof![Just("4"), Just("1")],
        ) {
            let mut payload = json!({ "version": version, "groupKey": "g", "alerts": alerts });
            if let Value::Object(more) = more {
                payload.as_object_mut().unwrap().extend(more);
            }
            // What is not of the form is refused by its fields' types, before anything is heard.
            let Ok(read) = serde_json::from_value::<Notification>(payload) else { return Ok(()) };
            match read.heard() {
                Ok(all) => for one in all {
                    prop_assert!(!one.key.is_empty() && one.key.chars().count() <= 200, "{one:?}");
                    prop_assert!(!one.title.is_empty() && !one.thing.is_empty(), "{one:?}");
                },
                Err((field, why)) => prop_assert!(!field.is_empty() && !why.is_empty()),
            }
        }
    }
}
