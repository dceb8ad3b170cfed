//! A piece of JSON as the browser parsed it. The machine reads heads out of it; the rest is never
//! copied into WebAssembly.

use js_sys::{Array, Reflect};
use message_service_machine::Body;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

#[derive(Clone, Debug)]
pub(crate) struct JsBody(pub(crate) JsValue);

impl Body for JsBody {
    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_wasm_bindgen::from_value(self.0.clone()).ok()
    }

    fn member(&self, name: &str) -> Option<Self> {
        let member = Reflect::get(&self.0, &JsValue::from_str(name)).ok()?;
        (!member.is_undefined() && !member.is_null()).then_some(Self(member))
    }

    fn elements(&self) -> Vec<Self> {
        if Array::is_array(&self.0) {
            Array::from(&self.0).iter().map(Self).collect()
        } else {
            Vec::new()
        }
    }
}
