//! The API over real HTTP, on both databases: roles, bad input, ETags, keys, cursors, import.

use channels::http::Request;
use holdline::app::people::{self, NewToken};
use holdline::domain::role::Role;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::caller::Caller;
use crate::support::drawn::gif_with;

fn post(text: &str) -> Value {
    json!({"kind": "routine", "source": {"text": text}, "labels": ["api"], "due": "2099-01-01T00:00:00Z"})
}

on_both! {
    async fn without_a_token_nothing_but_the_public_page_is_seen(bench) {
        let caller = Caller::new(&bench).await;
        let document: Value = caller.call(Request::get(&caller.url("/openapi.json"))).await.json().unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let app = "/components/schemas/NewOauthApp/properties/adapter/description";
        let networks = document.pointer(app).unwrap().as_str().unwrap();
        for network in channels::oauth_networks::ALL.iter().filter(|network| !network.registers()) {
            assert!(networks.contains(&format!("`{}`", network.name)), "{networks}");
        }
        let mut routes = 0;
        let mut names = std::collections::HashSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                assert!(names.insert(operation["operationId"].as_str().unwrap()), "{method} {path}: {names:?}");
                let problem = "/responses/default/content/application~1problem+json/schema/$ref";
                let schema = operation.pointer(problem).unwrap().as_str().unwrap().trim_start_matches('#');
                assert!(document.pointer(schema).is_some(), "{schema}");
                let open = operation["security"].is_null();
                let set_up = path == "/api/v1/setup" || path == "/api/v1/join";
                // A network signs what it says.
                let signed = path.starts_with("/api/v1/reports/");
                assert_eq!(open, set_up || signed, "{method} {path}");
                let url = format!("{}{}", caller.base, path.replace(['{', '}'], ""));
                let request = match method.as_str() {
                    "get" => Request::get(&url),
                    "post" => Request::post(&url).json(&json!({})),
                    "put" => Request::put(&url).json(&json!({})),
                    "patch" => Request::patch(&url).json(&json!({})),
                    _ => Request::delete(&url),
                };
                let answer = caller.http.call(request).await.unwrap();
                let refused = if set_up { 422 } else if signed { 403 } else { 401 };
                assert_eq!(answer.status, refused, "{method} {path}");
                assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{method} {path}");
                routes += 1;
            }
        }
        assert!(routes > 40, "{routes} routes");
        let page = caller.http.call(Request::get(&caller.base)).await.unwrap();
        assert_eq!(page.status, 200);
    }

    async fn bad_input_names_the_field_and_the_remedy(bench) {
        let caller = Caller::new(&bench).await;
        for (body, field) in [
            (json!({"kind": "routine"}), "body"),
            (json!({"kind": "update", "source": {"text": "x"}}), "incident"),
            (json!({"kind": "routine", "source": {"text": "x"}, "due": "soon"}), "due"),
            (json!({"kind": "routine", "source": {"text": "x"}, "zone": "Mars/Base"}), "zone"),
            (json!({"kind": "routine", "source": {"text": "x"}, "channels": ["nowhere"]}), "channels"),
            (json!({"kind": "routine", "source": {"text": " "}}), "source.text"),
            (json!({"kind": "routine", "source": {"text": "x", "per_channel": {"alhpa": "y"}}}), "source.per_channel"),
            (json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "x", "per_channel": {"beta": "y"}}}),
                "source.per_channel"),
            (json!({"kind": "routine", "source": {"text": "x"}, "labels": ["a\0b"]}), "body"),
            (json!({"kind": "routine", "source": {"text": "x"}, "recurrence": "every day"}), "recurrence"),
            (json!({"kind": "routine", "source": {"text": "x", "media": [
                {"sha256": "00", "mime": "image/png", "alt": "A map"}]}}), "source.media[0]"),
        ] {
            let answer = caller.post("/posts", &body).await;
            let problem: Value = answer.json().unwrap();
            assert_eq!(answer.status, 422, "{problem}");
            let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
            assert!(fields.contains(&json!(field)), "{field}: {problem}");
        }
        assert_eq!(caller.call(Request::get(&caller.url("/posts/none"))).await.status, 404);
    }

    async fn every_error_is_a_problem_in_words(bench) {
        let caller = Caller::new(&bench).await;
        let big = vec![b' '; 6 << 20];
        for (request, status, words) in [
            (Request::get(&caller.url("/posts?labels=x")), 400, "unknown field `labels`"),
            (Request::get(&caller.url("/posts?limit=many")), 400, "limit"),
            (Request::get(&caller.url("/freezes?closed=true")), 400, "unknown field"),
            (Request::delete(&caller.url("/posts")), 405, "the header Allow names"),
            (Request::post(&caller.url("/posts")).body("application/json", big.clone()), 413, "at most 1 MiB"),
            (Request::post(&caller.url("/media")).body("image/png", big.clone()), 413, "at most 5 MiB"),
            (
                Request::post(&caller.url("/posts")).header("idempotency-key", "k").body("application/json", big),
                413,
                "at most 1 MiB",
            ),
            (Request::post(&caller.url("/posts")).body("text/plain", b"{}".to_vec()), 422, "not valid"),
        ] {
            let said = format!("{request:?}");
            let answer = caller.call(request).await;
            let problem: Value = answer.json().unwrap_or_default();
            assert_eq!((answer.status, &problem["status"]), (status, &json!(status)), "{said} {problem}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{said}");
            assert!(problem["detail"].as_str().unwrap().contains(words), "{said} {problem}");
            assert_eq!(answer.header("allow").is_some(), status == 405, "{said}");
        }
    }

    async fn a_picture_is_given_back_as_a_file_that_no_browser_runs(bench) {
        let caller = Caller::new(&bench).await;
        let bytes = gif_with(b"\x21\xf9\x08<script>\0");
        let kept = caller.call(Request::post(&caller.url("/media")).body("text/html", bytes.clone())).await;
        let sha256 = kept.json::<Value>().unwrap()["sha256"].as_str().unwrap().to_owned();
        let url = caller.url(&format!("/media/{sha256}"));
        let answer = caller.http.call(Request::get(&url).bearer(&caller.approver)).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (200, &bytes[..]));
        for (name, value) in [
            ("content-type", "image/gif"),
            ("x-content-type-options", "nosniff"),
            ("content-disposition", &format!("attachment; filename=\"{sha256}.gif\"")),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value));
        }
        assert!(answer.header("content-security-policy").unwrap().contains("default-src 'none'"));
        assert_eq!(caller.call(Request::get(&caller.url("/media/none"))).await.status, 404);
    }

    async fn anybody_can_keep_the_newest_checkpoint(bench) {
        let caller = Caller::new(&bench).await;
        let ask = || caller.http.call(Request::get(&format!("{}/checkpoint", caller.base)));
        assert_eq!(ask().await.unwrap().status, 404, "none is signed yet");
        let get = Request::get(&caller.url("/audit/checkpoint")).bearer(&caller.approver);
        let signed: Value = caller.http.call(get).await.unwrap().json().unwrap();
        let public = ask().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&public.body), signed["note"].as_str().unwrap());
        assert!(public.header("content-type").unwrap().starts_with("text/plain"));
    }

    async fn an_edit_of_something_that_changed_is_refused(bench) {
        let caller = Caller::new(&bench).await;
        let answer = caller.post("/posts", &post("first")).await;
        let id = answer.json::<Value>().unwrap()["id"].as_str().unwrap().to_owned();
        let etag = answer.header("etag").unwrap().to_owned();
        let edit = |etag: &str, text| {
            Request::put(&caller.url(&format!("/posts/{id}"))).header("if-match", etag).json(&post(text))
        };
        assert_eq!(caller.call(edit(&etag, "second")).await.status, 200);
        assert_eq!(caller.call(edit(&etag, "third")).await.status, 412);
        let now: Value = caller.call(Request::get(&caller.url(&format!("/posts/{id}")))).await.json().unwrap();
        assert_eq!(now["source"]["text"], "second");
    }

    async fn a_policy_that_changed_meanwhile_is_not_overwritten(bench) {
        let caller = Caller::new(&bench).await;
        let url = caller.url("/policy");
        let etag = caller.call(Request::get(&url)).await.header("etag").unwrap().to_owned();
        let set = |major: u32| Request::put(&url).header("if-match", &etag).json(&json!({ "major": major }));
        let first = caller.administer(set(2)).await;
        assert_eq!(first.status, 200);
        assert_ne!(first.header("etag"), Some(etag.as_str()));
        assert_eq!(caller.administer(set(1)).await.status, 412);
        let now = caller.call(Request::get(&url)).await;
        assert_eq!(now.header("etag"), first.header("etag"));
        assert_eq!(now.json::<Value>().unwrap()["major"], 2);
    }

    async fn no_text_with_a_nul_gets_to_the_database(bench) {
        let caller = Caller::new(&bench).await;
        let nul = |field: &str| json!({ field: "a\0b" });
        let (person, channel) = (&bench.operator.id, &bench.channels[0]);
        for (path, body) in [
            ("/posts".to_owned(), nul("kind")),
            ("/people".to_owned(), nul("name")),
            ("/channels".to_owned(), nul("name")),
            ("/incidents".to_owned(), nul("title")),
            ("/freezes".to_owned(), nul("note")),
            ("/setup".to_owned(), nul("setup_token")),
            ("/join".to_owned(), nul("invitation")),
            (format!("/people/{person}/tokens"), nul("label")),
            ("/approvals/bulk".to_owned(), nul("label")),
            ("/held/review".to_owned(), nul("label")),
        ] {
            let answer = caller.post(&path, &body).await;
            assert_eq!(answer.status, 422, "{path}: {}", String::from_utf8_lossy(&answer.body));
            let problem: Value = answer.json().unwrap();
            assert!(problem["errors"][0]["message"].as_str().unwrap().contains("NUL"), "{path}: {problem}");
        }
        for path in ["/posts/%00", "/posts?label=%00", "/people/a%00b/tokens", "/audit?actor=%00"] {
            let answer = caller.call(Request::get(&caller.url(path))).await;
            assert_eq!(answer.status, 422, "{path}: {}", String::from_utf8_lossy(&answer.body));
        }
        let rows = format!("{}\n{}\n", post("fine"), post("not\0fine"));
        let import = Request::post(&caller.url("/posts/import?atomic=false"));
        let result: Value =
            caller.call(import.body("application/x-ndjson", rows.into_bytes())).await.json().unwrap();
        assert_eq!((&result["created"], &result["errors"][0]["row"]), (&json!(1), &json!(2)), "{result}");
        let edit = Request::patch(&caller.url(&format!("/channels/{channel}"))).json(&json!({"name": "\0"}));
        assert_eq!(caller.administer(edit).await.status, 422);
    }

    async fn a_limited_token_makes_no_stronger_one(bench) {
        let who = &bench.administrator;
        let limited = NewToken { label: "log".into(), roles: vec![Role::Auditor], days: Some(1) };
        assert!(people::create_token(&bench.app, who, &who.id, &limited).await.is_err(), "it has no such role");
        let mut weak = bench.administrator.clone();
        weak.roles = Vec::new();
        let all = NewToken { label: "all".into(), roles: Vec::new(), days: Some(1) };
        let (made, _) = people::create_token(&bench.app, &weak, &who.id, &all).await.unwrap();
        assert!(made.roles.is_empty(), "{made:?}");
    }

    async fn an_incident_with_a_scope_that_names_nothing_is_refused(bench) {
        let caller = Caller::new(&bench).await;
        for scope in [json!({"channels": ["alpha"]}), json!({"brands": ["nobody"]})] {
            let new = json!({"title": "Down", "severity": "major", "freeze": true, "scope": scope});
            let answer = caller.post("/incidents", &new).await;
            assert_eq!(answer.status, 422, "{}", String::from_utf8_lossy(&answer.body));
        }
    }

    async fn a_channel_that_changed_meanwhile_is_not_overwritten(bench) {
        let caller = Caller::new(&bench).await;
        let url = caller.url(&format!("/channels/{}", bench.channels[0]));
        let etag = caller.call(Request::get(&url)).await.header("etag").unwrap().to_owned();
        let edit = |brand| Request::patch(&url).header("if-match", &etag).json(&json!({ "brand": brand }));
        assert_eq!(caller.administer(edit("first")).await.status, 200);
        let late = caller.administer(edit("second")).await;
        assert_eq!(late.status, 412);
        assert_eq!(caller.call(edit("third")).await.status, 403, "an operator connects nothing");
        let now: Value = caller.call(Request::get(&url)).await.json().unwrap();
        assert_eq!(now["brand"], "first");
    }

    async fn a_repeated_key_gives_the_first_answer_again(bench) {
        let caller = Caller::new(&bench).await;
        let send = |text| Request::post(&caller.url("/posts")).header("idempotency-key", "k1").json(&post(text));
        let first = caller.call(send("once")).await;
        let again = caller.call(send("once")).await;
        assert_eq!((first.status, again.status), (201, 201));
        assert_eq!(first.body, again.body);
        assert_eq!((first.header("etag"), again.header("etag")), (Some("\"1\""), Some("\"1\"")));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(caller.call(send("other")).await.status, 422);
        let all: Value = caller.call(Request::get(&caller.url("/posts?label=api"))).await.json().unwrap();
        assert_eq!(all.as_array().unwrap().len(), 1);
    }

    async fn an_import_reports_each_row_and_can_be_all_or_nothing(bench) {
        let caller = Caller::new(&bench).await;
        let rows = format!("{}\n{}\nnot json\n\n{}", post("a"), json!({"kind": "update"}), post("b"));
        let import = |atomic| {
            let url = caller.url(&format!("/posts/import?atomic={atomic}"));
            Request::post(&url).body("application/x-ndjson", rows.clone().into_bytes())
        };
        let answer = caller.call(import(true)).await;
        let result: Value = answer.json().unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (422, Some("application/problem+json")));
        let fields: Vec<_> = result["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
        assert!(fields.contains(&json!("row 2: source")) || fields.contains(&json!("row 2: row")), "{result}");
        assert!(fields.iter().any(|f| f.as_str().unwrap().starts_with("row 3: ")), "{result}");
        let none: Value = caller.call(Request::get(&caller.url("/posts"))).await.json().unwrap();
        assert_eq!(none, json!([]), "all or nothing");
        let result: Value = caller.call(import(false)).await.json().unwrap();
        assert_eq!((&result["created"], &result["failed"]), (&json!(2), &json!(2)));
        assert_eq!((&result["errors"][0]["row"], &result["errors"][1]["row"]), (&json!(2), &json!(3)));
        let page: Value = caller.call(Request::get(&caller.url("/posts?label=api&limit=1"))).await.json().unwrap();
        assert_eq!(page.as_array().unwrap().len(), 1);
    }

    async fn the_search_finds_words_in_any_script_and_across_lines(bench) {
        let caller = Caller::new(&bench).await;
        let body = |text: &str| json!({"kind": "routine", "due": "2099-01-01T00:00:00Z", "channels": ["alpha"],
            "source": {"title": "ÉTÉ À ZÜRICH", "text": text, "per_channel": {"alpha": "Only ΑΛΦΑ"}}});
        let made = caller.post("/posts", &body("He said \"now\"\nand 100% more")).await;
        let id = made.json::<Value>().unwrap()["id"].as_str().unwrap().to_owned();
        let found = async |text: &str| {
            let encoded: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
            let answer = caller.call(Request::get(&caller.url(&format!("/posts?text={encoded}")))).await;
            answer.json::<Value>().unwrap().as_array().unwrap().len()
        };
        for text in ["Été", "été à zürich", "\"NOW\"", "now\"\nand", "now\" and", "100%", "only αλφα"] {
            assert_eq!(found(text).await, 1, "{text}");
        }
        for text in ["per_channel", "100_", "zürich he said", "\\n", "en\""] {
            assert_eq!(found(text).await, 0, "{text}");
        }
        let edit = Request::put(&caller.url(&format!("/posts/{id}"))).json(&body("Ärger"));
        assert_eq!(caller.call(edit).await.status, 200);
        assert_eq!((found("ärger").await, found("now").await), (1, 0));
        for (filter, field) in [("state=aproved", "state"), ("kind=tips", "kind"), ("state=", "state")] {
            let answer = caller.call(Request::get(&caller.url(&format!("/posts?{filter}")))).await;
            let problem: Value = answer.json().unwrap();
            assert_eq!((answer.status, &problem["errors"][0]["field"]), (422, &json!(field)), "{problem}");
        }
    }

    async fn pages_follow_each_other_without_gap(bench) {
        let caller = Caller::new(&bench).await;
        for n in 0..5 {
            assert_eq!(caller.post("/posts", &post(&format!("number {n}"))).await.status, 201);
            let mut other = post("another label");
            other["labels"] = json!(["other"]);
            assert_eq!(caller.post("/posts", &other).await.status, 201);
        }
        let (mut url, mut seen) = (caller.url("/posts?label=api&limit=2"), Vec::new());
        loop {
            let answer = caller.call(Request::get(&url)).await;
            let page: Value = answer.json().unwrap();
            seen.extend(page.as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap().to_owned()));
            let Some(link) = answer.header("link") else { break };
            let path = link.trim_start_matches('<').split('>').next().unwrap();
            url = format!("{}{path}", caller.base);
        }
        let mut unique = seen.clone();
        unique.sort();
        unique.dedup();
        assert_eq!((seen.len(), unique.len()), (5, 5));
    }

    async fn the_log_of_the_api_verifies_offline(bench) {
        let caller = Caller::new(&bench).await;
        caller.post("/posts", &post("logged")).await;
        let get = |path: &str| Request::get(&caller.url(path)).bearer(&caller.approver);
        assert_eq!(caller.call(Request::get(&caller.url("/audit"))).await.status, 403);
        let checkpoint: Value = caller.http.call(get("/audit/checkpoint")).await.unwrap().json().unwrap();
        let size = checkpoint["size"].as_i64().unwrap();
        for wrong in [size + 1_000, -1] {
            let refused = caller.http.call(get(&format!("/audit/entries?size={wrong}"))).await.unwrap();
            assert_eq!(refused.status, 422, "{}", String::from_utf8_lossy(&refused.body));
        }
        let bytes = caller.http.call(get(&format!("/audit/entries?size={size}"))).await.unwrap().body;
        let (mut leaves, mut rest) = (Vec::new(), &bytes[..]);
        while let Some((length, tail)) = rest.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            leaves.push(tail[..length].to_vec());
            rest = &tail[length..];
        }
        let dir = tempfile::tempdir().unwrap();
        let key = checkpoint["key"].as_str().unwrap();
        holdline::audit_export::write(dir.path(), &leaves, checkpoint["note"].as_str().unwrap(), key).unwrap();
        let report = holdline::audit_export::verify(dir.path(), Some(key), None).unwrap();
        assert_eq!(report.size, u64::try_from(size).unwrap());
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(caller.operator.expose_secret()), "a token is in the log");
    }
}
