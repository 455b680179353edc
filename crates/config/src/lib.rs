//! Text in, checked [`Settings`] out, every mistake at once with its place. It fills the plain
//! settings that each room declares; it starts nothing and keeps nothing.

mod auth;
mod base_url;
mod cards;
mod check;
mod describe;
mod discover;
mod environment;
pub mod import;
mod keys;
mod kinds;
mod listen;
mod mistake;
mod mixture;
mod model;
mod notify;
mod provider;
mod raw;
mod reference;
mod rooms;
mod secrets;
mod settings;
mod warning;
mod watch;

use std::path::Path;

pub use describe::describe_ladders;
pub use environment::{Environment, MapEnvironment, ProcessEnvironment};
pub use mistake::{Mistake, Mistakes, did_you_mean};
pub use model::RESERVE_MODEL;
pub use reference::reference;
pub use rooms::default_model_dir;
pub use settings::{
    Listen, Overrides, ReserveSettings, Runtime, SecretOrigin, Settings, Source, Steadiness, Watch,
};
pub use warning::{Warning, warnings};

/// Reads and checks a file, 1 MiB at most. The overrides win over it and are checked like it.
///
/// # Errors
/// All mistakes, those of the syntax too, or that the file cannot be read.
pub fn load(
    path: &Path,
    env: &dyn Environment,
    overrides: &Overrides,
) -> Result<Settings, Mistakes> {
    let text = check::text_of_file(path, env)?;
    check::settings(&text, path, env, overrides)
}

/// Checks a text as if it stood in the file at `path`, whose folder is where relative paths begin.
///
/// # Errors
/// All mistakes, those of the syntax too.
pub fn parse(
    text: &str,
    path: &Path,
    env: &dyn Environment,
    overrides: &Overrides,
) -> Result<Settings, Mistakes> {
    check::settings(text, path, env, overrides)
}

/// The settings where there is no file: providers by their keys in the environment, then the
/// reserve.
///
/// # Errors
/// Variables that are set to something that cannot be used, and overrides that are refused.
pub fn from_environment(
    env: &dyn Environment,
    overrides: &Overrides,
) -> Result<Settings, Mistakes> {
    discover::settings(env, overrides)
}
