//! From the Rust of the client to the three files that the TypeScript stands on: the module, its
//! JavaScript glue, and the module once more inside a script, for where a file can't be fetched.
//!
//! wasm-bindgen runs as a library, so that its version is the one in `Cargo.lock`. The optimiser
//! is the one of the npm package: the one of some systems' package managers is old enough to break
//! the module without a word.

use std::fs;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::job::Job;
use crate::steps::Steps;
use crate::{npm, workspace};

const NAME: &str = "message_client";

pub(super) fn build(steps: &Steps) -> Result<()> {
    steps.run(
        "sdk: compile the Rust to WebAssembly",
        Job::cargo(["build", "--locked", "--package", "message-service-client"]).args([
            "--target",
            "wasm32-unknown-unknown",
            "--profile",
            "wasm-release",
        ]),
    )?;
    steps.step("sdk: generate the glue", generate_glue)?;
    steps.step("sdk: optimise the WebAssembly", || optimise(steps))?;
    steps.step("sdk: write the copy inside a script", || write_copy(steps))
}

fn generate_glue() -> Result<()> {
    let compiled =
        workspace::target().join("wasm32-unknown-unknown/wasm-release/message_service_client.wasm");
    let folder = workspace::package().join("dist/wasm");
    Bindgen::new()
        .input_path(compiled)
        .web(true)?
        .typescript(true)
        .out_name(NAME)
        .remove_name_section(true)
        .remove_producers_section(true)
        // The facade says where the module is; a second place would have bundlers copy it twice.
        .omit_default_module_path(true)
        .generate(&folder)?;
    // It describes the module's inside, which nobody should build on.
    fs::remove_file(folder.join(format!("{NAME}_bg.wasm.d.ts")))?;
    Ok(())
}

fn optimise(steps: &Steps) -> Result<()> {
    let module = workspace::package().join(format!("dist/wasm/{NAME}_bg.wasm"));
    let job = npm::tool(&workspace::package(), "wasm-opt")
        .arg(&module)
        .args(["-Oz", "--strip-producers", "--strip-target-features", "-o"])
        .arg(&module);
    steps.quietly(job).map(drop)
}

fn write_copy(steps: &Steps) -> Result<()> {
    let script = workspace::package().join("build/inline.mjs");
    let folder = workspace::package().join("dist/wasm");
    let job = Job::new("node")
        .arg(script)
        .arg(folder.join(format!("{NAME}_bg.wasm")))
        .arg(folder.join(format!("{NAME}_base64.js")));
    steps.quietly(job).context("can't write the module's copy")?;
    Ok(())
}
