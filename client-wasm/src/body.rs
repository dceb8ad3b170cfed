//! A piece of JSON as the browser parsed it. The machine reads heads out of it; the rest is never
//! copied into WebAssembly.

use js_sys::{Array, JSON};
use message_service_machine::Body;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};

use crate::decode::{self, Decoder};

#[derive(Clone, Debug)]
pub(crate) struct JsBody(pub(crate) JsValue);

impl Body for JsBody {
    fn parse(text: &str) -> Option<Self> {
        JSON::parse(text).ok().map(Self)
    }

    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(Decoder(&self.0)).ok()
    }

    fn member(&self, name: &str) -> Option<Self> {
        decode::member(&self.0, name).filter(|member| !member.is_null()).map(Self)
    }

    fn elements(&self) -> Vec<Self> {
        let array = self.0.dyn_ref::<Array>();
        array.map(|array| array.iter().map(Self).collect()).unwrap_or_default()
    }
}
