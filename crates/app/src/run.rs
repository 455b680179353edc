//! Runs the house on the real machine: a current-thread runtime per core for the line, and one
//! for the listeners beside it and the background work.

use std::io;
use std::thread;

use net::{ConnectionCounts, Shutdown};
use thiserror::Error;
use tokio::runtime::Builder;

use crate::App;
use crate::reload::{Load, watch};

/// Why the house stopped, or never stood.
#[derive(Debug, Error)]
pub enum RunError {
    #[error("cannot listen on {addr} for {what}: {source}")]
    Listen {
        addr: std::net::SocketAddr,
        what: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("cannot start a runtime: {0}")]
    Runtime(#[source] io::Error),
    #[error("a listener failed: {0}")]
    Serve(#[source] io::Error),
}

/// Runs until `shutdown` is triggered and open answers are finished or out of time. `on_listening`
/// is called once all listeners are open. `reload` names the file to watch and how to read it.
///
/// # Errors
/// If a listener cannot be opened or fails.
pub fn run(
    mut app: App,
    shutdown: &Shutdown,
    reload: Option<(std::path::PathBuf, Load)>,
    on_listening: impl FnOnce(),
) -> Result<(), RunError> {
    let cores = app.settings.runtime.cores.unwrap_or_else(available_cores).max(1);
    let runtime = || Builder::new_current_thread().enable_all().build().map_err(RunError::Runtime);
    let worker = app.worker.take().map(telemetry::Worker::spawn).transpose();
    let worker = worker.map_err(RunError::Runtime)?;
    let counts = ConnectionCounts::new(&app.settings.listen.limits);
    let for_gauge = counts.clone();
    let open = move || f64::from(u32::try_from(for_gauge.open()).unwrap_or(u32::MAX));
    app.telemetry.register_gauge(telemetry::Gauge::Connections, &["gateway"], open);
    let mut threads = Vec::new();
    for core in 0..cores {
        let runtime = runtime()?;
        // Listeners register with the runtime that runs them.
        let serving =
            {
                let _entered = runtime.enter();
                app.core(cores > 1, &counts, shutdown.clone()).map_err(|source| {
                    RunError::Listen { addr: app.settings.listen.gateway, what: "callers", source }
                })?
            };
        let stop_all = shutdown.clone();
        let body = move || {
            let ended = runtime.block_on(serving);
            // One core that fails takes the others along, or the process would limp unseen.
            stop_all.trigger();
            ended
        };
        let name = format!("line-{core}");
        threads.push(thread::Builder::new().name(name).spawn(body).map_err(RunError::Runtime)?);
    }
    let background = runtime()?;
    let result = background.block_on(beside(&app, shutdown.clone(), reload, on_listening));
    if result.is_err() {
        shutdown.trigger();
    }
    let mut failure = result.err();
    for thread in threads {
        if let Ok(Err(error)) = thread.join() {
            failure.get_or_insert(RunError::Serve(error));
        }
    }
    app.reserves.shutdown();
    if let Some(worker) = worker {
        worker.stop();
    }
    failure.map_or(Ok(()), Err)
}

async fn beside(
    app: &App,
    shutdown: Shutdown,
    reload: Option<(std::path::PathBuf, Load)>,
    on_listening: impl FnOnce(),
) -> Result<(), RunError> {
    let mut servers = tokio::task::JoinSet::new();
    let listeners = app.beside(&shutdown).map_err(|source| RunError::Listen {
        addr: app.settings.listen.status,
        what: "the status page or the console",
        source,
    })?;
    for server in listeners {
        servers.spawn(server);
    }
    if let Some((path, load)) = reload {
        let watching = watch(
            app.reloader(),
            (path, app.settings.read_besides.clone()),
            load,
            shutdown.clone(),
        );
        servers.spawn(async move {
            watching.await;
            Ok(())
        });
    }
    on_listening();
    shutdown.triggered().await;
    while let Some(ended) = servers.join_next().await {
        if let Ok(Err(error)) = ended {
            return Err(RunError::Serve(error));
        }
    }
    Ok(())
}

fn available_cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
