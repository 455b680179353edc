//! Whether our own network stands: connections to hosts that have nothing to do with each other or
//! with any provider. Nothing is said to them.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use clock::{Clock, Dice, Tick};
use net::{Connector, Origin};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;

/// Hosts that are asked.
const HOSTS_MAX: usize = 8;
/// Fewer cannot say that it is our network, and not theirs.
const HOSTS_MIN: usize = 2;
/// A reading answers all who ask within this time, so that a burst of failed probes asks once.
const READING_MS_MAX: u64 = 5_000;

/// One host, asked for a TCP connection and, with `tls`, for a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanaryHost {
    pub host: Box<str>,
    pub port: u16,
    pub tls: bool,
}

/// What our network is thought to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    Up,
    /// Nobody could be reached.
    Down,
    /// Too few hosts to tell.
    Unsure,
}

/// Which hosts could be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanaryReading {
    pub hosts: Vec<(Box<str>, bool)>,
}

impl CanaryReading {
    /// One host that is reached is enough: the others are their own affair.
    pub fn network(&self) -> Network {
        if self.hosts.iter().any(|(_, is_reached)| *is_reached) {
            Network::Up
        } else if self.hosts.len() >= HOSTS_MIN {
            Network::Down
        } else {
            Network::Unsure
        }
    }
}

/// Where readings go.
pub trait CanarySink: Send + Sync + fmt::Debug {
    /// Takes a reading. It must not block.
    fn take(&self, reading: CanaryReading);
}

/// The hosts and the way to them.
#[derive(Debug)]
pub struct Canaries {
    hosts: Vec<CanaryHost>,
    connector: Arc<dyn Connector>,
    tls: Option<Arc<ClientConfig>>,
    clock: Arc<dyn Clock>,
    /// For one host, from the name to the end of the handshake.
    host_ms_max: u64,
    last: Mutex<Option<(Tick, CanaryReading)>>,
}

impl Canaries {
    /// Canaries that reach out through `connector`; without `tls` only TCP is asked for.
    pub fn new(
        hosts: Vec<CanaryHost>,
        connector: Arc<dyn Connector>,
        tls: Option<Arc<ClientConfig>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let hosts = hosts.into_iter().take(HOSTS_MAX).collect();
        Self { hosts, connector, tls, clock, host_ms_max: 3_000, last: Mutex::new(None) }
    }

    /// Hosts that are known to stand apart from each other: two resolvers, two makers of browsers.
    pub fn usual_hosts() -> Vec<CanaryHost> {
        let host = |host: &str, port, tls| CanaryHost { host: host.into(), port, tls };
        vec![
            host("1.1.1.1", 443, false),
            host("9.9.9.9", 443, false),
            host("www.mozilla.org", 443, true),
            host("www.apple.com", 443, true),
        ]
    }

    /// Looks for ever, every so often with a third of chance, and at once when somebody has to know;
    /// dropping the future ends it.
    pub async fn run(
        &self,
        every: Duration,
        mut dice: Dice,
        sink: Arc<dyn CanarySink>,
        wanted: &Notify,
    ) {
        loop {
            sink.take(self.look().await);
            tokio::select! {
                biased;
                () = tokio::time::sleep(dice.jitter(every, 1.0 / 3.0)) => {}
                () = wanted.notified() => {}
            }
        }
    }

    /// Asks all hosts at once, or gives the reading of a moment ago.
    pub async fn look(&self) -> CanaryReading {
        let kept = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let age_max = Duration::from_millis(READING_MS_MAX);
        if let Some((at, reading)) = kept
            && self.clock.now().since(at) < age_max
        {
            return reading;
        }
        let asked = self.hosts.iter().map(|host| Box::pin(self.reaches(host)) as Asking<'_>);
        let reached = all(asked.collect()).await;
        let names = self.hosts.iter().map(|host| host.host.clone());
        let reading = CanaryReading { hosts: names.zip(reached).collect() };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((self.clock.now(), reading.clone()));
        reading
    }

    async fn reaches(&self, host: &CanaryHost) -> bool {
        let span = Duration::from_millis(self.host_ms_max);
        let origin = Origin { host: (*host.host).into(), port: host.port, tls: host.tls };
        let reaching = async {
            let io = self.connector.connect(&origin).await.ok()?;
            let Some(config) = self.tls.clone().filter(|_| host.tls) else { return Some(()) };
            let name = ServerName::try_from(host.host.to_string()).ok()?;
            TlsConnector::from(config).connect(name, io).await.ok().map(drop)
        };
        matches!(tokio::time::timeout(span, reaching).await, Ok(Some(())))
    }
}

type Asking<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// Waits for all of a few futures; each has a deadline of its own.
async fn all(mut asked: Vec<Asking<'_>>) -> Vec<bool> {
    let mut answers = vec![None; asked.len()];
    poll_fn(move |cx| {
        for (future, answer) in asked.iter_mut().zip(&mut answers) {
            if answer.is_none()
                && let Poll::Ready(reached) = future.as_mut().poll(cx)
            {
                *answer = Some(reached);
            }
        }
        match answers.iter().copied().collect::<Option<Vec<_>>>() {
            Some(all) => Poll::Ready(all),
            None => Poll::Pending,
        }
    })
    .await
}
