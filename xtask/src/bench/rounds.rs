//! The order of a measurement: scenarios, and in each of them rounds over all peers, forwards and
//! backwards by turns, so that a machine that grows slower does so for all of them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::configs::{Link, Provider};
use super::peers::{Kind, Peer, Peers};
use super::report::{Cell, Memory, Report, Visited};
use super::wire::Speech;
use super::{measure, mock};
use crate::say::Voice;
use crate::shell::{self, Held};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Length {
    pub(super) rounds: usize,
    pub(super) turn_ms: u64,
    /// Whether TLS and the memory of ten thousand open streams are measured too.
    pub(super) full: bool,
}

/// One kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    connections: usize,
    model: &'static str,
    /// What `bench-load` calls it.
    shape: &'static str,
    /// What a unit of work is called.
    pub(super) unit: &'static str,
    pub(super) link: Link,
    speech: Speech,
}

impl Scenario {
    /// The name with what is behind the gateway.
    pub(super) fn title(&self) -> String {
        format!("{}{}", self.name, self.link.suffix())
    }
}

pub(super) const PLAIN_1: Scenario = plain("plain, 1 connection", 1);
pub(super) const PLAIN_64: Scenario = plain("plain, 64 connections", 64);
pub(super) const BURST: Scenario = stream("burst, 16 streams", mock::BURST);
pub(super) const PACED: Scenario = stream("paced, 16 streams", mock::PACED);
/// The same load by a caller whose dialect the provider does not speak.
pub(super) const CROSS_PLAIN: Scenario = across(PLAIN_64, "plain, 64 connections, translated");
pub(super) const CROSS_BURST: Scenario = across(BURST, "burst, 16 streams, translated");
const SCENARIOS: [Scenario; 4] = [PLAIN_1, PLAIN_64, BURST, PACED];

const fn plain(name: &'static str, connections: usize) -> Scenario {
    Scenario {
        name,
        connections,
        model: mock::PLAIN,
        shape: "whole",
        unit: "request",
        link: Link::Clear,
        speech: Speech::OpenAi,
    }
}

const fn stream(name: &'static str, model: &'static str) -> Scenario {
    Scenario { connections: 16, model, shape: "stream", unit: "chunk", ..plain(name, 0) }
}

const fn across(scenario: Scenario, name: &'static str) -> Scenario {
    Scenario { name, speech: Speech::Anthropic, ..scenario }
}

/// A turn that nobody counts, so that connections and caches are warm.
const WARM_UP_MS: u64 = 300;
/// Visitors of the status page a second, and their connections.
const VISITS_A_SECOND: u32 = 2_000;
const VISIT_CONNECTIONS: usize = 32;
/// Visitors come before the callers and go after them.
const VISIT_MARGIN_MS: u64 = 300;
/// Streams to hold open, if there are descriptors for them.
const STREAMS: usize = 10_000;
/// Descriptors that are no stream's.
const DESCRIPTORS_SPARE: usize = 600;
/// Between the opening of the last stream and the look at the memory.
const SETTLE_MS: u64 = 3_000;
const HOLD_MS: u64 = 8_000;
/// Until an idle server has put itself to rest.
const IDLE_MS: u64 = 300;

/// Measures everything.
pub(super) fn measure(peers: &Peers, length: Length, voice: &Voice) -> Result<Report> {
    let (mock, provider) = peers.mock(Link::Clear)?;
    let (mut all, absent) = peers.start_all(&provider)?;
    let mut report = Report::new(peers.pinning(), absent);
    for peer in &all {
        std::thread::sleep(Duration::from_millis(IDLE_MS));
        if let (Some(server), Some(first)) = (&peer.server, peer.first_answer) {
            let idle = measure::resident_bytes(server.pid())?;
            report.started.insert(peer.kind, (first, idle));
        }
    }
    all.insert(0, Peers::direct(&provider));
    for scenario in SCENARIOS {
        play(peers, &mut all, scenario, (length, voice), &mut report)?;
    }
    // Nobody else translates.
    all.retain(|peer| peer.kind == Kind::Seawall);
    for scenario in [CROSS_PLAIN, CROSS_BURST] {
        play(peers, &mut all, scenario, (length, voice), &mut report)?;
    }
    // Servers at rest cost nothing, but their connections are descriptors of the mock.
    drop(all);
    if length.full {
        for kind in [Kind::Nginx, Kind::Haproxy, Kind::Seawall] {
            voice.step(&format!("{}: open streams", kind.name()));
            if let Some(memory) = open_streams(peers, kind, &provider)? {
                report.memory.insert(kind, memory);
            }
        }
        voice.step(&format!("the status page: {VISITS_A_SECOND} visitors a second"));
        report.visited = visits(peers, &provider, length)?;
        for link in [Link::Tls, Link::TlsH2] {
            let (_mock, provider) = peers.mock(link)?;
            let (mut all, _) = peers.start_all(&provider)?;
            for scenario in [PLAIN_64, BURST, PACED] {
                play(peers, &mut all, Scenario { link, ..scenario }, (length, voice), &mut report)?;
            }
        }
    }
    drop(mock);
    Ok(report)
}

