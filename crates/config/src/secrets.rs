//! Secrets come from the environment or from files, never from the configuration's own text. No
//! message of this file holds any part of a secret, nor of a text that may be one.

use std::io;
use std::path::Path;

use domain::Secret;

use crate::Environment;
use crate::mistake::shown;

/// A secret's file may be this long.
const FILE_BYTES_MAX: u64 = 64 << 10;
/// No provider's key comes near this; a header must be sendable.
const SECRET_BYTES_MAX: usize = 8 << 10;

/// Where references are looked up.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'e> {
    pub(crate) env: &'e dyn Environment,
    /// Relative paths start here: the folder of the configuration's file.
    pub(crate) folder: &'e Path,
}

/// What a secret is for, which says what it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// A word after `Bearer`: visible ASCII only.
    Key,
    /// A header's value: spaces too.
    HeaderValue,
}

/// The secret that `env:NAME` or `file:PATH` points at. Fails with a message.
pub(crate) fn resolve(
    reference: &str,
    purpose: Use,
    sources: Sources<'_>,
) -> Result<Secret, String> {
    let text = if let Some(name) = reference.strip_prefix("env:") {
        variable(name, sources)?
    } else if let Some(path) = reference.strip_prefix("file:") {
        file(Path::new(path), sources)?
    } else {
        return Err("a key must not stand in the file; use `env:NAME` or `file:PATH`".to_owned());
    };
    // From here on the reference is known to be one, so it may be shown.
    let shown = shown(reference);
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("`{shown}` is empty"));
    }
    if text.len() > SECRET_BYTES_MAX {
        return Err(format!("`{shown}` is longer than {SECRET_BYTES_MAX} bytes"));
    }
    if !fits(text, purpose) {
        return Err(format!(
            "`{shown}` holds a character that cannot be sent in a header (a line break, a space \
             within a key, or anything beyond ASCII)"
        ));
    }
    Ok(Secret::new(text))
}

/// True if this text can be sent.
pub(crate) fn fits(text: &str, purpose: Use) -> bool {
    let spaces = purpose == Use::HeaderValue;
    text.bytes().all(|byte| byte.is_ascii_graphic() || (spaces && matches!(byte, b' ' | b'\t')))
}

/// True if the text says where a secret is, so that it is none itself.
pub(crate) fn is_reference(text: &str) -> bool {
    text.starts_with("env:") || text.starts_with("file:")
}

fn variable(name: &str, sources: Sources<'_>) -> Result<String, String> {
    const NAME_BYTES_MAX: usize = 128;
    let mut bytes = name.bytes();
    let begins = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if !begins
        || name.len() > NAME_BYTES_MAX
        || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return Err("after `env:` comes the name of an environment variable, which has letters, \
             digits and `_` only"
            .to_owned());
    }
    sources.env.get(name).ok_or_else(|| format!("the environment variable `{name}` is not set"))
}

fn file(path: &Path, sources: Sources<'_>) -> Result<String, String> {
    let path = sources.folder.join(path);
    let bytes = sources
        .env
        .read_file(&path, FILE_BYTES_MAX)
        .map_err(|error| format!("cannot read `{}`: {}", path.display(), why_unreadable(&error)))?;
    String::from_utf8(bytes).map_err(|_| format!("`{}` is no UTF-8 text", path.display()))
}

/// A file's fault in plain words.
pub(crate) fn why_unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::FileTooLarge => "it is too large".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        kind => kind.to_string(),
    }
}
