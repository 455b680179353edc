//! `seawall wall`: the provider that breaks on purpose, and the score of a gateway before it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use clock::{Clock, SystemClock};
use config::{Environment as _, ProcessEnvironment};
use domain::Secret;
use drills::marks::{CallerDialect, Scorer, TcpDial, Verdict, gateway_config, table_head};
use drills::wall::{self, Profile, Wall, WallSettings};
use tokio::net::TcpListener;

use crate::cli;
use crate::commands::{Failure, say};
use crate::serve::asked_to_stop;

/// Ids have two digits.
const ID_MAX: u32 = 99;

pub(crate) fn wall(args: &cli::Wall) -> Result<(), Failure> {
    if args.list {
        return list();
    }
    let profile = match args.profile {
        cli::WallProfile::Full => Profile::Full,
        cli::WallProfile::Fast => Profile::Fast,
    };
    let dialect = dialect(args.score.dialect);
    if args.score.score_config {
        say(gateway_config(args.listen, profile, dialect).trim_end())?;
        return Ok(());
    }
    for listen in [Some(args.listen), args.h2_listen, args.tls_broken_listen].into_iter().flatten()
    {
        if !listen.ip().is_loopback() {
            return Err(usage(format!(
                "{listen} is not a loopback address; the wall breaks on purpose and must not be \
                 reachable from outside"
            )));
        }
    }
    let expect_key = secret("--expect-key", args.expect_key.as_deref())?;
    let settings = WallSettings { profile, expect_key };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let wall = Wall::new(settings, Arc::clone(&clock));
        let listener = bind(args.listen).await?;
        let address = listener.local_addr()?;
        let served = wall.serve(listener, std::future::pending());
        let h2 = serve_h2(&wall, args.h2_listen);
        let broken = serve_broken(args.tls_broken_listen);
        let work = async {
            match &args.score.score {
                Some(url) => {
                    let scorer = scorer(args, url, (wall.clone(), clock, dialect))?;
                    score(&scorer, args.score.only.as_deref()).await
                }
                None => {
                    say(format_args!(
                        "the wall listens on http://{address}/v1 (profile {profile}); \
                         `seawall wall --list` shows its faults"
                    ))?;
                    asked_to_stop().await;
                    Ok(())
                }
            }
        };
        tokio::select! {
            ended = served => Ok(ended?),
            ended = h2 => ended,
            ended = broken => ended,
            done = work => done,
        }
    })
}

fn usage(line: impl Into<String>) -> Failure {
    Failure::Usage(vec![line.into()])
}

fn list() -> Result<(), Failure> {
    for fault in wall::catalogue() {
        say(format_args!("{:<18} {}\n{:18} correct: {}", fault.id, fault.what, "", fault.correct))?;
    }
    say(format_args!("\nevery name is spoken at:"))?;
    for (dialect, paths) in wall::PATHS {
        say(format_args!("{dialect:<18} {paths}"))?;
    }
    Ok(())
}

fn dialect(named: cli::WallDialect) -> CallerDialect {
    match named {
        cli::WallDialect::Chat => CallerDialect::Chat,
        cli::WallDialect::Anthropic => CallerDialect::Anthropic,
        cli::WallDialect::Gemini => CallerDialect::Gemini,
        cli::WallDialect::Responses => CallerDialect::Responses,
    }
}

/// The secret that an argument names.
fn secret(argument: &str, named: Option<&str>) -> Result<Option<Secret>, Failure> {
    let Some(named) = named else { return Ok(None) };
    let name = named
        .strip_prefix("env:")
        .ok_or_else(|| usage(format!("{argument} takes env:NAME, never the key itself")))?;
    let value = ProcessEnvironment
        .get(name)
        .ok_or_else(|| usage(format!("the environment variable {name} is not set")))?;
    Ok(Some(Secret::new(value)))
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(address).await;
    Ok(bound.with_context(|| format!("cannot listen on {address}"))?)
}

/// Never ends where no address was named.
async fn serve_h2(wall: &Wall, listen: Option<SocketAddr>) -> Result<(), Failure> {
    let Some(address) = listen else { return std::future::pending().await };
    let listener = bind(address).await?;
    say(format_args!("HTTP/2 without TLS on {}", listener.local_addr()?))?;
    Ok(wall.serve_h2(listener, std::future::pending()).await?)
}

