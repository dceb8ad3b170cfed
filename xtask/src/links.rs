//! Finds links in Markdown that point nowhere in the repository: to a file that is not there, or
//! to a heading that is not in it. Links into the web are not followed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::job::Job;
use crate::steps::Steps;
use crate::workspace;

/// Fails with every link that points nowhere.
pub(crate) fn check(steps: &Steps) -> Result<()> {
    steps.step("documents: every link leads somewhere", || {
        let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"];
        let files = steps.quietly(Job::new("git").args(arguments))?;
        let mut broken = Vec::new();
        for file in files.lines() {
            let path = workspace::root().join(file);
            // A file that was deleted and not committed yet is still listed.
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let nowhere = targets(&text).filter(|target| !leads_somewhere(&path, &text, target));
            broken.extend(nowhere.map(|target| format!("{file}: {target}")));
        }
        if broken.is_empty() {
            return Ok(());
        }
        bail!("links that point nowhere:\n  {}", broken.join("\n  "))
    })
}

/// The text without code, in which nothing is a link.
fn prose(text: &str) -> impl Iterator<Item = String> {
    let mut in_fence = false;
    text.lines().filter_map(move |line| {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
            return None;
        }
        (!in_fence).then(|| line.split('`').step_by(2).collect::<Vec<_>>().join("`"))
    })
}

/// Where the links of a text lead: `[…](target)` and `[…]: target`.
fn targets(text: &str) -> impl Iterator<Item = String> {
    prose(text).flat_map(|line| {
        let inline = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        let reference = line
            .starts_with('[')
            .then(|| line.split_once("]: ").map(|(_, target)| target.trim()))
            .flatten();
        inline.chain(reference).map(str::to_owned).collect::<Vec<_>>()
    })
}

fn leads_somewhere(file: &Path, text: &str, target: &str) -> bool {
    if target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    if path.is_empty() {
        return headings(text).contains(heading);
    }
    let Some(folder) = file.parent() else { return false };
    let aim = folder.join(path);
    if heading.is_empty() {
        return aim.exists();
    }
    fs::read_to_string(aim).is_ok_and(|text| headings(&text).contains(heading))
}

/// The names that the headings of a text are linked by.
fn headings(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut in_fence = false;
    for line in text.lines() {
        in_fence ^= line.trim_start().starts_with("```");
        if in_fence || !line.starts_with('#') {
            continue;
        }
        let name: String = line
            .trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'))
            .map(|char| if char == ' ' { '-' } else { char })
            .collect();
        // The second heading of a name is linked with a number behind it.
        let mut unique = name.clone();
        let mut count = 0;
        while !names.insert(unique.clone()) {
            count += 1;
            unique = format!("{name}-{count}");
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_code_are_no_links() {
        let text = "a [b](one.md) and ![c](two.png \"title\")\n[d]: three.md\n\
                    `[no](four.md)` [e](five.md)\n```\n[no](six.md)\n```\n[f](#seven)";
        let found: Vec<String> = targets(text).collect();
        assert_eq!(found, ["one.md", "two.png", "three.md", "five.md", "#seven"]);
    }

    #[test]
    fn headings_are_named_as_they_are_linked() {
        let names = headings("# The `dot`, again\n## Why\n```\n# no\n```\n## Why\n");
        assert_eq!(names, ["the-dot-again", "why", "why-1"].map(str::to_owned).into());
    }

    #[test]
    fn a_link_needs_its_file_and_its_heading() {
        let here = workspace::root().join("README.md");
        let leads = |target| leads_somewhere(&here, "# Here\n", target);
        assert!(leads("Cargo.toml") && leads("#here") && leads("https://example.org/x"));
        assert!(!leads("missing.md") && !leads("#there") && !leads("Cargo.toml#here"));
    }
}
