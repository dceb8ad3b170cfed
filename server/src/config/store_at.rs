//! Where to keep everything, as it is written.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::address::without_password;

/// Where to keep everything. Written `memory`, `sqlite:PATH` or a path, or `mongodb://…`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StoreAt {
    /// Nowhere: it is forgotten when the process ends.
    Memory,
    /// In this SQLite file.
    Sqlite(PathBuf),
    /// In this MongoDB database. The text may hold a password, which is not shown.
    MongoDb(String),
}

impl TryFrom<String> for StoreAt {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.split_once(':') {
            _ if text.is_empty() => Err(
                "must not be empty: the path of a file, mongodb://HOST:PORT/DATABASE, or `memory`",
            ),
            _ if text == "memory" => Ok(Self::Memory),
            Some(("sqlite", path)) => Ok(Self::Sqlite(path.into())),
            Some(("mongodb" | "mongodb+srv", rest)) if rest.starts_with("//") => {
                Ok(Self::MongoDb(text))
            }
            Some((scheme, rest)) if rest.starts_with("//") && scheme.len() > 1 => {
                Err("is of a kind that this version does not know; it knows files, mongodb:// and \
                     `memory`")
            }
            _ => Ok(Self::Sqlite(text.into())),
        }
    }
}

impl From<StoreAt> for String {
    fn from(store: StoreAt) -> Self {
        match store {
            StoreAt::Memory => "memory".to_owned(),
            StoreAt::Sqlite(path) => format!("sqlite:{}", path.display()),
            StoreAt::MongoDb(address) => without_password(&address),
        }
    }
}

impl std::fmt::Debug for StoreAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let store = StoreAt::try_from("mongodb://ann:s3cr@t@one,two/messages".to_owned()).unwrap();
        assert_eq!(store, StoreAt::MongoDb("mongodb://ann:s3cr@t@one,two/messages".to_owned()));
        assert_eq!(format!("{store:?}"), "mongodb://[redacted]@one,two/messages");
        assert_eq!(String::from(store), "mongodb://[redacted]@one,two/messages");
    }

    #[test]
    fn a_path_may_look_like_many_things() {
        for path in ["messages.db", "sqlite:messages.db", "./a:b.db"] {
            assert!(matches!(StoreAt::try_from(path.to_owned()), Ok(StoreAt::Sqlite(_))), "{path}");
        }
        assert!(StoreAt::try_from("postgres://x".to_owned()).unwrap_err().contains("mongodb://"));
    }
}
