//! A document as the JSON that a request would have carried.

use mongodb::bson::{Bson, Document};
use serde_json::{Map, Value};

/// Numbers that JSON has no other writing for are whole up to here (2^53).
const WHOLE: f64 = 9_007_199_254_740_992.0;

pub(super) fn of_document(document: &Document) -> Value {
    let fields = document.iter().map(|(name, value)| (name.clone(), of(value)));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// What JSON has no writing for, such as dates, becomes MongoDB's extended JSON.
pub(super) fn of(value: &Bson) -> Value {
    match value {
        Bson::Document(document) => of_document(document),
        Bson::Array(entries) => entries.iter().map(of).collect(),
        // Shells and drivers of JavaScript write whole numbers as doubles.
        Bson::Double(number) if number.fract() == 0.0 && number.abs() <= WHOLE =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "whole, and in -2^53..=2^53")]
            Value::from(*number as i64)
        }
        other => serde_json::to_value(other).unwrap_or_default(),
    }
}

/// An `_id` as it is told to people, and as it names the message.
pub(super) fn id_text(id: &Bson) -> String {
    match id {
        Bson::String(text) => text.clone(),
        Bson::ObjectId(id) => id.to_hex(),
        other => of(other).to_string(),
    }
}
