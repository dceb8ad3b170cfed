//! From columns to checked values and back. A column that holds what it must not is an error, and
//! no panic.

use std::error::Error;
use std::str::FromStr;

use message_service_shared::seq::Seq;
use rusqlite::types::Type;
use rusqlite::{Result, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure;
use crate::store::StoreError;

/// A number as SQLite keeps it. Positions and times are far below the bound.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A limit as SQLite takes it.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// A value as JSON.
pub(super) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| failure::json(&error))
}

/// Reads a row's columns by their places.
pub(super) trait Columns {
    fn number(&self, place: usize) -> Result<u64>;
    fn small(&self, place: usize) -> Result<u32>;
    fn seq(&self, place: usize) -> Result<Seq>;
    fn parsed<T: FromStr<Err: Error + Send + Sync + 'static>>(&self, place: usize) -> Result<T>;
    fn json<T: DeserializeOwned>(&self, place: usize) -> Result<Option<T>>;
}

impl Columns for Row<'_> {
    fn number(&self, place: usize) -> Result<u64> {
        let number: i64 = self.get(place)?;
        u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(place, number))
    }

    fn small(&self, place: usize) -> Result<u32> {
        self.get(place)
    }

    fn seq(&self, place: usize) -> Result<Seq> {
        let number = self.number(place)?;
        Seq::try_from(number).map_err(|error| wrong(place, error))
    }

    fn parsed<T: FromStr<Err: Error + Send + Sync + 'static>>(&self, place: usize) -> Result<T> {
        let text = self.get_ref(place)?.as_str().map_err(|error| wrong(place, error))?;
        text.parse().map_err(|error| wrong(place, error))
    }

    fn json<T: DeserializeOwned>(&self, place: usize) -> Result<Option<T>> {
        let text = self.get_ref(place)?.as_str_or_null().map_err(|error| wrong(place, error))?;
        text.map(serde_json::from_str).transpose().map_err(|error| wrong(place, error))
    }
}

fn wrong(place: usize, error: impl Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(place, Type::Text, Box::new(error))
}