fn play(
    peers: &Peers,
    all: &mut [Peer],
    scenario: Scenario,
    (length, voice): (Length, &Voice),
    report: &mut Report,
) -> Result<()> {
    voice.step(&format!("{}: {} rounds", scenario.title(), length.rounds));
    let cells = rounds(peers, all, scenario, length)?;
    report.cells.push((scenario, cells));
    Ok(())
}

fn rounds(
    peers: &Peers,
    all: &mut [Peer],
    scenario: Scenario,
    length: Length,
) -> Result<BTreeMap<Kind, Vec<Cell>>> {
    let mut cells: BTreeMap<Kind, Vec<Cell>> = BTreeMap::new();
    for peer in all.iter_mut() {
        turn(peers, peer, scenario, WARM_UP_MS)?;
    }
    for _ in 0..length.rounds {
        for peer in all.iter_mut() {
            let cell = turn(peers, peer, scenario, length.turn_ms)?;
            cells.entry(peer.kind).or_default().push(cell);
        }
        all.reverse();
    }
    Ok(cells)
}

/// One peer's turn.
fn turn(peers: &Peers, peer: &mut Peer, scenario: Scenario, millis: u64) -> Result<Cell> {
    if let Some(server) = &mut peer.server {
        server.ensure_alive()?;
    }
    let pid = peer.server.as_ref().map(Held::pid);
    let cost = || pid.map(measure::cpu_nanos).transpose();
    let before = cost()?;
    let mut load = peers.own("bench-load")?;
    load.args(load_arguments(peer.address, scenario, millis));
    // The load itself calls a failed answer an error; its line says which.
    let output = load.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let after = cost()?;
    let told: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the load on {} told nothing", peer.kind.name()))?;
    let cpu = after.zip(before).map(|(after, before)| after.saturating_sub(before));
    Cell::of(&told, scenario.unit == "chunk", cpu)
}

fn load_arguments(target: SocketAddr, scenario: Scenario, millis: u64) -> Vec<String> {
    let values = [
        ("--target", target.to_string()),
        ("--connections", scenario.connections.to_string()),
        ("--model", scenario.model.to_owned()),
        ("--shape", scenario.shape.to_owned()),
        ("--speech", scenario.speech.name().to_owned()),
        ("--millis", millis.to_string()),
    ];
    values.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
}

/// Resident memory while many streams are open; a fresh server each time.
fn open_streams(peers: &Peers, kind: Kind, provider: &Provider) -> Result<Option<Memory>> {
    let Some(mut peer) = peers.start(kind, provider, false)? else {
        return Ok(None);
    };
    let server = peer.server.as_mut().context("it has no server")?;
    std::thread::sleep(Duration::from_millis(IDLE_MS));
    let idle = measure::resident_bytes(server.pid())?;
    let descriptors = measure::descriptors_max().saturating_sub(DESCRIPTORS_SPARE);
    let connections = STREAMS.min(descriptors / 2);
    let scenario = Scenario {
        name: "",
        connections,
        model: mock::OPEN,
        shape: "hold",
        unit: "stream",
        link: Link::Clear,
        speech: Speech::OpenAi,
    };
    let mut command = peers.own("bench-load")?;
    command.args(load_arguments(peer.address, scenario, HOLD_MS)).stdout(Stdio::piped());
    let mut load = Held::start("the load", &mut command)?;
    let mut told = String::new();
    BufReader::new(load.stdout()?).read_line(&mut told)?;
    let told: Value = serde_json::from_str(&told).context("the load opened nothing")?;
    let opened = told.get("opened").and_then(Value::as_u64).context("how many were opened?")?;
    std::thread::sleep(Duration::from_millis(SETTLE_MS));
    server.ensure_alive()?;
    let resident = measure::resident_bytes(server.pid())?;
    shell::terminate(load.pid());
    let streams = usize::try_from(opened)?;
    ensure!(streams > 0, "{} opened no stream", kind.name());
    Ok(Some(Memory { idle, streams, wanted: connections, resident }))
}

/// The status page while the gateway has more to do than it can, and the gateway with and without
/// the visitors, by turns.
fn visits(peers: &Peers, provider: &Provider, length: Length) -> Result<Vec<Visited>> {
    let Some(mut peer) = peers.start(Kind::Seawall, provider, true)? else {
        return Ok(Vec::new());
    };
    turn(peers, &mut peer, PLAIN_64, WARM_UP_MS)?;
    let mut all = Vec::new();
    for _ in 0..length.rounds {
        let alone = turn(peers, &mut peer, PLAIN_64, length.turn_ms)?;
        let mut command = peers.own("bench-load")?;
        let visit = Scenario { connections: VISIT_CONNECTIONS, shape: "page", ..PLAIN_64 };
        let millis = length.turn_ms + 2 * VISIT_MARGIN_MS;
        command.args(load_arguments(peer.status, visit, millis));
        command.args(["--a-second", &VISITS_A_SECOND.to_string()]);
        let visitors = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        std::thread::sleep(Duration::from_millis(VISIT_MARGIN_MS));
        let beside = turn(peers, &mut peer, PLAIN_64, length.turn_ms)?;
        let told = visitors.wait_with_output()?.stdout;
        let told: Value = serde_json::from_slice(&told).context("the visitors told nothing")?;
        all.push(Visited { page: Cell::of(&told, false, None)?, alone, beside });
    }
    Ok(all)
}
