//! The systemd units, read as lines.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{drain, read, would_do};

/// A unit, with what it is told from outside.
struct Unit {
    file: &'static str,
    /// The part after the `@`.
    instance: &'static str,
    /// What the administrator's file says.
    outside: &'static [(&'static str, &'static str)],
}

const UNITS: [Unit; 2] = [
    Unit { file: "systemd/message-service.service", instance: "", outside: &[] },
    Unit {
        file: "systemd/message-service@.service",
        instance: "8788",
        outside: &[
            ("MESSAGE_SERVICE__STORE", "mongodb://db1,db2,db3/messages?replicaSet=rs0"),
            ("MESSAGE_SERVICE__BUS", "nats://bus1:4222,nats://bus2:4222"),
        ],
    },
];

/// Where systemd puts credentials, as `%d` stands for it.
const CREDENTIALS: &str = "/run/credentials";

impl Unit {
    /// All values of a setting, with what `%i` and `%d` stand for.
    fn all(&self, setting: &str) -> Vec<String> {
        let unit = read(self.file);
        let values = unit.lines().filter_map(|line| line.strip_prefix(setting)?.strip_prefix('='));
        let told = |value: &str| value.replace("%i", self.instance).replace("%d", CREDENTIALS);
        values.map(told).collect()
    }

    fn one(&self, setting: &str) -> String {
        let mut values = self.all(setting);
        assert_eq!(values.len(), 1, "{}: {setting}", self.file);
        values.remove(0)
    }
}

#[test]
fn every_unit_would_start_with_its_settings() {
    for unit in UNITS {
        let line = unit.one("ExecStart");
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words.first(), Some(&"/usr/local/bin/message-service"), "{}", unit.file);
        let inside = unit.all("Environment");
        let inside = inside.iter().map(|setting| setting.split_once('=').unwrap());
        let settings: BTreeMap<String, String> = inside
            .chain(unit.outside.iter().copied())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        would_do(unit.file, &words[1..], &settings, CREDENTIALS);
        let loaded = unit.all("LoadCredential");
        for path in settings.values().filter_map(|value| value.strip_prefix(CREDENTIALS)) {
            let credential = format!("{}:", path.trim_start_matches('/'));
            let is_loaded = loaded.iter().any(|loaded| loaded.starts_with(&credential));
            assert!(is_loaded, "{}: {path} is not loaded", unit.file);
        }
    }
}

#[test]
fn systemd_waits_for_a_node_longer_than_its_drain_takes() {
    for unit in UNITS {
        let timeout = unit.one("TimeoutStopSec");
        let seconds = timeout.strip_suffix('s').and_then(|text| text.parse().ok()).unwrap();
        assert!(Duration::from_secs(seconds) > drain(), "{}: {timeout}", unit.file);
    }
}

#[test]
fn a_unit_writes_nowhere_but_where_its_store_is() {
    for unit in UNITS {
        assert_eq!(unit.one("ProtectSystem"), "strict", "{}", unit.file);
        assert_eq!(unit.one("User"), "message-service", "{}", unit.file);
        let state = unit.all("StateDirectory");
        let stores_here = unit.one("ExecStart").contains("/var/lib/");
        assert_eq!(!state.is_empty(), stores_here, "{}", unit.file);
        for state in state {
            assert!(unit.one("ExecStart").contains(&format!("/var/lib/{state}/")), "{}", unit.file);
        }
    }
}
