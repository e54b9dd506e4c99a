//! The files of `deploy/` parse, and agree with each other on names, paths and ports.

use std::collections::BTreeSet;
use std::path::Path;

use holdline::config::Config;
use yaml_serde::Value as Yaml;

/// The keys of the configuration, as the example explains them.
const KEYS: &[&str] = &[
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

/// The port inside every container and unit.
const PORT: &str = "8740";
/// The data folder, everywhere.
const DATA: &str = "/var/lib/holdline";

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn example() -> toml::Table {
    read("deploy/holdline.example.toml").parse().unwrap()
}

fn compose() -> Yaml {
    let mut compose: Yaml = yaml_serde::from_str(&read("deploy/compose.yaml")).unwrap();
    compose.apply_merge().unwrap();
    compose
}

fn text(value: &Yaml) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value:?}"))
}

fn texts(value: &Yaml) -> Vec<&str> {
    value.as_sequence().unwrap_or_else(|| panic!("not a list: {value:?}")).iter().map(text).collect()
}

/// The environment variables of ours that a text names.
fn variables(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c: char| !is_part(c));
    words.filter(|w| w.starts_with("HOLDLINE_")).map(str::to_owned).collect()
}

/// The variables that no key stands behind.
fn unknown_variables(text: &str) -> Vec<String> {
    let known: BTreeSet<String> = KEYS.iter().map(|k| format!("HOLDLINE_{}", k.to_uppercase())).collect();
    variables(text).into_iter().filter(|v| !known.contains(v)).collect()
}

/// Every value of a directive in a unit file.
fn directive<'a>(unit: &'a str, name: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter_map(|l| l.split_once('='));
    lines.filter(|(key, _)| *key == name).map(|(_, value)| value).collect()
}

/// The arguments of an instruction in a Dockerfile, continued lines joined.
fn instruction(dockerfile: &str, name: &str) -> Vec<String> {
    let joined = dockerfile.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|l| l.split_once(' '));
    lines.filter(|(key, _)| *key == name).map(|(_, rest)| rest.trim().to_owned()).collect()
}

/// Keys that no comment stands above.
fn unexplained(config: &str) -> Vec<String> {
    let lines: Vec<&str> = config.lines().collect();
    let pairs = lines.windows(2).filter(|w| !w[1].starts_with('#') && w[1].contains(" = "));
    pairs.filter(|w| !w[0].starts_with('#')).map(|w| w[1].to_owned()).collect()
}

#[test]
fn the_example_holds_every_key_and_explains_it() {
    let text = read("deploy/holdline.example.toml");
    assert_eq!(unexplained(&text), Vec::<String>::new());
    // What is commented out is valid too. The configuration refuses keys that it does not know.
    let full = text.replace("# database_url", "database_url").replace("# mail_", "mail_");
    toml::from_str::<Config>(&text).unwrap();
    toml::from_str::<Config>(&full).unwrap();
    let full: toml::Table = full.parse().unwrap();
    let keys: BTreeSet<&str> = full.keys().map(String::as_str).collect();
    assert_eq!(keys, KEYS.iter().copied().collect());
    assert!(toml::from_str::<Config>("port = 8740").is_err());
    assert!(!example().contains_key("database_url"), "one node runs on SQLite");
}

#[test]
fn the_example_is_safe_to_copy() {
    let example = example();
    let listen: std::net::SocketAddr = example["listen"].as_str().unwrap().parse().unwrap();
    assert!(listen.ip().is_loopback(), "a copied example must not open a port to the world");
    assert_eq!(listen.port().to_string(), PORT);
    assert_eq!(example["data"].as_str(), Some(DATA));
    assert_eq!(example["allow_private"].as_array().map(Vec::len), Some(0));
    assert!(example["public_url"].as_str().unwrap().starts_with("https://"));
    assert!(["text", "json"].contains(&example["log_format"].as_str().unwrap()));
}

