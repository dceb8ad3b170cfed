use std::fs;

use super::*;

fn from(
    file: Option<&str>,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    if let Some(text) = file {
        fs::write(&path, text).unwrap();
    }
    let environment =
        environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let flags = flags.iter().map(|(key, text)| (*key, (*text).to_owned()));
    Config::load(file.map(|_| path.as_path()), environment, flags)
        .map_err(|error| error.to_string().replace(folder.path().to_str().unwrap(), ""))
}

const GOOD: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";

#[test]
fn the_defaults_are_a_configuration() {
    let config = Config::load(None, [], []).unwrap();
    assert_eq!(config.store, StoreAt::Sqlite("message-service.db".into()));
    assert_eq!(config.product_name, None);
    assert_eq!(config.metrics.listen, None);
    assert_eq!(config.outbox, None);
    assert_eq!(config.origins().unwrap(), Origins::Same);
    assert!(config.check_standalone().unwrap_err().to_string().contains("JWT__SECRETS"));
}

#[test]
fn the_main_app_is_not_told_of_whom_a_drain_has_away() {
    let config = Config::load(None, [], []).unwrap();
    let DrainConfig { after_ms, within_ms, .. } = config.drain;
    assert!(config.webhook.after_ms > after_ms + within_ms);
}

#[test]
fn flags_win_over_the_environment_which_wins_over_the_file() {
    let file = Some("listen = \"file:1\"\nproduct_name = \"file\"\n[drain]\nwait_ms = 1\n");
    let environment = [("MESSAGE_SERVICE__LISTEN", "env:1"), ("MESSAGE_SERVICE__STORE", "memory")];
    let config = from(file, &environment, &[("listen", "flag:1")]).unwrap();
    assert_eq!(config.listen, "flag:1");
    assert_eq!(config.store, StoreAt::Memory);
    assert_eq!(config.product_name.as_deref(), Some("file"));
    assert_eq!((config.drain.wait_ms, config.drain.after_ms), (1, 1_000));
}

#[test]
fn the_environment_says_no_to_what_is_a_yes_by_default() {
    let set = |text| from(None, &[("MESSAGE_SERVICE__MIGRATE_AT_START", text)], &[]);
    assert!(from(None, &[], &[]).unwrap().migrate_at_start);
    assert!(!set("false").unwrap().migrate_at_start);
    let refused = set("no").unwrap_err();
    assert!(refused.contains("migrate_at_start") && refused.contains("\"no\""), "{refused}");
}

#[test]
fn the_environment_has_lists_numbers_and_secrets_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    fs::write(&keys, format!("{GOOD}\n{OTHER}\n\n")).unwrap();
    let secrets = format!("{GOOD}, {OTHER}");
    let config = from(
        None,
        &[
            ("MESSAGE_SERVICE__JWT__SECRETS", &secrets),
            ("MESSAGE_SERVICE__SERVICE_KEYS_FILE", keys.to_str().unwrap()),
            ("MESSAGE_SERVICE__DRAIN__WITHIN_MS", "7"),
            ("MESSAGE_SERVICE__METRICS__LISTEN", "127.0.0.1:9464"),
            ("MESSAGE_SERVICE__DIRECT", "main_app"),
            ("SOMEBODY_ELSES", "x"),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(config.jwt.secrets, [Secret::new(GOOD), Secret::new(OTHER)]);
    assert_eq!(config.service_keys, [Secret::new(GOOD), Secret::new(OTHER)]);
    assert_eq!(config.drain.within_ms, 7);
    assert_eq!(config.direct, DirectRule::MainApp);
    assert!(config.metrics.listen.is_some());
    config.check_standalone().unwrap();
}

#[test]
fn mistakes_are_told_with_the_way_out() {
    type Case<'a> = (Option<&'a str>, &'a [(&'a str, &'a str)], &'a [&'a str]);
    let many = [GOOD, OTHER, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"].join(",");
    let cases: [Case<'_>; 12] = [
        (Some("listne = \"x\""), &[], &["`listne`", "listen"]),
        (Some("[jwt]\nsecret = \"x\""), &[], &["`jwt.secret`", "secrets"]),
        (Some("listen = \"a\"\nstore = =\n"), &[], &["line 2"]),
        (Some("listen = 7"), &[], &["`listen`", "string"]),
        (Some("outbox = \"app\""), &[], &["`outbox`", "mongodb://HOST:PORT/DATABASE"]),
        (
            None,
            &[("MESSAGE_SERVICE__OUTBOX", "mongodb://ann:s3cret@one")],
            &["`outbox`", "names no database", "[redacted]"],
        ),
        (None, &[("MESSAGE_SERVICE__TYPO", "x")], &["MESSAGE_SERVICE__TYPO", "`typo`"]),
        (Some("idle_ms = 0"), &[], &["`idle_ms`", "must not be 0"]),
        (None, &[("MESSAGE_SERVICE__DRAIN__WAIT_MS", "soon")], &["`drain.wait_ms`", "number"]),
        (None, &[("MESSAGE_SERVICE__JWT__SECRETS", "short")], &["`jwt.secrets`", "32 bytes"]),
        (None, &[("MESSAGE_SERVICE__SERVICE_KEYS", &many)], &["`service_keys`", "two"]),
        (
            None,
            &[("MESSAGE_SERVICE__ALLOWED_ORIGINS", "example.com")],
            &["`allowed_origins`", "https://"],
        ),
    ];
    for (file, environment, expected) in cases {
        let error = from(file, environment, &[]).unwrap_err();
        for part in expected {
            assert!(error.contains(part), "{error:?} lacks {part:?}");
        }
    }
}

#[test]
fn secrets_show_nowhere() {
    let environment = [("MESSAGE_SERVICE__JWT__SECRETS", GOOD)];
    let config = from(None, &environment, &[]).unwrap();
    let shown = format!("{config:?}{}", toml::to_string(&config).unwrap());
    assert!(!shown.contains(GOOD) && shown.contains("[redacted]"), "{shown}");
    let broken = from(Some(&format!("service_keys = [\"{GOOD}\"")), &[], &[]).unwrap_err();
    assert!(!broken.contains(GOOD), "{broken}");
}
