//! Calls as Twilio makes them, and its sending with an address for them.

use super::super::server::{ACCOUNT, KEY, Twilio};
use super::super::tests::{NUMBERS, settings};
use super::super::{ADAPTER, answers};
use super::*;
use crate::strict::{self, Memory, Strict};
use crate::suite;

const SID: &str = "SM00000000000000000000000000000001";
const OURS: &str = "01936d3c-1c5e-7a3b-8000-3f2f5a8c9d10.1.00112233aabbccdd";

fn fields(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_signature_is_that_of_twilios_own_example() {
    // The example of Twilio's page on the security of webhooks.
    let address = "https://mycompany.com/myapp.php?foo=1&bar=2";
    let form = fields(&[
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("To", "+18005551212"),
        ("From", "+14158675309"),
        ("Digits", "1234"),
    ]);
    let signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    let key: SecretString = "12345".into();
    assert!(signed(&key, signature, address, &form));
    assert!(!signed(&"12346".into(), signature, address, &form));
    assert!(!signed(&key, signature, "https://mycompany.com/myapp.php?foo=1&bar=3", &form));
    assert!(!signed(&key, signature, address, &form[1..]));
    for wrong in ["", "RSOYDt4T1cUTdK1PDd93/VVr8B8", "RSOYDt4T1cUTdK1PDd93/VVr8B9=", "?"] {
        assert!(!signed(&key, wrong, address, &form), "{wrong}");
    }
}

#[test]
fn the_port_may_be_signed_or_not() {
    // Python's hmac and base64 over the address without a port, and the fields.
    let form = form(b"To=%C3%A9%2B1&MessageStatus=sent&Empty=&AccountSid=AC1");
    let key: SecretString = "hunter2".into();
    for address in [
        "https://bank.example/holdline/api/v1/reports/sms/x",
        "https://bank.example:8443/holdline/api/v1/reports/sms/x",
    ] {
        assert!(signed(&key, "cIbHwiifRZNKeiNQLfawJ1DQF3k=", address, &form), "{address}");
    }
    let named = Named::read(OURS).unwrap();
    for own in ["https://bank.example/holdline/", "https://bank.example/holdline"] {
        assert_eq!(address(own, &named), format!("https://bank.example/holdline/api/v1/reports/sms/{OURS}"));
    }
}

#[test]
fn each_status_is_read() {
    let read = |account: &str, status: &str, code: &str| {
        let form = fields(&[
            ("AccountSid", account),
            ("MessageSid", SID),
            ("MessageStatus", status),
            ("ErrorCode", code),
            ("To", "+41790000001"),
        ]);
        super::read(ACCOUNT, Named::read(OURS).unwrap(), &form).map(|word| word.fate)
    };
    for taken in ["accepted", "queued", "sending", "sent"] {
        assert_eq!(read(ACCOUNT, taken, ""), Some(Fate::Taken), "{taken}");
    }
    assert_eq!(read(ACCOUNT, "delivered", ""), Some(Fate::Arrived));
    let failed = |why: &str| Some(Fate::Failed(why.to_owned()));
    assert_eq!(read(ACCOUNT, "undelivered", "30003"), failed("the phone is off or out of reach, code 30003"));
    assert_eq!(read(ACCOUNT, "failed", "12"), failed("Twilio did not send it, code 12"));
    assert_eq!(read(ACCOUNT, "failed", "+41790000001 is off"), failed("Twilio did not send it"));
    assert_eq!(read(ACCOUNT, "canceled", ""), failed(answers::CANCELLED));
    assert_eq!((read(ACCOUNT, "receiving", ""), read(KEY, "sent", "")), (None, None));
    let odd = fields(&[("AccountSid", ACCOUNT), ("MessageSid", "SM1"), ("MessageStatus", "sent")]);
    assert!(super::read(ACCOUNT, Named::read(OURS).unwrap(), &odd).is_none());
}

#[test]
fn only_the_accounts_token_signs() {
    let signs = |credential: &str| {
        key(ACCOUNT, &credential.to_owned().into()).map(|key| key.expose_secret().to_owned())
    };
    assert_eq!(signs("hunter2").as_deref(), Some("hunter2"));
    assert_eq!(signs(&format!("{ACCOUNT}:hunter2")).as_deref(), Some("hunter2"));
    assert_eq!(signs(&format!("{KEY}:hunter2:hunter3")).as_deref(), Some("hunter3"));
    assert_eq!((signs(&format!("{KEY}:hunter2")), signs("")), (None, None));
}

fn channel(server: &Strict<Twilio>, credential: &str, own: &str) -> Box<dyn crate::Channel> {
    let mut connection = suite::connection(settings(&server.url, &NUMBERS[..1]), Some(credential));
    connection.public_url = own.parse().ok();
    (ADAPTER.connect)(&connection).unwrap()
}

#[tokio::test]
async fn twilio_is_told_where_to_report_and_by_the_name_of_the_message() {
    let server = Strict::start(Twilio::new(), &[]).await;
    let (both, key) = (format!("{KEY}:hunter2:hunter3"), format!("{KEY}:hunter2"));
    let memory = Memory::default();
    strict::attempt_of(&*channel(&server, &both, "https://status.bank.example"), &memory).await.unwrap();
    let told = server.state().network.reports.clone();
    let name = told[0].as_deref().and_then(|at| at.rsplit('/').next()).and_then(Named::read).unwrap();
    assert_eq!(name, Named::new(&memory.job(), NUMBERS[0]));
    // Without the account's token nothing that it says is believed; and some names it does not take.
    for (credential, own) in [(&key, "https://status.bank.example"), (&both, "https://status_1.bank.example")]
    {
        strict::attempt_of(&*channel(&server, credential, own), &Memory::default()).await.unwrap();
    }
    assert_eq!(server.state().network.reports[1..], [None, None]);
}

#[tokio::test]
async fn a_message_is_sent_also_when_twilio_cannot_report() {
    let server = Strict::start(Twilio::new(), &[]).await;
    server.state().network.unreached = true;
    let channel = channel(&server, &format!("{KEY}:hunter2:hunter3"), "https://status.bank.example");
    strict::attempt_of(&*channel, &Memory::default()).await.unwrap();
    assert_eq!(server.state().network.copies(NUMBERS[0]), 1);
    assert_eq!(server.state().network.reports, [None]);
}
