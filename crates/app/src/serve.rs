//! The listeners as futures: one per core for callers, one each for the public and for operators.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use net::{ConnectionCounts, Handler, Server, Shutdown, sweep_idle};
use resilience::{ModelSpec, RungModel, RungSpec};
use upstream::Readiness;
use web::view::PageInfo;
use web::{Console, ReadyPart, ReadyReport, RouteView, Status, StatusSettings};

use crate::App;

/// While this timer ticks, a new timer that ends later than the next tick never has to wake the
/// runtime's driver (which costs a system call per request on an idle core). The clocks of a request
/// are of seconds, and each tick wakes a core that has nothing to do.
const TICK: Duration = Duration::from_millis(500);
/// Idle upstream connections are looked through once in so many ticks.
const TICKS_PER_SWEEP: u32 = 10;

/// A listener or another task at work, until shutdown.
pub type Serving = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

impl App {
    /// The caller's listener of one core. All cores share `counts`.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub fn core(
        &self,
        shared_address: bool,
        counts: &Arc<ConnectionCounts>,
        shutdown: Shutdown,
    ) -> io::Result<impl Future<Output = io::Result<()>> + Send + use<>> {
        let listen = &self.settings.listen;
        let listener = self.doors.listeners.open(listen.gateway, shared_address)?;
        let server = Server {
            listener,
            tls: self.tls.clone(),
            limits: Arc::new(listen.limits.clone()),
            counts: counts.clone(),
            handler: self.gateway.for_another_core(),
            shutdown,
        };
        let clock = self.doors.clock.clone();
        Ok(async move {
            let mut serving = std::pin::pin!(server.run());
            let mut tick = tokio::time::interval(TICK);
            let mut ticks = 0_u32;
            loop {
                tokio::select! {
                    biased;
                    ended = &mut serving => return ended,
                    _ = tick.tick() => {
                        ticks = ticks.wrapping_add(1);
                        if ticks.is_multiple_of(TICKS_PER_SWEEP) {
                            sweep_idle(clock.now());
                        }
                    }
                }
            }
        })
    }

    /// All that goes on beside the line: the listeners of the public and of operators, and who
    /// judges what telemetry counts. To be run on one runtime, which must not be that of the line
    /// where there are several.
    ///
    /// # Errors
    /// If an address cannot be had.
    pub fn beside(&self, shutdown: &Shutdown) -> io::Result<Vec<Serving>> {
        let listen = &self.settings.listen;
        let ready = self.ready_report();
        let StatusSettings { name, url, .. } = self.settings.watch.status.clone();
        let page = PageInfo { id: "seawall".into(), name, url };
        let source = self.observer.source(page, ready.clone());
        let status = Status::new(self.telemetry.clone(), ready.clone())
            .with_source(Some(Arc::clone(&source)))
            .with_reports(self.observer.report_sink())
            .with_subscriptions(self.observer.subscribe_sink());
        let observing = self.observer.clone().run(shutdown.clone());
        let for_routes = self.gateway.clone();
        let console = Console::new(self.telemetry.clone(), ready)
            .with_alarms(self.observer.alarms())
            .with_operators(Arc::new(self.observer.clone()))
            .with_routes(move || for_routes.ladders().iter().map(route_view).collect());
        let mut beside: Vec<Serving> = vec![
            Box::pin(self.side(listen.status, status, shutdown)?),
            Box::pin(self.side(listen.console, console, shutdown)?),
            Box::pin(always_well(observing)),
        ];
        let providers = &self.settings.providers;
        let doors = (&self.doors, source);
        let lookouts = self.observer.lookouts(providers, &self.upstreams, doors, shutdown);
        beside.extend(lookouts.into_iter().map(|one| Box::pin(always_well(one)) as Serving));
        Ok(beside)
    }

    fn side<H: Handler + Sync>(
        &self,
        addr: std::net::SocketAddr,
        handler: H,
        shutdown: &Shutdown,
    ) -> io::Result<impl Future<Output = io::Result<()>> + Send + use<H>> {
        let limits = Arc::new(self.settings.listen.limits.clone());
        let server = Server {
            listener: self.doors.listeners.open(addr, false)?,
            tls: None,
            counts: ConnectionCounts::new(&limits),
            limits,
            handler,
            shutdown: shutdown.clone(),
        };
        Ok(server.run())
    }

    fn ready_report(&self) -> Arc<dyn Fn() -> ReadyReport + Send + Sync> {
        let gateway = self.gateway.clone();
        Arc::new(move || {
            let (upstreams, ready) = gateway.readiness();
            let part = |(name, readiness): (Box<str>, Readiness)| {
                let (state, sentence) = match readiness {
                    Readiness::Ready => ("ready", "can be called".to_owned()),
                    Readiness::Loading => ("loading", "will be ready by itself".to_owned()),
                    Readiness::Unavailable(what_to_do) => ("unavailable", what_to_do.into()),
                };
                ReadyPart { name: name.into(), state, sentence }
            };
            ReadyReport { ready, parts: upstreams.into_iter().map(part).collect() }
        })
    }
}

/// A task that cannot fail, among listeners that can.
async fn always_well(task: impl Future<Output = ()> + Send) -> io::Result<()> {
    task.await;
    Ok(())
}

fn route_view(model: &ModelSpec) -> RouteView {
    let rung = |rung: &RungSpec| match &rung.model {
        RungModel::Named(name) => format!("{}/{name}", rung.provider),
        RungModel::AsAsked => format!("{}/*", rung.provider),
    };
    let steps = &model.ladder.steps;
    RouteView {
        model: model.pattern.to_string(),
        steps: steps.iter().map(|step| step.iter().map(rung).collect()).collect(),
    }
}
