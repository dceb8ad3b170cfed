//! The machine's one alarm.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// Browsers count a time-out in 32 bits; a later alarm is set again when this one rings.
const LONGEST_MS: u64 = 1 << 30;

/// Rings once, unless it is dropped before.
pub(crate) struct Timer {
    id: i32,
    _closure: Closure<dyn FnMut()>,
}

impl Timer {
    pub(crate) fn after(ms: u64, ring: impl FnMut() + 'static) -> Option<Self> {
        let closure = Closure::<dyn FnMut()>::new(ring);
        let ms = i32::try_from(ms.min(LONGEST_MS)).unwrap_or(i32::MAX);
        let id = web_sys::window()?
            .set_timeout_with_callback_and_timeout_and_arguments_0(
                closure.as_ref().unchecked_ref(),
                ms,
            )
            .ok()?;
        Some(Self { id, _closure: closure })
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(window) = web_sys::window() {
            window.clear_timeout_with_handle(self.id);
        }
    }
}
