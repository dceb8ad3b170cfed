//! Where things are.

use std::path::{Path, PathBuf};

/// The repository.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    // Relative to where cargo was called, which for `cargo xtask` is this process' directory.
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The SDK's npm package.
pub(crate) fn package() -> PathBuf {
    root().join("client-wasm/npm")
}

/// The projects that use the packed SDK.
pub(crate) fn consumers() -> PathBuf {
    root().join("client-wasm/consumers")
}

/// The demo's pages.
pub(crate) fn www() -> PathBuf {
    root().join("www")
}

/// What is handed to others: the packed SDK.
pub(crate) fn dist() -> PathBuf {
    root().join("dist")
}
