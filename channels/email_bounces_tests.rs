//! Reports as mail servers write them. The forms are written here after RFC 3464 and what each server is known to send; none is a
//! copy of a real one.

use proptest::prelude::*;

use super::*;

const ID: &str = "01936d3c-1c5e-7a3b-8000-3f2f5a8c9d10";

fn delivery_id() -> Uuid {
    ID.parse().unwrap()
}

/// Piped in by Postfix' local(8), which puts the line of a mailbox file first.
fn postfix() -> String {
    format!(
        "From MAILER-DAEMON  Sun Nov 29 10:00:00 2026\n\
Return-Path: <>\n\
Date: Sun, 29 Nov 2026 10:00:00 +0000 (UTC)\n\
From: MAILER-DAEMON@relay.bank.example (Mail Delivery System)\n\
Subject: Undelivered Mail Returned to Sender\n\
To: press@bank.example\n\
Auto-Submitted: auto-replied\n\
MIME-Version: 1.0\n\
Content-Type: multipart/report; report-type=delivery-status;\n\
\tboundary=\"4Fq1.1764410400/relay.bank.example\"\n\
\n\
This is a MIME-encapsulated message.\n\
\n\
--4Fq1.1764410400/relay.bank.example\n\
Content-Description: Notification\n\
Content-Type: text/plain; charset=us-ascii\n\
\n\
<ana@people.example>: host mx.people.example said: 550 5.1.1 no\n\
\n\
--4Fq1.1764410400/relay.bank.example\n\
Content-Description: Delivery report\n\
Content-Type: message/delivery-status\n\
\n\
Reporting-MTA: dns; relay.bank.example\n\
X-Postfix-Queue-ID: 4Fq1\n\
X-Postfix-Sender: rfc822; press@bank.example\n\
Arrival-Date: Sun, 29 Nov 2026 09:59:58 +0000 (UTC)\n\
\n\
Final-Recipient: rfc822; ana@people.example\n\
Original-Recipient: rfc822;ana@people.example\n\
Action: failed\n\
Status: 5.1.1\n\
Remote-MTA: dns; mx.people.example\n\
Diagnostic-Code: smtp; 550 5.1.1 <ana@people.example>: Recipient address\n\
\x20   rejected: User unknown\n\
\n\
--4Fq1.1764410400/relay.bank.example\n\
Content-Description: Undelivered Message\n\
Content-Type: message/rfc822\n\
\n\
Return-Path: <press@bank.example>\n\
From: Bank <press@bank.example>\n\
Subject: Cards\n\
Message-ID: <{ID}@bank.example>\n\
\n\
Your cards work again.\n\
\n\
--4Fq1.1764410400/relay.bank.example--\n"
    )
}

/// Two recipients in one report; the mail is cut off in the middle.
fn exim() -> String {
    format!(
        "X-Failed-Recipients: ben@people.example,\r\n  late@people.example\r\n\
Auto-Submitted: auto-replied\r\n\
From: Mail Delivery System <Mailer-Daemon@relay.bank.example>\r\n\
To: press@bank.example\r\n\
References: <{ID}@bank.example>\r\n\
Content-Type: multipart/report; report-type=delivery-status; boundary=1764410400-eximdsn-77\r\n\
MIME-Version: 1.0\r\n\
Subject: Mail delivery failed: returning message to sender\r\n\
\r\n\
--1764410400-eximdsn-77\r\n\
Content-type: text/plain; charset=us-ascii\r\n\
\r\n\
A message that you sent could not be delivered.\r\n\
\r\n\
--1764410400-eximdsn-77\r\n\
Content-type: message/delivery-status\r\n\
\r\n\
Reporting-MTA: dns; relay.bank.example\r\n\
\r\n\
Action: failed\r\n\
Final-Recipient: rfc822;ben@people.example\r\n\
Status: 5.0.0\r\n\
Remote-MTA: dns; mx.people.example\r\n\
Diagnostic-Code: smtp; 552-5.2.2 The mailbox is full\r\n\
\r\n\
Action: failed\r\n\
Final-Recipient: rfc822;late@people.example\r\n\
Status: 4.4.7\r\n\
\r\n\
--1764410400-eximdsn-77\r\n\
Content-type: message/rfc822\r\n\
\r\n\
From: Bank <press@bank.example>\r\n\
Message-ID: <{ID}@bank.example>\r\n\
Subject: Car"
    )
}