async fn serve_broken(listen: Option<SocketAddr>) -> Result<(), Failure> {
    let Some(address) = listen else { return std::future::pending().await };
    let listener = bind(address).await?;
    say(format_args!("broken TLS on {}", listener.local_addr()?))?;
    Ok(wall::serve_broken(listener, std::future::pending()).await?)
}

fn scorer(
    args: &cli::Wall,
    url: &str,
    (wall, clock, dialect): (Wall, Arc<dyn Clock>, CallerDialect),
) -> Result<Scorer<TcpDial>, Failure> {
    let address = target(url).map_err(usage)?;
    let key = secret("--key", args.score.key.as_deref())?;
    Ok(Scorer { dial: TcpDial(address), wall, clock, dialect, key, host: address.to_string() })
}

/// The gateway's address; a wall's faults are for machines that are one's own.
fn target(url: &str) -> Result<SocketAddr, String> {
    let rest = url.strip_prefix("http://").ok_or(
        "--score takes an address such as \
        http://127.0.0.1:8080",
    )?;
    let host = rest.split('/').next().unwrap_or_default().replace("localhost", "127.0.0.1");
    let address: SocketAddr =
        host.parse().map_err(|_| format!("--score: {host} is no address with a port"))?;
    if !address.ip().is_loopback() {
        return Err(format!("--score: {address} is not a loopback address"));
    }
    Ok(address)
}

/// Runs the scenarios until they are done or somebody asks to stop.
async fn score(scorer: &Scorer<TcpDial>, only: Option<&str>) -> Result<(), Failure> {
    let wanted = match only {
        Some(text) => Some(ids(text).map_err(usage)?),
        None => None,
    };
    let wanted = |id: &str| wanted.as_ref().is_none_or(|ids| ids.iter().any(|it| it == id));
    say(table_head())?;
    let run = scorer.run(wanted, |row| {
        // A closed standard output must not spoil what is left of the run.
        let _told = say(row).is_ok();
    });
    let score = stoppable(run, asked_to_stop()).await?.map_err(anyhow::Error::msg)?;
    let of = |verdict| format!("{} {verdict}", score.count(verdict));
    let all = [Verdict::Pass, Verdict::Partial, Verdict::Safe, Verdict::Fail].map(of);
    say(format_args!("\n{} scenarios: {}", score.verdicts.len(), all.join(", ")))?;
    if score.is_clean() { Ok(()) } else { Err(anyhow::anyhow!("not every scenario passed").into()) }
}

async fn stoppable<T>(
    work: impl Future<Output = T>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<T> {
    tokio::select! {
        done = work => Ok(done),
        () = stop => Err(anyhow::anyhow!("stopped before the end")),
    }
}

/// Ids such as `S01-S16,S33`, as the table spells them.
fn ids(text: &str) -> Result<Vec<String>, String> {
    let number = |id: &str| {
        let digits = id.trim().strip_prefix(['S', 's']).and_then(|digits| digits.parse().ok());
        digits.filter(|number: &u32| (1..=ID_MAX).contains(number))
    };
    let mut ids = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (Some(first), Some(last)) = (number(first), number(last)) else {
            return Err(format!("--only: {part} is no id such as S07, nor a span such as S01-S16"));
        };
        ids.extend((first..=last).map(|number| format!("S{number:02}")));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_alone_and_in_spans() {
        assert_eq!(ids("S07,s14-S16").unwrap(), ["S07", "S14", "S15", "S16"]);
        for bad in ["", "7", "S00", "S100", "S1-x", "S01,"] {
            assert!(ids(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_gateways_on_this_machine_are_scored() {
        for good in ["http://127.0.0.1:8080", "http://localhost:8080/v1", "http://[::1]:80"] {
            assert!(target(good).is_ok(), "{good}");
        }
        for bad in ["https://127.0.0.1:1", "http://10.0.0.1:80", "http://example.com:80", "8080"] {
            assert!(target(bad).is_err(), "{bad}");
        }
    }
}
