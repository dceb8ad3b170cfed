//! What content must keep to. The first breach is told with its field and bound.

use super::{Attachment, Body, Content, Notice};
use crate::error::ApiError;
use crate::limits;

impl Content {
    /// Says whether the content may be stored. Fields are named as seen from `content`.
    pub fn check(&self) -> Result<(), ApiError> {
        match &self.body {
            Body::Text { text } => required("content.text", text, limits::TEXT_CHARS)?,
            Body::Notice(notice) => check_notice(notice)?,
            Body::Custom { sort } => label("content.type", sort)?,
        }
        if let Some(data) = &self.data {
            // The encoding of a value that was parsed can't fail; if it did, it would not fit.
            let bytes = serde_json::to_string(data).map_or(usize::MAX, |text| text.len());
            at_most("content.data", bytes, limits::DATA_BYTES, "bytes of JSON")?;
        }
        at_most("content.attachments", self.attachments.len(), limits::ATTACHMENTS, "entries")?;
        self.attachments.iter().try_for_each(check_attachment)?;
        at_most("content.mentions", self.mentions.len(), limits::MENTIONS, "entries")
    }
}

fn check_notice(notice: &Notice) -> Result<(), ApiError> {
    required("content.title", &notice.title, limits::TITLE_CHARS)?;
    if let Some(text) = &notice.text {
        required("content.text", text, limits::TEXT_CHARS)?;
    }
    if let Some(link) = &notice.link {
        url("content.link", link)?;
    }
    if let Some(category) = &notice.category {
        label("content.category", category)?;
    }
    notice.icon.as_ref().map_or(Ok(()), |icon| url("content.icon", icon))
}

fn check_attachment(attachment: &Attachment) -> Result<(), ApiError> {
    url("content.attachments.url", &attachment.url)?;
    if let Some(name) = &attachment.name {
        required("content.attachments.name", name, limits::TITLE_CHARS)?;
    }
    let media_type = attachment.media_type.as_ref();
    media_type.map_or(Ok(()), |media_type| label("content.attachments.mediaType", media_type))
}

/// Text that people read: something in it, and at most `limit` characters.
pub fn required(field: &'static str, text: &str, limit: usize) -> Result<(), ApiError> {
    if text.trim().is_empty() {
        return Err(ApiError::invalid(field, "must not be empty"));
    }
    at_most(field, text.chars().count(), limit, "characters")
}

/// A short word for programs.
fn label(field: &'static str, text: &str) -> Result<(), ApiError> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(ApiError::invalid(field, "must be a word without control characters"));
    }
    at_most(field, text.len(), limits::LABEL_BYTES, "bytes")
}

/// A URL that a page may turn into a link: no `javascript:`, and no `//host` that looks like a path.
pub fn url(field: &'static str, text: &str) -> Result<(), ApiError> {
    at_most(field, text.len(), limits::URL_BYTES, "bytes")?;
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let absolute = lower.starts_with("https://") || lower.starts_with("http://");
    let path = text.starts_with('/') && !text.starts_with("//") && !text.starts_with("/\\");
    if (absolute || path) && !text.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(ApiError::invalid(
            field,
            "must be an http(s) URL, or a path that begins with one slash",
        ))
    }
}

fn at_most(
    field: &'static str,
    length: usize,
    limit: usize,
    unit: &'static str,
) -> Result<(), ApiError> {
    if length <= limit {
        return Ok(());
    }
    let message = [limit.to_string().as_str(), " ", unit, " at most"].concat();
    Err(ApiError::invalid(field, message).with_limit(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> Option<String> {
        let content: Content = serde_json::from_str(json).unwrap();
        content.check().err().and_then(|error| error.field).map(Into::into)
    }

    #[test]
    fn limits_hold_at_the_limit_and_break_one_above() {
        let text = |count| format!(r#"{{"kind":"text","text":"{}"}}"#, "界".repeat(count));
        assert_eq!(refused(&text(limits::TEXT_CHARS)), None);
        assert_eq!(refused(&text(limits::TEXT_CHARS + 1)).as_deref(), Some("content.text"));
        assert_eq!(refused(r#"{"kind":"text","text":" \n"}"#).as_deref(), Some("content.text"));
        let data =
            |count| format!(r#"{{"kind":"custom","type":"x","data":"{}"}}"#, "a".repeat(count));
        assert_eq!(refused(&data(limits::DATA_BYTES - 2)), None);
        assert_eq!(refused(&data(limits::DATA_BYTES - 1)).as_deref(), Some("content.data"));
    }

    #[test]
    fn links_that_run_code_or_leave_in_disguise_are_refused() {
        let link = |url: &str| format!(r#"{{"kind":"notice","title":"t","link":"{url}"}}"#);
        for good in ["https://example.com/a?b#c", "HTTP://example.com", "/orders/7"] {
            assert_eq!(refused(&link(good)), None, "{good}");
        }
        for bad in
            ["javascript:alert(1)", "//evil.example", "/\\\\evil.example", "data:x", "orders", ""]
        {
            assert_eq!(refused(&link(bad)).as_deref(), Some("content.link"), "{bad}");
        }
    }
}
