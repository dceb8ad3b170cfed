//! The Compose files, read as YAML.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use yaml_rust2::{Yaml, YamlLoader};

use super::{drain, folder, read, would_do};

const FILES: [&str; 2] = ["compose/single.yml", "compose/cluster.yml"];

/// Where Compose puts secrets.
const SECRETS: &str = "/run/secrets";

fn load(file: &str) -> Yaml {
    let documents = YamlLoader::load_from_str(&read(file));
    let mut documents = documents.unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(documents.len(), 1, "{file}");
    documents.remove(0)
}

/// The value at a key, looked for in what is merged in by `<<` as well.
fn get<'a>(of: &'a Yaml, key: &str) -> &'a Yaml {
    match &of[key] {
        Yaml::BadValue if !of["<<"].is_badvalue() => get(&of["<<"], key),
        value => value,
    }
}

fn text(value: &Yaml) -> String {
    match value {
        Yaml::String(text) | Yaml::Real(text) => text.clone(),
        Yaml::Integer(number) => number.to_string(),
        // Compose takes texts and numbers for a variable, and refuses these.
        other => panic!("{other:?} is no text"),
    }
}

/// The names in a list, or the keys of a map.
fn names(value: &Yaml) -> Vec<String> {
    match value {
        Yaml::Array(entries) => entries.iter().map(text).collect(),
        Yaml::Hash(map) => map.keys().map(text).collect(),
        Yaml::BadValue => Vec::new(),
        other => panic!("{other:?} names nothing"),
    }
}

fn services(file: &Yaml) -> Vec<(String, &Yaml)> {
    let services = file["services"].as_hash().unwrap();
    services.iter().map(|(name, service)| (text(name), service)).collect()
}

fn is_ours(service: &Yaml) -> bool {
    text(get(service, "image")).starts_with("message-service:")
}

#[test]
fn every_node_of_the_compose_files_would_start_with_its_settings() {
    for file in FILES {
        let compose = load(file);
        let mut ours = 0;
        for (name, service) in services(&compose) {
            if !is_ours(service) {
                continue;
            }
            ours += 1;
            let settings = get(service, "environment").as_hash().unwrap();
            let settings: BTreeMap<String, String> =
                settings.iter().map(|(name, value)| (text(name), text(value))).collect();
            // Without a command of its own it runs the image's.
            let words = names(get(service, "command"));
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let words = if words.is_empty() { vec!["serve"] } else { words };
            would_do(&format!("{file}, {name}"), &words, &settings, SECRETS);
            let secrets = names(get(service, "secrets"));
            for value in settings.values().filter_map(|value| value.strip_prefix(SECRETS)) {
                let secret = value.trim_start_matches('/');
                assert!(secrets.iter().any(|name| name == secret), "{file}, {name}: {secret}");
            }
        }
        assert!(ours > 0, "{file} runs no node");
    }
}

#[test]
fn compose_waits_for_a_node_longer_than_its_drain_takes() {
    for file in FILES {
        for (name, service) in services(&load(file)) {
            if !is_ours(service) || names(get(service, "command")) == ["migrate"] {
                continue;
            }
            let period = text(get(service, "stop_grace_period"));
            let seconds = period.strip_suffix('s').and_then(|text| text.parse().ok()).unwrap();
            assert!(Duration::from_secs(seconds) > drain(), "{file}, {name}: {period}");
        }
    }
}

#[test]
fn whatever_the_compose_files_name_is_there() {
    for file in FILES {
        let compose = load(file);
        let known = |section: &str| names(&compose[section]).into_iter().collect::<BTreeSet<_>>();
        let (secrets, networks, volumes) = (known("secrets"), known("networks"), known("volumes"));
        let all: BTreeSet<String> = services(&compose).into_iter().map(|(name, _)| name).collect();
        for (name, service) in services(&compose) {
            let defined = |what: &str, known: &BTreeSet<String>| {
                for used in names(get(service, what)) {
                    assert!(known.contains(&used), "{file}, {name}: {what} has no {used}");
                }
            };
            defined("secrets", &secrets);
            defined("networks", &networks);
            defined("depends_on", &all);
            for volume in names(get(service, "volumes")) {
                let from = volume.split(':').next().unwrap();
                // What is made on the spot, as certificates are, lies beside the Compose file.
                let is_there = volumes.contains(from)
                    || from.starts_with("./")
                    || folder().join("compose").join(from).is_file();
                assert!(is_there, "{file}, {name}: there is no {from}");
            }
            let build = get(service, "build");
            if !build.is_badvalue() {
                let context = folder().join("compose").join(text(&build["context"]));
                assert!(context.join(text(&build["dockerfile"])).is_file(), "{file}, {name}");
                assert!(context.join("Cargo.lock").is_file(), "{file}, {name}: {context:?}");
            }
        }
    }
}

#[test]
fn nginx_asks_the_nodes_that_compose_runs() {
    let compose = load("compose/cluster.yml");
    let nodes: BTreeSet<String> = services(&compose)
        .into_iter()
        .filter(|(_, service)| is_ours(service) && names(get(service, "command")).is_empty())
        .map(|(name, _)| format!("{name}:8787"))
        .collect();
    let upstream = read("nginx/upstream-compose.conf");
    let asked = upstream.lines().filter_map(|line| line.trim().strip_prefix("server "));
    let asked: BTreeSet<String> =
        asked.map(|rest| rest.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(asked, nodes);
    assert_eq!(nodes.len(), 3);
}
