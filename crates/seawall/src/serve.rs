//! `seawall serve`: opens the real doors and runs the house until it is asked to stop.

use std::io::IsTerminal as _;
use std::sync::Arc;

use app::{App, Doors, SystemResolver, TcpListeners};
use clock::SystemClock;
use config::{Overrides, Settings};
use net::{Shutdown, TcpConnector};
use tracing_subscriber::EnvFilter;

use crate::cli;
use crate::commands::{Failure, config_file, dice, load, say};

/// Descriptors that are asked for: two per stream, and room for everything else.
const DESCRIPTORS_WANTED: u64 = 65_536;

pub(crate) fn serve(args: &cli::Serve) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&args.log_level).map_err(|error| {
        Failure::Usage(vec![format!("--log-level {}: {error}", args.log_level)])
    })?;
    let colour = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .init();
    let overrides = Overrides { gateway: args.gateway, status: args.status, console: args.console };
    let file = config_file(args.config.as_ref());
    let settings = load(file.as_ref(), &overrides).map_err(Failure::Usage)?;
    raise_descriptor_limit();
    for warning in config::warnings(&settings) {
        tracing::warn!("{warning}");
    }
    let doors = Doors {
        clock: Arc::new(SystemClock::new()),
        dice: dice(),
        listeners: Arc::new(TcpListeners),
        connector: Arc::new(TcpConnector),
        resolver: Arc::new(SystemResolver),
    };
    let listening = greeting(&settings);
    let app = App::build(settings, doors)?;
    let shutdown = Shutdown::new();
    stop_on_signals(&shutdown)?;
    let reload = file.map(|path| {
        let again = path.clone();
        let load: Box<dyn Fn() -> Result<Settings, Vec<String>> + Send> =
            Box::new(move || load(Some(&again), &overrides));
        (path, load)
    });
    app::run(app, &shutdown, reload, || {
        for line in listening {
            // A closed standard output must not keep anybody from being served.
            let _told = say(line).is_ok();
        }
    })?;
    Ok(())
}

/// What a person sees when everything listens.
fn greeting(settings: &Settings) -> Vec<String> {
    let listen = &settings.listen;
    let scheme = if listen.tls.is_some() { "https" } else { "http" };
    vec![
        format!("gateway  {scheme}://{}/v1   (settings: {})", listen.gateway, settings.source),
        format!("status   http://{}", listen.status),
        format!("console  http://{}", listen.console),
    ]
}

/// The first signal finishes open answers, the second does not wait for them.
#[allow(clippy::exit, clippy::disallowed_methods, reason = "whoever asks twice wants an end now")]
fn stop_on_signals(shutdown: &Shutdown) -> std::io::Result<()> {
    let shutdown = shutdown.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let waiting = move || {
        runtime.block_on(async {
            asked_to_stop().await;
            tracing::info!("asked to stop; open answers are finished first");
            shutdown.trigger();
            asked_to_stop().await;
            std::process::exit(1);
        });
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(waiting)?;
    Ok(())
}

/// Resolves at SIGINT or SIGTERM.
pub(crate) async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate()).ok();
    let terminate = async {
        match &mut terminated {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminate => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// The soft limit is often 1,024, which is 500 streams; the hard limit is ours to use.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(DESCRIPTORS_WANTED).min(DESCRIPTORS_WANTED);
    if current.is_some_and(|current| current < wanted) {
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
        if let Err(error) = raised {
            tracing::warn!(%error, "the limit of descriptors could not be raised");
        }
    }
}