/// The name in small letters and another address besides, headers alone, in base64.
fn exchange() -> String {
    use base64::Engine;
    let headers =
        format!("From: Bank <press@bank.example>\r\nMessage-ID: <{ID}@bank.example>\r\nSubject: Cards\r\n");
    let headers = base64::engine::general_purpose::STANDARD.encode(headers);
    format!(
        "From: <postmaster@people.example>\r\n\
To: <press@bank.example>\r\n\
Date: Sun, 29 Nov 2026 10:00:00 +0000\r\n\
Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"_000_x_\"\r\n\
X-MS-Exchange-Message-Is-Ndr:\r\n\
Content-Language: en-US\r\n\
In-Reply-To: <{ID}@bank.example>\r\n\
Subject: Undeliverable: Cards\r\n\
Auto-Submitted: auto-replied\r\n\
\r\n\
--_000_x_\r\n\
Content-Type: multipart/alternative; boundary=\"_001_x_\"\r\n\
\r\n\
--_001_x_\r\n\
Content-Type: text/plain; charset=\"utf-8\"\r\n\
\r\n\
Delivery has failed.\r\n\
--_001_x_--\r\n\
--_000_x_\r\n\
Content-Type: message/delivery-status\r\n\
\r\n\
Reporting-MTA: dns;mail.people.example\r\n\
Received-From-MTA: dns;relay.bank.example\r\n\
Arrival-Date: Sun, 29 Nov 2026 09:59:58 +0000\r\n\
\r\n\
Original-Recipient: rfc822;Cara@People.example\r\n\
Final-Recipient: rfc822;cara.alias@people.onmail.example\r\n\
Action: failed\r\n\
Status: 5.7.1\r\n\
Diagnostic-Code: smtp;550 5.7.1 RESOLVER.RST.RecipRestricted; not authorized to send to cara.alias@people.onmail.example\r\n\
X-Display-Name: Cara\r\n\
\r\n\
--_000_x_\r\n\
Content-Type: text/rfc822-headers\r\n\
Content-Transfer-Encoding: base64\r\n\
\r\n\
{headers}\r\n\
--_000_x_--\r\n"
    )
}

/// A report in the smallest form, with these fields of a recipient.
fn report(fields: &str) -> String {
    format!(
        "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; x\r\n\r\n{fields}\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n\
         Message-ID: <{ID}@bank.example>\r\n--b--\r\n"
    )
}

fn who(address: &str) -> Recipient {
    let address: Address = address.parse().unwrap();
    Recipient::new(delivery_id(), &list::key(&address), list::shown(&address))
}

/// The ledger of a mail, with these.
fn ledger(all: &[(&str, Mark)]) -> String {
    let mut ledger = Ledger::default();
    for (address, mark) in all {
        ledger.set(&who(address), mark.clone());
    }
    ledger.written()
}

fn has() -> Mark {
    Mark::Has(format!("<{ID}@bank.example>"))
}

fn apply(mail: &str, handle: &str) -> Applied {
    read(mail.as_bytes()).unwrap().apply(handle).unwrap()
}

