//! A bearer's token in a file that something else keeps fresh, such as an Entra sidecar. It is read
//! off the line: a request takes the token that is known, and looks are bounded in their number.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::{Clock, Tick};
use domain::{Fault, FaultClass, Secret};
use http::{HeaderName, HeaderValue};

use crate::habits::Auth;

/// How often the file is looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// No token comes near this.
const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// The token in its header.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) name: HeaderName,
    pub(crate) value: HeaderValue,
    pub(crate) secret: Secret,
}

/// The file and what was last read of it; all requests of a provider share it.
#[derive(Clone)]
pub(crate) struct TokenFile {
    path: Arc<Path>,
    clock: Arc<dyn Clock>,
    known: Arc<Mutex<Known>>,
    /// Whoever comes before anything is known waits in line for the first look.
    first: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Known {
    token: Option<Token>,
    looked: Option<Tick>,
    /// Somebody is reading it now.
    looking: bool,
}

impl Known {
    /// No look has ended yet.
    fn is_untouched(&self) -> bool {
        self.token.is_none() && self.looked.is_none()
    }
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl TokenFile {
    pub(crate) fn new(path: &Path, clock: Arc<dyn Clock>) -> Self {
        Self { path: path.into(), clock, known: Arc::default(), first: Arc::default() }
    }

    /// The token that is known; the file is looked at again behind its back. Only callers who come
    /// before the first look is over wait for it.
    ///
    /// # Errors
    /// `KeyRejected` if there is no token.
    pub(crate) async fn token(&self) -> Result<Token, Fault> {
        let is_first = self.known().is_untouched();
        let _turn = if is_first { Some(self.first.lock().await) } else { None };
        let (known, due) = {
            let mut known = self.known();
            let due = known.looked.is_none_or(|at| self.clock.now().since(at) >= LOOK_EVERY);
            let due = due && !known.looking;
            known.looking |= due;
            (known.token.clone(), due)
        };
        let looking = due.then(|| {
            let file = self.clone();
            tokio::task::spawn_blocking(move || file.look())
        });
        match (known, looking) {
            (Some(token), _) => Ok(token),
            (None, Some(looking)) => match looking.await {
                Ok(found) => found.ok_or_else(|| self.nothing()),
                Err(_) => Err(self.nothing()),
            },
            (None, None) => Err(self.nothing()),
        }
    }

    /// The provider has refused the token: the next request has the file looked at, whenever it
    /// was looked at last.
    pub(crate) fn was_refused(&self) {
        self.known().looked = None;
    }

    /// What the caller must not see again.
    pub(crate) fn secret(&self) -> Option<Secret> {
        self.known().token.as_ref().map(|token| token.secret.clone())
    }

    /// Reads the file; a file that cannot be read leaves the old token.
    fn look(&self) -> Option<Token> {
        let read = read(&self.path);
        let mut known = self.known();
        known.looking = false;
        known.looked = Some(self.clock.now());
        match read {
            Ok(token) => known.token = Some(token),
            Err(why) => {
                tracing::warn!(file = %self.path.display(), why, "token file not readable");
            }
        }
        known.token.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nothing(&self) -> Fault {
        let text = format!("there is no token in `{}`", self.path.display());
        Fault::new(FaultClass::KeyRejected, text)
    }
}

fn read(path: &Path) -> Result<Token, &'static str> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(|_| "it cannot be opened")?;
    let mut text = String::new();
    file.take(TOKEN_BYTES_MAX as u64 + 1)
        .read_to_string(&mut text)
        .map_err(|_| "it cannot be read as text")?;
    let text = text.trim();
    if text.is_empty() || text.len() > TOKEN_BYTES_MAX {
        return Err("it is empty or too long");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it holds characters that no token has");
    }
    let secret = Secret::new(text);
    let (name, value) = Auth::Bearer.header(&secret).map_err(|_| "it cannot be sent")?;
    Ok(Token { name, value, secret })
}

#[cfg(test)]
mod tests {
    use clock::ManualClock;

    use super::*;

    #[tokio::test]
    async fn a_changed_token_is_taken_over_and_a_lost_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let clock = Arc::new(ManualClock::new());
        let file = TokenFile::new(&path, clock.clone());
        let fault = file.token().await.err().unwrap();
        assert_eq!(fault.class, FaultClass::KeyRejected);

        std::fs::write(&path, "canary-1\n").unwrap();
        // Looked at a moment ago.
        assert!(file.token().await.is_err());
        clock.advance(LOOK_EVERY);
        assert_eq!(file.token().await.unwrap().secret.expose(), "canary-1");
        assert!(!format!("{file:?}").contains("canary"));

        std::fs::write(&path, "canary-2").unwrap();
        assert_eq!(file.token().await.unwrap().secret.expose(), "canary-1");
        clock.advance(LOOK_EVERY);
        // This caller goes on with the old one while the file is read.
        assert_eq!(file.token().await.unwrap().secret.expose(), "canary-1");
        settle(&file).await;
        assert_eq!(file.token().await.unwrap().secret.expose(), "canary-2");

        std::fs::write(&path, "no token at all").unwrap();
        file.was_refused();
        file.token().await.unwrap();
        settle(&file).await;
        assert_eq!(file.token().await.unwrap().secret.expose(), "canary-2");
    }

    #[tokio::test]
    async fn a_crowd_at_the_start_waits_for_the_first_look() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "canary-1").unwrap();
        let file = TokenFile::new(&path, Arc::new(ManualClock::new()));
        let (first, second, third) = tokio::join!(file.token(), file.token(), file.token());
        for token in [first, second, third] {
            assert_eq!(token.unwrap().secret.expose(), "canary-1");
        }
    }

    async fn settle(file: &TokenFile) {
        while file.known().looking {
            tokio::task::yield_now().await;
        }
    }
}
