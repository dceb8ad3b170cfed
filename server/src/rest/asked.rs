//! What a request's path, query and headers ask for, as checked values.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::request::Parts;
use message_service_shared::error::{ApiError, ErrorCode};
use message_service_shared::id::{ClientMsgId, ConversationId, UserId};
use message_service_shared::seq::Seq;

use crate::problem::Problem;

/// The path's parts, percent-decoded.
pub(super) struct InPath(RawPathParams);

impl<S: Send + Sync> FromRequestParts<S> for InPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let message = "the path is not UTF-8 after decoding";
        let params = RawPathParams::from_request_parts(parts, state).await;
        params.map(Self).map_err(|_| Problem::new(ErrorCode::Malformed, message))
    }
}

impl InPath {
    pub(super) fn user(&self) -> Result<UserId, Problem> {
        parse("user", self.text("user"))
    }

    pub(super) fn conversation(&self) -> Result<ConversationId, Problem> {
        parse("conversation", self.text("conversation"))
    }

    pub(super) fn seq(&self) -> Result<Seq, Problem> {
        seq("seq", self.text("seq"))
    }

    pub(super) fn entry(&self) -> &str {
        self.text("entry")
    }

    fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }
}

/// The query's values.
pub(super) struct InQuery(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for InQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let message = "the query is not of the form name=value&name=value";
        let query = Query::from_request_parts(parts, state).await;
        let Query(values) = query.map_err(|_| Problem::new(ErrorCode::Malformed, message))?;
        Ok(Self(values))
    }
}

impl InQuery {
    /// A value that may be given once.
    pub(super) fn one<T: FromStr<Err: Display>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, Problem> {
        self.once(name)?.map(|text| parse(name, text)).transpose()
    }

    /// A position that may be given once.
    pub(super) fn seq(&self, name: &'static str) -> Result<Option<Seq>, Problem> {
        self.once(name)?.map(|text| seq(name, text)).transpose()
    }

    /// Values that may be given often.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn once(&self, name: &'static str) -> Result<Option<&str>, Problem> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (first, None) => Ok(first),
            (_, Some(_)) => Err(ApiError::invalid(name, "is given twice").into()),
        }
    }
}

/// The caller's own name for what it asks, where the headers carry it.
pub(super) struct IdempotencyKey(pub(super) Option<ClientMsgId>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default();
        parse("Idempotency-Key", text).map(|key| Self(Some(key)))
    }
}

/// Reads a value, or says which field holds none.
pub(super) fn parse<T: FromStr<Err: Display>>(
    field: &'static str,
    text: &str,
) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| ApiError::invalid(field, error.to_string()).into())
}

fn seq(field: &'static str, text: &str) -> Result<Seq, Problem> {
    let number: u64 = parse(field, text)?;
    Seq::try_from(number).map_err(|error| ApiError::invalid(field, error.to_string()).into())
}