#[test]
fn every_variable_has_a_key_behind_it() {
    for file in ["holdline.example.toml", "holdline.service", "Dockerfile", "compose.yaml"] {
        let text = read(&format!("deploy/{file}"));
        assert_eq!(unknown_variables(&text), Vec::<String>::new(), "{file}");
        assert!(!variables(&text).is_empty(), "{file}");
    }
}

#[test]
fn the_unit_is_watched_and_confined() {
    let unit = read("deploy/holdline.service");
    // What has begun is marked for as long as the machine runs: /proc/sys must be there to tell.
    assert!(!unit.lines().any(|line| line.starts_with("ProcSubset=")), "it hides the boot id");
    for (name, value) in [
        ("Type", "notify"),
        ("ExecStart", "/usr/local/bin/holdline serve --config /etc/holdline/holdline.toml"),
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("CapabilityBoundingSet", ""),
        ("LimitCORE", "0"),
        ("Restart", "always"),
    ] {
        assert_eq!(directive(&unit, name), [value], "{name}");
    }
    assert!(directive(&unit, "WatchdogSec")[0].parse::<u32>().unwrap() > 0);
    assert_eq!(format!("/var/lib/{}", directive(&unit, "StateDirectory")[0]), DATA);
    let environment = directive(&unit, "Environment");
    assert!(environment.contains(&"HOLDLINE_DATA=/var/lib/holdline"));
    let (credential, path) = directive(&unit, "LoadCredential")[0].split_once(':').unwrap();
    assert!(environment.contains(&format!("HOLDLINE_INSTANCE_KEY_FILE=%d/{credential}").as_str()));
    assert_eq!(example()["instance_key_file"].as_str(), Some(path), "the same file as in the example");
}

#[test]
fn who_ends_the_service_waits_as_long_as_a_stop_takes() {
    let unit = read("deploy/holdline.service");
    let unit: u64 = directive(&unit, "TimeoutStopSec")[0].parse().unwrap();
    let longest = holdline::worker::STOPS_WITHIN.as_secs();
    assert!(longest < unit, "{longest} s");
    for node in ["a", "b"] {
        let grace = compose()["services"][node]["stop_grace_period"].clone();
        assert_eq!(text(&grace), format!("{unit}s"));
    }
}