#[test]
fn what_each_kind_of_server_writes_marks_whom_it_names() {
    let before = ledger(&[
        ("ana@people.example", has()),
        ("ben@people.example", has()),
        ("late@people.example", has()),
        ("Cara@people.example", has()),
        ("dora@people.example", has()),
    ]);
    let first = apply(&postfix(), &before);
    assert_eq!(first.noted, [("an…@people.example".to_owned(), Noted::Hard)]);
    let second = apply(&exim(), &first.handle.unwrap());
    let noted: Vec<_> = second.noted.iter().map(|(_, noted)| *noted).collect();
    assert_eq!(noted, [Noted::Hard, Noted::Soft]);
    let third = apply(&exchange(), &second.handle.unwrap());
    assert_eq!(third.noted, [("Ca…@People.example".to_owned(), Noted::Hard)]);
    assert_eq!(
        crate::ledger::note(&third.handle.unwrap(), false).unwrap(),
        "it went to 1 of 5, NOT to 4; namely: an…@people.example (the mailbox does not exist. Correct the address or \
         remove it from the channel (550 5.1.1 <…>: Recipient address rejected: User unknown)), \
         be…@people.example (the mailbox is full. Reach them another way (5.0.0 552-5.2.2 The mailbox is full)), \
         la…@people.example (their server did not take it in time. Write to them yourself (4.4.7)), \
         Ca…@people.example (their server does not take it from this sender. Ask its postmaster to let it through (550 \
         5.7.1 RESOLVER.RST.RecipRestricted; not authorized to send to …))"
    );
}

#[test]
fn what_is_known_gets_no_better_and_nobody_is_marked_to_whom_nothing_went() {
    let fields = |to: &str, action: &str, status: &str| {
        report(&format!("Final-Recipient: rfc822; {to}\r\nAction: {action}\r\nStatus: {status}"))
    };
    let marks = [
        ("failed@people.example", Mark::Failed("before".into()), Noted::Known),
        ("refused@people.example", Mark::Refused("before".into()), Noted::Known),
        ("waits@people.example", Mark::Waits, Noted::Stranger),
        ("skipped@people.example", Mark::Skipped, Noted::Stranger),
    ];
    let before = ledger(&marks.clone().map(|(who, mark, _)| (who, mark)));
    for (to, _, noted) in &marks {
        for (action, status) in
            [("failed", "5.1.1"), ("failed", "4.4.7"), ("delivered", "2.0.0"), ("delayed", "4.0.0")]
        {
            let applied = apply(&fields(to, action, status), &before);
            assert_eq!((applied.noted[0].1, applied.handle), (*noted, None), "{to} {action}");
        }
    }
    let before = ledger(&[("ana@people.example", has())]);
    for (to, action, noted) in [
        ("eve@people.example", "failed", Noted::Stranger),
        ("ana@people.example", "delayed", Noted::Delayed),
        ("ana@people.example", "relayed", Noted::Arrived),
    ] {
        let applied = apply(&fields(to, action, "5.0.0"), &before);
        assert_eq!((applied.noted[0].1, applied.handle), (noted, None), "{to} {action}");
    }
    // The same report again.
    let after = apply(&fields("ana@people.example", "failed", "5.1.1"), &before).handle.unwrap();
    let again = apply(&fields("ana@people.example", "failed", "4.2.2"), &after);
    assert_eq!((again.noted[0].1, again.handle), (Noted::Known, None));
    // Of whom nobody knew: the mail was taken, and came back.
    let mut open = Ledger::default();
    open.ask(&who("ana@people.example"), 1, 1);
    assert_eq!(
        apply(&fields("ana@people.example", "failed", "5.1.1"), &open.written()).noted[0].1,
        Noted::Hard
    );
}

