//! Who is measured: the mock alone, nginx and HAProxy as plain reverse proxies, Seawall. Each gets
//! a configuration of its own in a folder that is thrown away, and a free loopback port.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clock::{Clock, SystemClock};

use super::configs::{self, Link, Provider, Setting, WORKERS};
use super::tls;
use crate::shell::{self, Held};
use crate::{house, http};

/// Who a turn belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Direct,
    Nginx,
    Haproxy,
    Seawall,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Seawall => "Seawall",
        }
    }
}

/// A peer that runs.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) kind: Kind,
    pub(super) address: SocketAddr,
    /// Where Seawall has its status page.
    pub(super) status: SocketAddr,
    /// None for the mock itself: what it costs is nobody's.
    pub(super) server: Option<Held>,
    /// From its start to its first answer; none for the mock.
    pub(super) first_answer: Option<Duration>,
}

/// A started server must answer within this.
const FIRST_ANSWER_MS_MAX: u64 = 10_000;
/// With so many cores, the measured get two of their own.
const PIN_CORES_MIN: usize = 4;

/// Starts peers.
#[derive(Debug)]
pub(super) struct Peers {
    folder: PathBuf,
    seawall: PathBuf,
    cores: usize,
}

impl Peers {
    pub(super) fn new(folder: PathBuf, seawall: PathBuf) -> Result<Self> {
        let cores = std::thread::available_parallelism()?.get();
        Ok(Self { folder, seawall, cores })
    }

    /// How the machine is shared, as a sentence.
    pub(super) fn pinning(&self) -> String {
        if self.pins() {
            format!("{} cores: two for the measured, the others for mock and load", self.cores)
        } else {
            format!("{} cores, shared by mock, load and the measured", self.cores)
        }
    }

    fn pins(&self) -> bool {
        self.cores >= PIN_CORES_MIN && house::program("taskset").is_some()
    }

    /// A program with all descriptors, on its side of the machine.
    fn command(&self, program: &OsStr, measured: bool) -> Command {
        if !self.pins() {
            return shell::with_descriptors(program);
        }
        let mut command = shell::with_descriptors(OsStr::new("taskset"));
        let others = format!("{WORKERS}-{}", self.cores - 1);
        command.args(["-c", if measured { "0,1" } else { &others }]).arg(program);
        command
    }

    /// This program's own subcommand.
    pub(super) fn own(&self, subcommand: &str) -> Result<Command> {
        let own = std::env::current_exe().context("our own binary is not to be found")?;
        let mut command = self.command(own.as_os_str(), false);
        command.arg(subcommand);
        Ok(command)
    }

    /// A mock provider; the peer `Direct` is the same one, where it speaks in the clear.
    pub(super) fn mock(&self, link: Link) -> Result<(Held, Provider)> {
        let address = shell::free_address()?;
        let mut command = self.own("bench-mock")?;
        command.arg("--listen").arg(address.to_string());
        let mut ca_file = PathBuf::new();
        if link != Link::Clear {
            ca_file = tls::write_certificates(&self.folder)?;
            command.arg("--tls").arg(&self.folder);
        }
        if link == Link::TlsH2 {
            command.arg("--h2");
        }
        let mut held = Held::start("the mock", &mut command)?;
        if link == Link::Clear {
            wait_for(address, &mut held)?;
        }
        Ok((held, Provider { address, link, ca_file }))
    }

    /// The mock itself as a peer.
    pub(super) fn direct(provider: &Provider) -> Peer {
        let address = provider.address;
        Peer { kind: Kind::Direct, address, status: address, server: None, first_answer: None }
    }

    /// All that can be had on this machine, and why the others cannot.
    pub(super) fn start_all(&self, provider: &Provider) -> Result<(Vec<Peer>, Vec<String>)> {
        let mut peers = Vec::new();
        let mut absent = Vec::new();
        for kind in [Kind::Nginx, Kind::Haproxy, Kind::Seawall] {
            match self.start(kind, provider, true)? {
                Some(peer) => peers.push(peer),
                None if kind == Kind::Nginx && provider.link == Link::TlsH2 => {}
                None => absent.push(format!("{} is not there", kind.name())),
            }
        }
        Ok((peers, absent))
    }

    /// One peer in front of the mock; none if it is not installed.
    pub(super) fn start(
        &self,
        kind: Kind,
        provider: &Provider,
        buffering: bool,
    ) -> Result<Option<Peer>> {
        let (address, status) = (shell::free_address()?, shell::free_address()?);
        let program = match kind {
            Kind::Direct => None,
            // It speaks no HTTP/2 to a provider.
            Kind::Nginx if provider.link == Link::TlsH2 => None,
            Kind::Nginx => house::program("nginx"),
            Kind::Haproxy => house::program("haproxy"),
            Kind::Seawall => Some(self.seawall.clone()).filter(|file| file.is_file()),
        };
        let Some(program) = program else {
            return Ok(None);
        };
        let mut command = self.command(program.as_os_str(), true);
        let setting = Setting { provider, address, status, folder: &self.folder, buffering };
        match kind {
            Kind::Nginx => {
                let file = self.write("nginx.conf", &configs::nginx(&setting)?)?;
                command.args(["-e", "stderr", "-c"]).arg(file);
            }
            Kind::Haproxy => {
                let file = self.write("haproxy.cfg", &configs::haproxy(&setting))?;
                command.args(["-db", "-f"]).arg(file);
            }
            Kind::Direct | Kind::Seawall => {
                let file = self.write("seawall.toml", &configs::seawall(&setting)?)?;
                command.args(["serve", "--log-level", "error", "-c"]).arg(file);
            }
        }
        let clock = SystemClock::new();
        let mut server = Held::start(kind.name(), command.stdout(Stdio::null()))?;
        wait_for(address, &mut server)?;
        let first_answer = Some(clock.now().since(clock::Tick::default()));
        Ok(Some(Peer { kind, address, status, server: Some(server), first_answer }))
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let file = self.folder.join(name);
        fs::write(&file, text).with_context(|| file.display().to_string())?;
        Ok(file)
    }
}

/// Asks until there is an answer.
fn wait_for(address: SocketAddr, server: &mut Held) -> Result<()> {
    let wait = Duration::from_secs(2);
    let body = r#"{"model":"bench-plain","messages":[{"role":"user","content":"Hello"}]}"#;
    let clock = SystemClock::new();
    let until = clock.now() + Duration::from_millis(FIRST_ANSWER_MS_MAX);
    let mut last = String::new();
    while clock.now() < until {
        server.ensure_alive()?;
        match http::post(address, "/v1/chat/completions", body, wait) {
            Ok(200) => return Ok(()),
            Ok(status) => last = format!("status {status}"),
            Err(error) => last = error.to_string(),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    bail!("{} gave no answer within {FIRST_ANSWER_MS_MAX} ms: {last}", server.name())
}
