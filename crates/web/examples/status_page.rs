//! The status page of an invented firm on loopback, for looking at it: `/` of the first port is
//! 4 June 2024 at 14:40 UTC, the second a quiet moment, the third a page that knows only what its own
//! traffic tells. It prints the three addresses and runs until it is ended.

#[path = "../tests/it/june.rs"]
mod june;

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, ManualClock};
use detection::ComponentId;
use net::BoxFuture;
use net::{ConnectionCounts, Server, ServerLimits, Shutdown, TcpDoor};
use telemetry::{LogTo, RequestLogSettings, Telemetry};
use web::view::{StatusSource, StatusView};
use web::{
    ReadyPart, ReadyReport, Report, ReportSink, Status, SubscribeSink, Subscribed, Taken,
    TokenTaken,
};

/// Counts everything and keeps nothing.
struct Counting;

impl ReportSink for Counting {
    fn take(&self, _report: Report) -> Taken {
        Taken::Counted
    }
}

/// Asks everybody and writes to nobody.
struct Asking;

impl SubscribeSink for Asking {
    fn ask<'a>(
        &'a self,
        _: &'a str,
        _: Vec<ComponentId>,
        _: &'static str,
    ) -> BoxFuture<'a, Subscribed> {
        Box::pin(std::future::ready(Subscribed::Asked))
    }

    fn confirm<'a>(&'a self, _: &'a str) -> BoxFuture<'a, TokenTaken> {
        Box::pin(std::future::ready(TokenTaken::Done))
    }

    fn leave<'a>(&'a self, _: &'a str) -> BoxFuture<'a, TokenTaken> {
        Box::pin(std::future::ready(TokenTaken::Done))
    }
}

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let afternoon = serve(Some(june::afternoon()))?;
        let quiet = serve(Some(june::quiet()))?;
        let alone = serve(None)?;
        let told = format!("{} {} {}\n", afternoon.0, quiet.0, alone.0);
        io::stdout().write_all(told.as_bytes())?;
        io::stdout().flush()?;
        tokio::select! {
            ended = afternoon.1 => ended,
            ended = quiet.1 => ended,
            ended = alone.1 => ended,
        }
    })
}

fn serve(
    view: Option<StatusView>,
) -> io::Result<(SocketAddr, impl Future<Output = io::Result<()>>)> {
    let clock = Arc::new(ManualClock::new());
    clock.advance(Duration::from_secs((14 * 60 + 40) * 60));
    let settings = RequestLogSettings { to: LogTo::Nowhere, ..RequestLogSettings::default() };
    let (telemetry, _worker) = Telemetry::start(settings, clock as Arc<dyn Clock>);
    let part = |name: &str, state| {
        let sentence = "for operators only".to_owned();
        ReadyPart { name: name.to_owned(), state, sentence }
    };
    let parts = vec![part("openai", "ready"), part("claude", "ready"), part("reserve", "loading")];
    let report = ReadyReport { ready: true, parts };
    let source = view.map(|view| {
        let view = Arc::new(view);
        Arc::new(move || Arc::clone(&view)) as StatusSource
    });
    let sink = source.is_some().then(|| Arc::new(Counting) as Arc<dyn ReportSink>);
    let asking = source.is_some().then(|| Arc::new(Asking) as Arc<dyn SubscribeSink>);
    let status = Status::new(telemetry, Arc::new(move || report.clone()))
        .with_source(source)
        .with_reports(sink)
        .with_subscriptions(asking);
    let door = TcpDoor::bind((Ipv4Addr::LOCALHOST, 0).into(), false)?;
    let addr = net::Listener::local_addr(&door)?;
    let limits = Arc::new(ServerLimits::default());
    let server = Server {
        listener: Box::new(door),
        tls: None,
        counts: ConnectionCounts::new(&limits),
        limits,
        handler: status,
        shutdown: Shutdown::new(),
    };
    Ok((addr, server.run()))
}
