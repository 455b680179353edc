//! The house under test: settings from text, doors in memory, virtual time.

use std::path::Path;
use std::sync::Arc;

use app::{App, Doors, Reloader};
use clock::{Clock, Dice, Tick};
use net::{ConnectionCounts, Shutdown};
use telemetry::Telemetry;

use crate::memory::Network;

pub(crate) const GATEWAY_PORT: u16 = 8080;
pub(crate) const STATUS_PORT: u16 = 8081;
pub(crate) const CONSOLE_PORT: u16 = 8082;

/// Tokio's own clock, which stands still while it is paused.
#[derive(Debug)]
struct VirtualClock(tokio::time::Instant);

impl Clock for VirtualClock {
    fn now(&self) -> Tick {
        Tick::from_nanos(u64::try_from(self.0.elapsed().as_nanos()).unwrap())
    }

    fn unix_seconds(&self) -> f64 {
        1_717_459_200.0 + self.0.elapsed().as_secs_f64()
    }
}

pub(crate) struct House {
    pub(crate) network: Network,
    pub(crate) telemetry: Telemetry,
    reloader: Reloader,
    shutdown: Shutdown,
    tasks: Vec<tokio::task::JoinHandle<std::io::Result<()>>>,
}

/// Opens a house with these settings; `providers` listen on their own.
pub(crate) fn open(network: &Network, settings: &str) -> House {
    open_since(network, settings, tokio::time::Instant::now())
}

/// The same, where the time of all houses began earlier.
pub(crate) fn open_since(network: &Network, settings: &str, began: tokio::time::Instant) -> House {
    open_changed(network, settings, began, |_| {})
}

/// The same with settings that no file can have.
pub(crate) fn open_changed(
    network: &Network,
    settings: &str,
    began: tokio::time::Instant,
    change: impl FnOnce(&mut config::Settings),
) -> House {
    let mut settings = parsed(settings);
    change(&mut settings);
    let doors = Doors {
        clock: Arc::new(VirtualClock(began)),
        dice: Dice::seeded(7),
        listeners: Arc::new(network.clone()),
        connector: Arc::new(network.clone()),
        resolver: Arc::new(app::NobodyKnown),
    };
    let counts = ConnectionCounts::new(&settings.listen.limits);
    let app = App::build(settings, doors).expect("settings that can be built");
    let shutdown = Shutdown::new();
    let core = app.core(false, &counts, shutdown.clone()).expect("a listener in memory");
    tokio::spawn(core);
    let beside = app.beside(&shutdown).expect("listeners in memory");
    let tasks = beside.into_iter().map(tokio::spawn).collect();
    let (network, telemetry) = (network.clone(), app.telemetry().clone());
    House { network, telemetry, reloader: app.reloader(), shutdown, tasks }
}

/// The settings of a text, in an environment that has the names of these tests.
fn parsed(settings: &str) -> config::Settings {
    let environment = config::MapEnvironment::default()
        .with("FAKE_KEY", "sk-fake-canary-0123456789abcdef")
        .with("HOOK", "http://127.0.0.1:9101/hook")
        .with("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .with("ROOM", "http://127.0.0.1:9102/services/T0/B0/x")
        .with("HOME", "/nonexistent");
    let text = format!("[log]\nto = \"nowhere\"\n{settings}");
    let overrides = config::Overrides::default();
    config::parse(&text, Path::new("test.toml"), &environment, &overrides)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

impl House {
    /// Puts these settings in force, as a changed file would.
    pub(crate) fn reload(&self, settings: &str) {
        self.reloader.apply(&parsed(settings)).expect("settings that can be built");
    }

    /// Asks it to stop, and waits until what goes on beside the line has ended.
    pub(crate) async fn stop(self) {
        self.shutdown.trigger();
        for task in self.tasks {
            task.await.expect("no task panics").expect("no listener fails");
        }
    }
}

/// Settings of one model `m` over `rungs`, which are `fakeN/model` on ports 9001, 9002 …
pub(crate) fn settings(rungs: &[&str], more: &str) -> String {
    let mut text = String::new();
    for port in 1..=3 {
        text.push_str(&format!(
            "[providers.fake{port}]\nkind = \"compatible\"\nbase_url = \"http://fake{port}.test:900{port}/v1\"\napi_keys = [\"env:FAKE_KEY\"]\n"
        ));
    }
    let ladder: Vec<String> = rungs.iter().map(|rung| format!("\"{rung}\"")).collect();
    text.push_str(&format!("[models.m]\nladder = [{}]\n{more}\n", ladder.join(", ")));
    text
}
