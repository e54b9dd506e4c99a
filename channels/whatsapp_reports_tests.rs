//! Calls as Meta makes them, written after its documents.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const VERIFY: &str = "a-verify-token-of-ours";
const OURS: &str = "01936d3c-1c5e-7a3b-8000-3f2f5a8c9d10.1.00112233aabbccdd";

fn keys_of(secret: &str) -> Keys {
    keys(&format!("EAAtoken {secret} {VERIFY}").into()).unwrap()
}

/// As Meta signs, by another hand: RFC 2104 over SHA-256.
fn signature(key: &[u8], body: &[u8]) -> String {
    use sha2::Digest;
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |with: u8| block.map(|b| b ^ with);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(body).finalize();
    hex::encode(Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize())
}

fn call(statuses: &serde_json::Value) -> Vec<u8> {
    let value = json!({ "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "41790000000", "phone_number_id": "1001" }, "statuses": statuses });
    let changes = json!([{ "value": value, "field": "messages" }]);
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "2002", "changes": changes }] })
        .to_string()
        .into_bytes()
}

fn status(what: &str) -> serde_json::Value {
    json!({ "id": "wamid.HBgL1", "status": what, "timestamp": "1764410400", "recipient_id": "41790000001",
        "biz_opaque_callback_data": OURS, "pricing": { "billable": true } })
}

#[test]
fn only_what_is_signed_by_the_app_secret_counts() {
    let (keys, body) = (keys_of(SECRET), b"{\"a\": \"\xc3\xa9\"}".as_slice());
    let signed = signature(SECRET.as_bytes(), body);
    assert!(keys.signed(&format!("sha256={signed}"), body));
    for wrong in [
        String::new(),
        "sha256=".to_owned(),
        signed.clone(),
        format!("sha1={signed}"),
        format!("sha256={}", &signed[..62]),
        format!("sha256={signed}00"),
        format!("sha256={}", signature(VERIFY.as_bytes(), body)),
        format!("sha256={}", signature(SECRET.as_bytes(), b"{}")),
        "sha256=not hexadecimal".to_owned(),
    ] {
        assert!(!keys.signed(&wrong, body), "{wrong}");
    }
    assert!(keys.confirms(VERIFY) && !keys.confirms("") && !keys.confirms(&VERIFY[1..]));
    assert!(keys.is_of(&keys_of(SECRET)) && !keys.is_of(&keys_of("00000000000000000000000000000000")));
}

#[test]
fn without_an_app_secret_nothing_is_believed() {
    for credential in ["EAAtoken", "", " EAAtoken\n"] {
        assert!(keys(&credential.to_owned().into()).is_none(), "{credential}");
    }
    for odd in [format!("EAA {SECRET}"), format!("EAA {SECRET} short"), format!("EAA short {VERIFY}")] {
        let why = parted(&odd.clone().into()).err().unwrap();
        assert!(why.starts_with("the credential") && !why.contains("EAA"), "{odd}");
    }
    assert!(parted(&format!("EAA {SECRET} {VERIFY} more").into()).is_err());
}

#[test]
fn each_status_is_read_and_whatever_else_comes_is_left_out() {
    let mut failed = status("failed");
    failed["errors"] = json!([{ "code": 131_026, "title": "to +41790000001", "message": "to +41790000001" }]);
    let fates = [
        (status("sent"), Fate::Taken),
        (status("delivered"), Fate::Arrived),
        (status("read"), Fate::Arrived),
        (failed, Fate::Failed("not on WhatsApp, or cannot get it there, code 131026".to_owned())),
        (status("failed"), Fate::Failed("WhatsApp did not deliver it, code 0".to_owned())),
    ];
    let all: Vec<_> = fates.iter().map(|(status, _)| status.clone()).collect();
    let told = read(&call(&all.into()));
    let said: Vec<_> = told.iter().map(|told| told.word.fate.clone()).collect();
    assert_eq!(said, fates.map(|(_, fate)| fate));
    assert!(
        told.iter()
            .all(|t| t.number == "1001" && t.word.message == "wamid.HBgL1" && t.word.of.to_string() == OURS)
    );
    let with = |field: &str, value: serde_json::Value| {
        let mut status = status("sent");
        status[field] = value;
        status
    };
    for odd in [
        status("deleted"),
        with("biz_opaque_callback_data", serde_json::Value::Null),
        with("biz_opaque_callback_data", "of another program".into()),
        with("id", "7".into()),
        with("errors", 7.into()),
        json!("sent"),
    ] {
        let told = read(&call(&json!([odd.clone(), status("sent")])));
        assert_eq!(told.len(), 1, "{odd}");
    }
    for body in ["", "[]", "{}", r#"{"entry":[{"changes":[{"value":{"messages":[]}}]}]}"#, r#"{"entry":7}"#] {
        assert_eq!(read(body.as_bytes()), [], "{body}");
    }
}

proptest! {
    /// A call with some bytes changed, and cut off: nothing of it is believed that has another name.
    #[test]
    fn whatever_comes_is_read_or_left_out(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in any::<prop::sample::Index>(),
    ) {
        let mut body = call(&json!([status("sent"), status("failed")]));
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let whole = body.len();
        body.truncate(whole - end.index(whole) / 50);
        for told in read(&body) {
            prop_assert!(Named::read(&told.word.of.to_string()).is_some());
            prop_assert!(told.word.message.starts_with("wamid."));
        }
    }
}