#[test]
fn the_image_is_small_and_not_root() {
    let dockerfile = read("deploy/Dockerfile");
    let stages = instruction(&dockerfile, "FROM");
    assert_eq!(stages.len(), 2, "one stage builds, one runs");
    assert!(stages[1].contains("distroless"), "{stages:?}");
    assert_eq!(instruction(&dockerfile, "USER"), ["65532:65532"]);
    assert_eq!(instruction(&dockerfile, "EXPOSE"), [PORT]);
    assert_eq!(instruction(&dockerfile, "VOLUME"), [DATA]);
    assert!(instruction(&dockerfile, "HEALTHCHECK")[0].ends_with(r#"CMD ["/holdline", "health"]"#));
    assert_eq!(instruction(&dockerfile, "CMD"), [r#"["serve"]"#]);
    let env = instruction(&dockerfile, "ENV").join(" ");
    assert!(env.contains("HOLDLINE_LISTEN=0.0.0.0:8740") && env.contains("HOLDLINE_DATA=/var/lib/holdline"));
}

#[test]
fn the_image_builds_from_what_is_here() {
    let dockerfile = read("deploy/Dockerfile");
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let rust = manifest["package"]["rust-version"].as_str().unwrap();
    assert!(instruction(&dockerfile, "FROM")[0].starts_with(&format!("rust:{rust}-")), "the same Rust");
    // Cargo refuses a manifest that names a file which is not there.
    let made = instruction(&dockerfile, "RUN").join(" ");
    for kind in ["test", "bench", "example", "bin"] {
        for target in manifest.get(kind).and_then(toml::Value::as_array).into_iter().flatten() {
            let path = target["path"].as_str().unwrap();
            let copied = ["src", "channels", "migrations"].iter().any(|folder| path.starts_with(folder));
            assert!(copied || made.contains(path), "the build lacks {path}");
        }
    }
    let ignore = read("deploy/Dockerfile.dockerignore");
    let copies = instruction(&dockerfile, "COPY");
    for read in ["Cargo.toml", "Cargo.lock", "channels", "migrations", "src"] {
        assert!(copies.iter().any(|c| c.split(' ').any(|w| w == read)), "the build reads {read}");
    }
    for copy in copies.iter().filter(|c| !c.starts_with("--from")) {
        let mut sources: Vec<_> = copy.split(' ').collect();
        sources.pop();
        for source in sources {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(source).exists(), "{source}");
            assert!(ignore.lines().any(|l| l == format!("!{source}")), "{source} is left out of the context");
        }
    }
}

#[test]
fn the_two_nodes_share_a_database_and_nothing_else() {
    let compose = compose();
    let (a, b) = (&compose["services"]["a"], &compose["services"]["b"]);
    assert_ne!(a["environment"]["HOLDLINE_NODE_NAME"], b["environment"]["HOLDLINE_NODE_NAME"]);
    assert_ne!(a["volumes"], b["volumes"], "the data folder belongs to one node");
    for node in [a, b] {
        let environment = &node["environment"];
        assert_eq!(text(&environment["HOLDLINE_LISTEN"]), format!("0.0.0.0:{PORT}"));
        assert_eq!(text(&environment["HOLDLINE_DATA"]), DATA);
        let port = texts(&node["ports"])[0];
        assert!(port.starts_with("127.0.0.1:") && port.ends_with(&format!(":{PORT}")), "{port}");
        assert!(texts(&node["volumes"])[0].ends_with(&format!(":{DATA}")));
        assert_eq!(text(&node["build"]["dockerfile"]), "deploy/Dockerfile");
        for variable in ["HOLDLINE_DATABASE_URL_FILE", "HOLDLINE_INSTANCE_KEY_FILE"] {
            let secret = text(&environment[variable]).strip_prefix("/run/secrets/").unwrap();
            assert!(texts(&node["secrets"]).contains(&secret), "{secret} is not given to the node");
        }
    }
}

#[test]
fn no_secret_stands_in_the_compose_file() {
    let compose = compose();
    for (name, service) in compose["services"].as_mapping().unwrap() {
        for (variable, value) in service["environment"].as_mapping().unwrap() {
            let secret = ["PASSWORD", "KEY", "DATABASE_URL"].iter().any(|w| text(variable).contains(w));
            assert!(!secret || text(variable).ends_with("_FILE"), "{name:?}: {variable:?} = {value:?}");
        }
        for secret in texts(&service["secrets"]) {
            let file = text(&compose["secrets"][secret]["file"]);
            assert!(file.starts_with("secrets/"), "{file} may end up in version control");
        }
    }
    assert!(read(".gitignore").lines().any(|l| l == "/deploy/secrets"));
}

#[test]
fn the_database_keeps_its_default_durability() {
    for file in ["deploy/compose.yaml", "tests/peers/postgres/run.sh"] {
        let text = read(file);
        let settings = ["fsync=", "synchronous_commit=", "full_page_writes=", "--no-sync"];
        assert!(!settings.iter().any(|s| text.contains(s)), "{file} changes what a commit promises");
    }
}

#[test]
fn bad_samples_are_found() {
    assert_eq!(unknown_variables("HOLDLINE_LISTEN=x HOLDLINE_PORT=y"), ["HOLDLINE_PORT"]);
    assert_eq!(unexplained("# Said.\na = 1\n\nb = 2\n"), ["b = 2"]);
    assert_eq!(directive("Type=simple\n#Type=notify\n", "Type"), ["simple"]);
    assert_eq!(instruction("RUN a \\\n b\nUSER root\n", "RUN").len(), 1);
    assert_eq!(instruction("USER root\n# USER 1\n", "USER"), ["root"]);
}
