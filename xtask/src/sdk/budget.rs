//! How large the SDK may be. What a page downloads is what counts, so sizes are those of minified
//! and compressed files.

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::job::Job;
use crate::steps::Steps;
use crate::workspace;

/// Bytes that a part may have after brotli.
const BUDGETS: [(&str, usize); 2] = [("wasm", 64_000), ("badge", 1_500)];

/// A part of the SDK, as `build/sizes.mjs` measured it.
#[derive(Deserialize)]
struct Size {
    part: String,
    raw: usize,
    gzip: usize,
    brotli: usize,
}

/// Measures what was built, and fails where a part is too large.
pub(crate) fn check(steps: &Steps) -> Result<()> {
    let script = workspace::package().join("build/sizes.mjs");
    let output = steps.run("sdk: measure", Job::new("node").arg(script))?;
    let sizes: Vec<Size> = serde_json::from_str(&output).context("no sizes were measured")?;
    for Size { part, raw, gzip, brotli } in &sizes {
        let sizes = format!("{raw:>7} raw {gzip:>7} gzip {brotli:>7} brotli");
        match budget(part) {
            Some(budget) => steps.say(&format!("  {part:<7}{sizes}  of {budget}")),
            None => steps.say(&format!("  {part:<7}{sizes}")),
        }
    }
    for (part, budget) in BUDGETS {
        let size = sizes.iter().find(|size| size.part == part);
        let brotli = size.with_context(|| format!("the size of {part} was not measured"))?.brotli;
        if brotli > budget {
            bail!("the SDK's {part} has {brotli} bytes after brotli, over its budget of {budget}");
        }
    }
    Ok(())
}

fn budget(part: &str) -> Option<usize> {
    BUDGETS.iter().find(|(name, _)| *name == part).map(|(_, budget)| *budget)
}
