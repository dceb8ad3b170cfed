//! Holds the licences of all crates that we build on against the list in `deny.toml`.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::job::Job;
use crate::steps::Steps;
use crate::workspace;

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
}

/// Fails with the crates whose licence is not allowed.
pub(crate) fn check(steps: &Steps) -> Result<()> {
    steps.step("licences: all are in deny.toml", || {
        let deny = fs::read_to_string(workspace::root().join("deny.toml"))?;
        let allow = toml::from_str::<Deny>(&deny).context("deny.toml is broken")?.licenses.allow;
        let arguments = ["metadata", "--format-version", "1", "--locked", "--all-features"];
        // Its output is megabytes of JSON, which nobody wants to see.
        let metadata = Job::cargo(arguments).succeed()?;
        let packages = serde_json::from_str::<Metadata>(&metadata)?.packages;
        let refused: Vec<String> = packages
            .iter()
            .filter(|package| {
                !package.license.as_deref().is_some_and(|license| is_allowed(license, &allow))
            })
            .map(|Package { name, version, license }| {
                format!("{name} {version}: {}", license.as_deref().unwrap_or("none given"))
            })
            .collect();
        if refused.is_empty() {
            return Ok(());
        }
        bail!("licences that deny.toml does not allow:\n  {}", refused.join("\n  "))
    })
}

/// Whether an SPDX expression leaves a choice that is allowed in all its parts.
fn is_allowed(expression: &str, allow: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    any(&mut words, allow) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allow: &BTreeSet<String>) -> bool {
    let mut allowed = all(words, allow);
    while words.next_if_eq(&"OR").is_some() {
        // Not short-circuited: the words have to be read in any case.
        allowed |= all(words, allow);
    }
    allowed
}

fn all(words: &mut Words<'_>, allow: &BTreeSet<String>) -> bool {
    let mut allowed = one(words, allow);
    while words.next_if_eq(&"AND").is_some() {
        allowed &= one(words, allow);
    }
    allowed
}

fn one(words: &mut Words<'_>, allow: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => {
            let allowed = any(words, allow);
            words.next_if_eq(&")").is_some() && allowed
        }
        Some(name) if words.next_if_eq(&"WITH").is_some() => words
            .next()
            .is_some_and(|exception| allow.contains(&format!("{name} WITH {exception}"))),
        Some(name) => allow.contains(name),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        let allow = ["MIT", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"].map(str::to_owned);
        let allow = BTreeSet::from(allow);
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0 OR MIT", true),
            ("MIT AND GPL-3.0", false),
            ("MIT OR GPL-3.0 AND GPL-2.0", true),
            ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
            ("(MIT OR GPL-3.0) AND GPL-2.0", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0", false),
            ("(MIT", false),
            ("MIT MIT", false),
            ("", false),
        ] {
            assert_eq!(is_allowed(expression, &allow), expected, "{expression}");
        }
    }
}
