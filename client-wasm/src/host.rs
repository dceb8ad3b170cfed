//! The facade in TypeScript, as the hands see it: it holds the listeners and the promises.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// The facade. None of its methods throws: it catches what the page's own code throws.
    pub type Host;

    /// Fetch a token, and bring it by `Client.token`.
    #[wasm_bindgen(method, js_name = getToken)]
    pub fn get_token(this: &Host, reason: &str);

    /// Call the listeners of an event.
    #[wasm_bindgen(method)]
    pub fn emit(this: &Host, event: &str, value: &JsValue);

    /// Settle a call: with the error, unless that is `undefined`; with the value otherwise.
    #[wasm_bindgen(method)]
    pub fn settle(this: &Host, ticket: u32, error: &JsValue, value: &JsValue);
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}
