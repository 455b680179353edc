//! The wall's listener and its conversations. What a request gets is decided in `doors`.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::WallSettings;
use super::doors::{Doors, Next};
use super::h2;
use super::http::{Gone, Line, Unread};
use super::ledger::Told;
use super::timing::Profile;
use super::wire::Wire;

/// Further connections wait in the listener's queue.
const CONNECTIONS_MAX: usize = 4_096;
/// After an accept that failed, such as for want of descriptors.
const ACCEPT_PAUSE_MS: u64 = 50;

/// Accepts connections and holds a conversation on each until `shutdown` is ready.
pub(super) async fn accept<C, F>(
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    converse: C,
) -> io::Result<()>
where
    C: Fn(TcpStream) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut conversations = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accept = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            biased;
            () = &mut shutdown => return Ok(()),
            Some(_) = conversations.join_next() => {}
            (place, accepted) = accept => match accepted {
                Ok((stream, _)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection left before it was served");
                    }
                    let conversation = converse(stream);
                    conversations.spawn(async move {
                        conversation.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the wall could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                }
            }
        }
    }
}

/// A wall without a listener: it holds conversations on streams that it is given, also on virtual
/// time. Clones share their log.
#[derive(Debug, Clone)]
pub struct Wall {
    doors: Arc<Doors>,
}

impl Wall {
    /// A wall whose time runs by `clock`; its waits are those of the runtime.
    pub fn new(settings: WallSettings, clock: Arc<dyn Clock>) -> Self {
        Self { doors: Arc::new(Doors::new(settings, clock)) }
    }

    /// Serves this wall on a listener until `shutdown` is ready; open connections are then dropped.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        accept(listener, shutdown, |stream| {
            let wall = self.clone();
            async move { wall.converse(stream).await }
        })
        .await
    }

    /// Serves HTTP/2 without TLS, for clients that know beforehand that it is spoken; chat
    /// completions only.
    pub async fn serve_h2(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        accept(listener, shutdown, |stream| {
            let wall = self.clone();
            async move { h2::converse(&wall.doors, stream).await }
        })
        .await
    }

    /// Forgets the log and starts the time of S15 anew.
    pub(crate) fn reset(&self) {
        self.doors.ledger().reset();
    }

    /// The attempts on one model since the reset, in their order.
    pub(crate) fn attempts(&self, model: &str) -> Vec<Told> {
        self.doors.ledger().attempts(model)
    }

    pub(crate) fn profile(&self) -> Profile {
        self.doors.profile()
    }

    /// Answers the requests of one connection until either side ends it.
    pub async fn converse<S: Wire>(&self, stream: S) {
        let mut line = Line::new(stream);
        loop {
            let next = match line.receive().await {
                Ok(received) => self.doors.answer(&mut line, &received).await,
                Err(Unread::Gone) => Err(Gone),
                Err(Unread::Refused(status, why)) => {
                    self.doors.refuse_unread(&mut line, status, why).await
                }
            };
            match next {
                Ok(Next::Request) => {}
                Ok(Next::Reset) => return line.break_off(),
                Ok(Next::Close) | Err(Gone) => return,
            }
        }
    }
}