#[test]
fn what_came_back_is_told_by_its_status() {
    let class = |status: &str| match bounced(super::status(status), "", &[]) {
        Fate::Bounced(class, why) => (class, why.split('.').next().unwrap().to_owned()),
        other => panic!("{other:?}"),
    };
    for (status, expected, words) in [
        ("5.1.1", Class::Hard, "the mailbox does not exist"),
        ("5.1.10 (unknown)", Class::Hard, "the mailbox does not exist"),
        ("5.2.2", Class::Hard, "the mailbox is full"),
        ("5.3.4", Class::Hard, "the message is too large there"),
        ("5.7.26", Class::Hard, "their server does not take it from this sender"),
        ("5.4.1", Class::Hard, "refused for good"),
        ("4.2.2", Class::Soft, "the mailbox is full"),
        ("4.4.7", Class::Soft, "their server did not take it in time"),
        ("", Class::Hard, "refused for good"),
        ("5.1", Class::Hard, "refused for good"),
        ("9.1.1", Class::Hard, "refused for good"),
        ("2.0.0", Class::Hard, "refused for good"),
    ] {
        assert_eq!(class(status), (expected, words.to_owned()), "{status}");
    }
}

#[test]
fn the_words_of_a_server_name_nobody() {
    for (said, shown) in [
        ("550 <ana@people.example>: unknown", "550 <…>: unknown"),
        ("550 to=ana@people.example, gone", "550 to=…, gone"),
        ("550 mailto:ana@people.example\u{7}x", "550 mailto:… x"),
        ("550 5.1.1 ana.smith: no such user", "550 5.1.1 …: no such user"),
        ("no mailbox for Ana.Smith.", "no mailbox for …"),
        ("returned to ana.smith=bank.example@lists.example", "returned to …=…"),
        ("ask bandana.smith", "ask bandana.smith"),
    ] {
        assert_eq!(words(said, &["ana.smith"]), shown);
    }
    assert_eq!(words(&"é".repeat(1_000), &[]).chars().count(), MOST_WORDS);
}

#[test]
fn what_is_no_report_of_ours_is_told_so() {
    let about = |id: &str| postfix().replace(&format!("<{ID}@bank.example>"), id);
    for (mail, why) in [
        (String::new(), NO_REPORT),
        ("Subject: out of office\r\n\r\nI am away".to_owned(), NO_REPORT),
        ("Content-Type: multipart/report; boundary=b\r\n\r\n--b--".to_owned(), NO_REPORT),
        (report("Action: read"), NO_REPORT),
        (about("<other@bank.example>"), NO_MAIL),
        (about(""), NO_MAIL),
        (about(&format!("<{}@bank.example>", ID.to_uppercase())), NO_MAIL),
        (about(&format!("<{}@bank.example>", ID.replace('-', ""))), NO_MAIL),
    ] {
        assert_eq!(read(mail.as_bytes()), Err(why), "{mail}");
    }
}

/// Each level that was opened would take a piece of the stack.
#[test]
fn what_is_packed_into_each_other_is_not_opened() {
    let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(MOST_BYTES / 32);
    let digest = "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n".repeat(MOST_BYTES / 52);
    for inside in [&deep, &digest] {
        let own = report(&format!("Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\n\r\n{inside}"));
        let folded = format!(
            "Content-Type: multipart/report; boundary=c\r\n\r\n--c\r\nContent-Type: message/delivery-status\r\n \r\n{inside}"
        );
        for mail in [inside.as_str(), &own, &folded] {
            let _ = read(mail.as_bytes());
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_are_too_much(mail in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = read(&mail);
        let _ = read(&[b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n", mail.as_slice()].concat());
    }

    /// A report in which something was cut out, put in twice, or written over.
    #[test]
    fn no_broken_report_is_too_much(
        which in 0..3_usize, at in 0..100_000_usize, long in 0..400_usize, other in proptest::collection::vec(any::<u8>(), 0..40)
    ) {
        let mail = [postfix(), exim(), exchange()][which].clone().into_bytes();
        let from = at % mail.len();
        let to = (from + long).min(mail.len());
        let handle = ledger(&[("ana@people.example", has())]);
        for broken in [
            mail[..from].to_vec(),
            [&mail[..from], &other, &mail[to..]].concat(),
            [&mail[..to], &mail[from..]].concat(),
        ] {
            if let Ok(report) = read(&broken) {
                let _ = report.apply(&handle).unwrap();
            }
        }
    }
}
