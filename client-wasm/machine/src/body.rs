//! A piece of JSON that passes through. The machine reads heads out of it and never its whole.

use serde::de::DeserializeOwned;

/// A JSON value in the host's own form: a JavaScript value in a browser, [`serde_json::Value`]
/// natively. Cloning it is cheap in a browser, where it is a reference.
pub trait Body: Clone {
    /// Parses JSON text; `None` where it is none.
    fn parse(text: &str) -> Option<Self>;

    /// Reads the value as `T`, which may leave out what it does not need; `None` where it is not of
    /// that shape.
    fn read<T: DeserializeOwned>(&self) -> Option<T>;

    /// A member of an object; `None` where there is none, or `null`.
    fn member(&self, name: &str) -> Option<Self>;

    /// The elements of an array, none of anything else.
    fn elements(&self) -> Vec<Self>;
}

impl Body for serde_json::Value {
    fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(self).ok()
    }

    fn member(&self, name: &str) -> Option<Self> {
        self.get(name).filter(|value| !value.is_null()).cloned()
    }

    fn elements(&self) -> Vec<Self> {
        self.as_array().cloned().unwrap_or_default()
    }
}
