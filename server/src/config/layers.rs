//! Layers of settings, one over the other. The defaults name every setting there is, so whatever a
//! later layer names beyond them is a mistake, and its text is read as what the default is.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Config, ConfigError, DEFAULTS};

/// What the environment's names begin with.
pub const ENVIRONMENT_PREFIX: &str = "MESSAGE_SERVICE__";

/// Settings whose text may be in a file of its own.
const SECRETS: [&str; 2] = ["service_keys", "jwt.secrets"];

pub(super) struct Layers(Table);

impl Layers {
    pub(super) fn defaults() -> Result<Self, ConfigError> {
        parse("the defaults", DEFAULTS).map(Self)
    }

    pub(super) fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let name = path.display().to_string();
        let table = parse(&name, &read(path)?)?;
        overlay(&name, "", &mut self.0, table)
    }

    pub(super) fn environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), ConfigError> {
        for (name, text) in variables {
            let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
            let key = key.to_ascii_lowercase().replace("__", ".");
            match key.strip_suffix("_file").filter(|key| SECRETS.contains(key)) {
                Some(secret) => {
                    let lines = read(&PathBuf::from(text))?;
                    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
                    let lines = lines.map(|line| Value::String(line.to_owned())).collect();
                    *self.find(&name, secret)? = Value::Array(lines);
                }
                None => self.set(&name, &key, &text)?,
            }
        }
        Ok(())
    }

    pub(super) fn flag(&mut self, key: &str, text: &str) -> Result<(), ConfigError> {
        self.set("a flag", key, text)
    }

    pub(super) fn read(self) -> Result<Config, ConfigError> {
        serde_path_to_error::deserialize(Value::Table(self.0)).map_err(|error| {
            let key = error.path().to_string();
            let reason = error.into_inner().message().to_owned();
            ConfigError::invalid(key, format!("can't be read: {reason}"))
        })
    }

    /// Reads a text as what the setting is.
    fn set(&mut self, source: &str, key: &str, text: &str) -> Result<(), ConfigError> {
        let value = self.find(source, key)?;
        *value = match value {
            Value::Integer(_) => Value::Integer(text.parse().map_err(|_| {
                ConfigError::invalid(key, format!("must be a whole number; {source} has {text:?}"))
            })?),
            Value::Boolean(_) => Value::Boolean(text.parse().map_err(|_| {
                ConfigError::invalid(key, format!("must be true or false; {source} has {text:?}"))
            })?),
            Value::Array(_) => {
                let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
                Value::Array(entries.map(|entry| Value::String(entry.to_owned())).collect())
            }
            _ => Value::String(text.to_owned()),
        };
        Ok(())
    }

    fn find(&mut self, source: &str, key: &str) -> Result<&mut Value, ConfigError> {
        let known = names(&self.0);
        let unknown = || ConfigError::UnknownKey {
            source_name: source.to_owned(),
            key: key.to_owned(),
            known,
        };
        let (section, name) =
            key.split_once('.').map_or(("", key), |(section, name)| (section, name));
        let table = match section {
            "" => Some(&mut self.0),
            section => self.0.get_mut(section).and_then(Value::as_table_mut),
        };
        let value = table.and_then(|table| table.get_mut(name));
        value.filter(|value| !value.is_table()).ok_or_else(unknown)
    }
}

fn overlay(source: &str, section: &str, base: &mut Table, over: Table) -> Result<(), ConfigError> {
    for (name, value) in over {
        let known = names(base);
        match (base.get_mut(&name), value) {
            (Some(Value::Table(base)), Value::Table(over)) => overlay(source, &name, base, over)?,
            (Some(base), value) => *base = value,
            (None, _) => {
                let key = if section.is_empty() { name } else { format!("{section}.{name}") };
                let source_name = source.to_owned();
                return Err(ConfigError::UnknownKey { source_name, key, known });
            }
        }
    }
    Ok(())
}

/// The settings of a table, those of its sections with the section before them.
fn names(table: &Table) -> String {
    let mut names = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(section) => {
                names.extend(section.keys().map(|inner| format!("{name}.{inner}")));
            }
            _ => names.push(name.clone()),
        }
    }
    names.join(", ")
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })
}

/// Says where a mistake is, and not what the line holds: it may be a secret.
fn parse(name: &str, text: &str) -> Result<Table, ConfigError> {
    text.parse::<Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        ConfigError::NotToml {
            place: format!("{name}, line {line},"),
            reason: error.message().to_owned(),
        }
    })
}
