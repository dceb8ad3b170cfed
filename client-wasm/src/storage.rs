//! The mirror's place: localStorage under one prefix. A storage that is blocked or missing is no
//! error; the page then simply remembers nothing.

use gloo_storage::{LocalStorage, Storage as _};
use web_sys::{CustomEvent, Storage};

/// Every key of ours begins with it.
const PREFIX: &str = "ms:";
/// The storage has no room for more.
pub(crate) struct Full;

/// Tells a badge in the same page, which hears no `storage` event of its own page, that we wrote.
const CHANGED: &str = "ms:change";

/// The key without the prefix; `None` for a key that is not ours.
pub(crate) fn own_key(key: &str) -> Option<&str> {
    key.strip_prefix(PREFIX)
}

/// All that is ours.
pub(crate) fn load() -> Vec<(String, String)> {
    let Some(storage) = storage() else { return Vec::new() };
    let length = storage.length().unwrap_or(0);
    let keys = (0..length).filter_map(|index| storage.key(index).ok().flatten());
    keys.filter_map(|key| {
        let value = storage.get_item(&key).ok().flatten()?;
        Some((own_key(&key)?.to_owned(), value))
    })
    .collect()
}

/// What a key holds now.
pub(crate) fn read(key: &str) -> Option<String> {
    storage()?.get_item(&[PREFIX, key].concat()).ok().flatten()
}

/// Writes a key, or removes it; fails where the storage has no room. Where there is no storage there
/// is nothing to make room in, and so nothing to fail.
pub(crate) fn store(key: &str, value: Option<&str>) -> Result<(), Full> {
    let Some(storage) = storage() else { return Ok(()) };
    let key = [PREFIX, key].concat();
    let outcome = match value {
        Some(value) => storage.set_item(&key, value),
        None => storage.remove_item(&key),
    };
    outcome.map_err(|_| Full)
}

/// Tells this page's badges that something was written.
pub(crate) fn tell_page() {
    if let (Some(window), Ok(event)) = (web_sys::window(), CustomEvent::new(CHANGED)) {
        let _ = window.dispatch_event(&event);
    }
}

/// gloo's accessor panics where there is no storage, so that is asked first.
fn storage() -> Option<Storage> {
    let available = web_sys::window()?.local_storage().ok().flatten().is_some();
    available.then(LocalStorage::raw)
}
