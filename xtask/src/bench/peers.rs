//! Who is measured: the mock alone, nginx and HAProxy as plain reverse proxies, Seawall. Each gets
//! a configuration of its own in a folder that is thrown away, and a free loopback port.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clock::{Clock, SystemClock};

use super::measure;
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
    /// None for the mock itself: what it costs is nobody's.
    pub(super) server: Option<Held>,
    /// From its start to its first answer; none for the mock.
    pub(super) first_answer: Option<Duration>,
}

/// A started server must answer within this.
const FIRST_ANSWER_MS_MAX: u64 = 10_000;
/// Proxies get two workers, as Seawall gets two cores.
const WORKERS: usize = 2;
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
        Ok(Self {
            folder,
            seawall,
            cores,
        })
    }

    /// How the machine is shared, as a sentence.
    pub(super) fn pinning(&self) -> String {
        if self.pins() {
            format!(
                "{} cores: two for the measured, the others for mock and load",
                self.cores
            )
        } else {
            format!(
                "{} cores, shared by mock, load and the measured",
                self.cores
            )
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
        command
            .args(["-c", if measured { "0,1" } else { &others }])
            .arg(program);
        command
    }

    /// This program's own subcommand.
    pub(super) fn own(&self, subcommand: &str) -> Result<Command> {
        let own = std::env::current_exe().context("our own binary is not to be found")?;
        let mut command = self.command(own.as_os_str(), false);
        command.arg(subcommand);
        Ok(command)
    }

    /// The mock provider, which is the peer `Direct` too.
    pub(super) fn mock(&self) -> Result<(Held, Peer)> {
        let address = shell::free_address()?;
        let mut command = self.own("bench-mock")?;
        let mut held = Held::start("the mock", command.arg("--listen").arg(address.to_string()))?;
        wait_for(address, &mut held)?;
        Ok((
            held,
            Peer {
                kind: Kind::Direct,
                address,
                server: None,
                first_answer: None,
            },
        ))
    }

    /// All that can be had on this machine, and why the others cannot.
    pub(super) fn start_all(&self, mock: SocketAddr) -> Result<(Vec<Peer>, Vec<String>)> {
        let mut peers = Vec::new();
        let mut absent = Vec::new();
        for kind in [Kind::Nginx, Kind::Haproxy, Kind::Seawall] {
            match self.start(kind, mock, true)? {
                Some(peer) => peers.push(peer),
                None => absent.push(format!("{} is not installed here", kind.name())),
            }
        }
        Ok((peers, absent))
    }

    /// One peer in front of the mock; none if it is not installed.
    pub(super) fn start(
        &self,
        kind: Kind,
        mock: SocketAddr,
        buffering: bool,
    ) -> Result<Option<Peer>> {
        let address = shell::free_address()?;
        let program = match kind {
            Kind::Direct => None,
            Kind::Nginx => house::program("nginx"),
            Kind::Haproxy => house::program("haproxy"),
            Kind::Seawall => Some(self.seawall.clone()),
        };
        let Some(program) = program else {
            return Ok(None);
        };
        let mut command = self.command(program.as_os_str(), true);
        match kind {
            Kind::Nginx => {
                let file = self.write("nginx.conf", &self.nginx(address, mock, buffering)?)?;
                command.args(["-e", "stderr", "-c"]).arg(file);
            }
            Kind::Haproxy => {
                command
                    .args(["-db", "-f"])
                    .arg(self.write("haproxy.cfg", &haproxy(address, mock))?);
            }
            Kind::Direct | Kind::Seawall => {
                let file = self.write("seawall.toml", &seawall(address, mock)?)?;
                command
                    .args(["serve", "--log-level", "error", "-c"])
                    .arg(file);
            }
        }
        let clock = SystemClock::new();
        let mut server = Held::start(kind.name(), command.stdout(Stdio::null()))?;
        wait_for(address, &mut server)?;
        let first_answer = Some(clock.now().since(clock::Tick::default()));
        Ok(Some(Peer {
            kind,
            address,
            server: Some(server),
            first_answer,
        }))
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let file = self.folder.join(name);
        fs::write(&file, text).with_context(|| file.display().to_string())?;
        Ok(file)
    }

    fn nginx(&self, address: SocketAddr, mock: SocketAddr, buffering: bool) -> Result<String> {
        let user = shell::output(Command::new("id").arg("-un"))?;
        // Only root may say who the workers are; for others nginx would warn.
        let user = if user.trim() == "root" {
            "user root;"
        } else {
            ""
        };
        let folder = Folder(&self.folder);
        let descriptors = measure::descriptors_max();
        let buffering = if buffering { "on" } else { "off" };
        Ok(format!(
            "{user} daemon off; worker_processes {WORKERS}; pid {folder}/nginx.pid;
error_log stderr error; worker_rlimit_nofile {descriptors};
events {{ worker_connections {descriptors}; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream mock {{ server {mock}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen {address} backlog=16384;
    location / {{
      proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection \"\";
      proxy_buffering {buffering}; proxy_read_timeout 600s;
    }}
  }}
}}
"
        ))
    }
}

/// A folder inside a configuration; ours has no blanks in its name unless the clone's path has.
struct Folder<'p>(&'p Path);

impl std::fmt::Display for Folder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.display())
    }
}

fn haproxy(address: SocketAddr, mock: SocketAddr) -> String {
    // Each connection has two descriptors; some are needed beside them.
    let connections = measure::descriptors_max().saturating_sub(200) / 2;
    format!(
        "global
  nbthread {WORKERS}
  maxconn {connections}
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  http-reuse always
frontend front
  bind {address} backlog 16384
  default_backend back
backend back
  server mock {mock}
"
    )
}

fn seawall(address: SocketAddr, mock: SocketAddr) -> Result<String> {
    let (status, console) = (shell::free_address()?, shell::free_address()?);
    Ok(format!(
        "[listen]
gateway = \"{address}\"
status = \"{status}\"
console = \"{console}\"

[providers.mock]
kind = \"compatible\"
base_url = \"http://{mock}/v1\"

[models.\"bench-*\"]
ladder = [\"mock/*\"]

[limits]
connections_max = 30000
in_flight_max = 30000

[reserve]
enabled = false

[log]
to = \"nowhere\"

[runtime]
cores = {WORKERS}
"
    ))
}

/// Asks until there is an answer.
fn wait_for(address: SocketAddr, server: &mut Held) -> Result<()> {
    let wait = Duration::from_secs(2);
    let body = r#"{"model":"bench-plain","messages":[{"role":"user","content":"Hello"}]}"#;
    let clock = SystemClock::new();
    let until = clock.now() + Duration::from_millis(FIRST_ANSWER_MS_MAX);
    while clock.now() < until {
        server.ensure_alive()?;
        match http::post(address, "/v1/chat/completions", body, wait) {
            Ok(200) => return Ok(()),
            _ => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    bail!("no answer from {address} within {FIRST_ANSWER_MS_MAX} ms")
}
