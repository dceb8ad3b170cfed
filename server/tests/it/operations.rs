//! `docs/OPERATIONS.md` and the alert rules: that they speak of the metrics that the server has, and
//! of all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use yaml_rust2::YamlLoader;

/// What every metric's name begins with.
const PREFIX: &str = "message_service_";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The text of every source file in a folder.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: PathBuf| {
        if path.is_dir() {
            sources(&path)
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            fs::read_to_string(path).unwrap()
        } else {
            String::new()
        }
    };
    entries.map(text).collect()
}

/// What follows a mark, up to where a metric's name ends.
fn name(text: &str) -> Option<&str> {
    let text = text.trim_start().strip_prefix('"')?;
    text.starts_with(PREFIX).then(|| text.split('"').next().unwrap_or_default())
}

/// The metrics that the code names, with their kinds.
fn in_code(macros: &str) -> BTreeMap<String, String> {
    let code = sources(&root().join("server/src"));
    let mut found = BTreeMap::new();
    for kind in ["counter", "gauge", "histogram"] {
        for rest in code.split(&format!("{macros}{kind}!(")).skip(1) {
            if let Some(name) = name(rest) {
                found.insert(name.to_owned(), kind.to_owned());
            }
        }
    }
    found
}

/// The metrics that the document has a row for, with their kinds.
fn in_document() -> BTreeMap<String, String> {
    let text = read("docs/OPERATIONS.md");
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let name = cells.next()?.strip_suffix('`')?;
        name.starts_with(PREFIX).then_some((name.to_owned(), cells.next()?.to_owned()))
    });
    rows.collect()
}

#[test]
fn every_metric_of_the_server_is_explained_and_every_explained_one_is_measured() {
    let measured = in_code("metrics::");
    assert!(measured.len() > 10, "{measured:?}");
    assert_eq!(in_document(), measured);
}

#[test]
fn every_metric_says_what_it_is_where_it_is_told() {
    assert_eq!(in_code("describe_"), in_code("metrics::"));
}

#[test]
fn alerts_ask_for_metrics_that_there_are_and_stand_in_the_document() {
    let rules = YamlLoader::load_from_str(&read("docs/deploy/prometheus/alerts.yml")).unwrap();
    let measured = in_code("metrics::");
    let document = read("docs/OPERATIONS.md");
    let mut alerts = 0;
    for group in rules[0]["groups"].as_vec().unwrap() {
        for rule in group["rules"].as_vec().unwrap() {
            alerts += 1;
            let alert = rule["alert"].as_str().unwrap();
            assert!(document.contains(&format!("`{alert}`")), "{alert} is not explained");
            let expression = rule["expr"].as_str().unwrap();
            let word = |char: char| !char.is_ascii_alphanumeric() && char != '_';
            let asked: BTreeSet<&str> = expression.split(word).collect();
            for asked in asked.into_iter().filter(|word| word.starts_with(PREFIX)) {
                // A histogram is told as three.
                let is_there = ["", "_bucket", "_count", "_sum"].into_iter().any(|end| {
                    asked.strip_suffix(end).is_some_and(|name| measured.contains_key(name))
                });
                assert!(is_there, "{alert} asks for {asked}");
            }
        }
    }
    assert!(alerts > 5);
}
