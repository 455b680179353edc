//! The configurations of the measured: each as plain and as fast as its makers advise, two workers,
//! connections to the mock kept, nothing logged.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::measure;
use super::mock::{BURST, OPEN, PACED, PLAIN};
use crate::shell;

/// Proxies get two workers, as Seawall gets two cores.
pub(super) const WORKERS: usize = 2;

/// How the measured speak to the mock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Link {
    Clear,
    /// TLS with HTTP/1.1.
    Tls,
    /// TLS with HTTP/2.
    TlsH2,
}

impl Link {
    /// What is written behind a scenario's name.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Clear => "",
            Self::Tls => ", TLS HTTP/1.1 to the provider",
            Self::TlsH2 => ", TLS HTTP/2 to the provider",
        }
    }
}

/// The mock, as the measured see it.
#[derive(Debug, Clone)]
pub(super) struct Provider {
    pub(super) address: SocketAddr,
    pub(super) link: Link,
    /// The root certificate, PEM; not looked at where there is no TLS.
    pub(super) ca_file: PathBuf,
}

/// Everything that a configuration says.
#[derive(Debug)]
pub(super) struct Setting<'s> {
    pub(super) provider: &'s Provider,
    /// Where to listen.
    pub(super) address: SocketAddr,
    /// Where the status page is.
    pub(super) status: SocketAddr,
    /// For files that the measured want to write.
    pub(super) folder: &'s std::path::Path,
    /// Whether nginx may hold back what it reads.
    pub(super) buffering: bool,
}

pub(super) fn nginx(setting: &Setting<'_>) -> Result<String> {
    let Setting { provider, address, folder, buffering, .. } = setting;
    let user = shell::output(Command::new("id").arg("-un"))?;
    // Only root may say who the workers are; for others nginx would warn.
    let user = if user.trim() == "root" { "user root;" } else { "" };
    let scheme = if provider.link == Link::Clear { "http" } else { "https" };
    let folder = folder.display();
    let descriptors = measure::descriptors_max();
    let buffering = if *buffering { "on" } else { "off" };
    let mock = provider.address;
    Ok(format!(
        "{user} daemon off; worker_processes {WORKERS}; pid \"{folder}/nginx.pid\";
error_log stderr error; worker_rlimit_nofile {descriptors};
events {{ worker_connections {descriptors}; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path \"{folder}/body\"; proxy_temp_path \"{folder}/proxy\";
  fastcgi_temp_path \"{folder}/f\"; uwsgi_temp_path \"{folder}/u\"; scgi_temp_path \"{folder}/s\";
  upstream mock {{ server {mock}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen {address} backlog=16384;
    location / {{
      proxy_pass {scheme}://mock; proxy_http_version 1.1; proxy_set_header Connection \"\";
      proxy_buffering {buffering}; proxy_read_timeout 600s;
    }}
  }}
}}
"
    ))
}

pub(super) fn haproxy(setting: &Setting<'_>) -> String {
    let Setting { provider, address, .. } = setting;
    // Each connection has two descriptors; some are needed beside them.
    let connections = measure::descriptors_max().saturating_sub(200) / 2;
    let ca = provider.ca_file.display();
    let tls = match provider.link {
        Link::Clear => String::new(),
        Link::Tls => format!(" ssl verify required ca-file {ca}"),
        Link::TlsH2 => format!(" ssl verify required ca-file {ca} alpn h2"),
    };
    let mock = provider.address;
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
  option http-no-delay
frontend front
  bind {address} backlog 16384
  default_backend back
backend back
  server mock {mock}{tls}
"
    )
}

pub(super) fn seawall(setting: &Setting<'_>) -> Result<String> {
    let Setting { provider, address, status, .. } = setting;
    let console = shell::free_address()?;
    let Provider { address: mock, link, ca_file } = provider;
    let (scheme, tls) = match link {
        Link::Clear => ("http", String::new()),
        Link::Tls | Link::TlsH2 => {
            let h2 = *link == Link::TlsH2;
            ("https", format!("ca_file = \"{}\"\nhttp2 = {h2}\n", ca_file.display()))
        }
    };
    let mut models = String::new();
    for name in [PLAIN, BURST, PACED, OPEN] {
        models.push_str(&format!("[models.{name}]\nladder = [\"mock/{name}\"]\n"));
    }
    Ok(format!(
        "[listen]
gateway = \"{address}\"
status = \"{status}\"
console = \"{console}\"

[providers.mock]
kind = \"compatible\"
base_url = \"{scheme}://{mock}/v1\"
{tls}
{models}
[limits]
connections_max = 30000
in_flight_max = 30000

# Pacing is on and counts each call; its limit is held up, since it is the proxy that is measured and
# the mock's slowest streams, one word a second, would rightly be taken for a provider in distress.
[pace]
calls_min = 30000
calls_start = 30000
calls_max = 30000

[reserve]
enabled = false

[log]
to = \"nowhere\"

[runtime]
cores = {WORKERS}
"
    ))
}
