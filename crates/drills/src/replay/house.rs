//! The whole product inside a drill: the real listener, the real line, the real controllers, on the
//! drill's clock, dice and network. Its telemetry is read here instead of by threads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::clock::Dice;
use app::{App, Doors, NobodyKnown, Seat};
use net::{ConnectionCounts, Shutdown};
use telemetry::Telemetry;

use super::{Network, Setup, VirtualClock};
use crate::score::Decision;

/// Between two looks at what the product has learnt.
const LOOK: Duration = Duration::from_secs(2);
const DECISIONS_MAX: usize = 5_000;

/// A running product; it stops when its runtime does.
#[derive(Debug)]
pub(crate) struct House {
    telemetry: Telemetry,
    seat: Option<Seat>,
    clock: VirtualClock,
    breakers: BTreeMap<(String, u16), &'static str>,
    watched: Watched,
    _shutdown: Shutdown,
}

/// What was seen of the product from within.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    pub(crate) decisions: Vec<Decision>,
}

/// Why a house does not stand, in words.
pub(crate) type NotBuilt = String;

impl House {
    /// Builds the product and opens its door for callers.
    pub(crate) fn open(
        setup: &Setup,
        network: &Network,
        clock: VirtualClock,
        dice: Dice,
    ) -> Result<Self, NotBuilt> {
        let doors = Doors {
            clock: Arc::new(clock),
            dice,
            listeners: Arc::new(network.clone()),
            connector: Arc::new(network.clone()),
            resolver: Arc::new(NobodyKnown),
        };
        let counts = ConnectionCounts::new(&setup.settings.listen.limits);
        let app = App::build(setup.settings.clone(), doors).map_err(|error| error.to_string())?;
        let shutdown = Shutdown::new();
        let core = app.core(false, &counts, shutdown.clone()).map_err(|error| error.to_string())?;
        tokio::spawn(core);
        let (telemetry, seat) = (app.telemetry().clone(), Some(app.seat()));
        let (breakers, watched) = (BTreeMap::new(), Watched::default());
        Ok(Self { telemetry, seat, clock, breakers, watched, _shutdown: shutdown })
    }

    /// The seat beside its observer, for one.
    pub(crate) fn seat(&mut self) -> Option<Seat> {
        self.seat.take()
    }

    /// Empties telemetry's queues, as its worker does, and writes down what breakers did.
    fn look(&mut self) {
        let snapshot = self.telemetry.snapshot();
        for target in &snapshot.targets {
            for breaker in &target.breakers {
                let place = (format!("{}/{}", target.provider, target.model), breaker.key);
                let known = self.breakers.get(&place).copied().unwrap_or("closed");
                if known != breaker.state && self.watched.decisions.len() < DECISIONS_MAX {
                    let text = format!("breaker of {} {}: {}", place.0, breaker.state, breaker.why);
                    let at_s = self.clock.elapsed().as_secs_f64();
                    self.watched.decisions.push(Decision { at_s, text });
                }
                self.breakers.insert(place, breaker.state);
            }
        }
    }

    /// Looks again and again until `until`, then tells what it saw.
    pub(crate) async fn watch(mut self, until: ::clock::Tick) -> Watched {
        while self.clock.tick() < until {
            tokio::time::sleep(LOOK).await;
            self.look();
        }
        self.watched
    }
}
