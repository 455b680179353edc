//! `cargo xtask up`: builds Seawall, fetches its reserve model, starts it and says where it is. It
//! asks nothing and needs no key. Stopping it is Ctrl-C.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};

use crate::house::{self, House};
use crate::say::{self, Voice};
use crate::{http, shell};

/// The reserve model takes seconds to load; a busy machine takes longer.
const READY_MS_MAX: u64 = 180_000;
const POLL_MS: u64 = 100;
const ANSWER_MS_MAX: u64 = 60_000;
const MODEL: &str = "reserve/smollm2-135m";

#[derive(Debug, Args)]
pub(crate) struct Wish {
    /// Handed to `seawall serve` as they are, such as `-c seawall.toml`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    serve: Vec<String>,
}

/// Runs until Seawall ends; true if it ended well.
pub(crate) fn run(house: &House, wish: &Wish) -> Result<bool> {
    let voice = Voice::new();
    let doors = Doors::of(&wish.serve)?;
    doors.ensure_free()?;
    voice.step("building seawall (the first time takes some minutes)");
    build(house)?;
    fetch_model(house, &voice)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(house, wish, &doors, &voice))
}

/// Builds the product.
pub(crate) fn build(house: &House) -> Result<()> {
    let mut cargo = house::cargo();
    cargo.args(["build", "--release", "--package", "seawall", "--locked"]).current_dir(&house.root);
    shell::run(&mut cargo)
}

/// Fetches the reserve model unless it is there and sound.
pub(crate) fn fetch_model(house: &House, voice: &Voice) -> Result<()> {
    let seawall = house.seawall();
    if shell::agrees(Command::new(&seawall).args(["model", "verify"])) {
        voice.step("the reserve model is there and sound");
        return Ok(());
    }
    voice.step("fetching the reserve model (93 MB, once)");
    shell::run(Command::new(&seawall).args(["model", "fetch"]))
}

/// The three addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Doors {
    gateway: SocketAddr,
    status: SocketAddr,
    console: SocketAddr,
}

/// Flag and key, variable, default.
const DOORS: [(&str, &str, &str); 3] = [
    ("gateway", "SEAWALL_GATEWAY", "127.0.0.1:8080"),
    ("status", "SEAWALL_STATUS", "127.0.0.1:8081"),
    ("console", "SEAWALL_CONSOLE", "127.0.0.1:8082"),
];

impl Doors {
    /// As `serve` will choose them: its flags, then the environment, then the file.
    fn of(arguments: &[String]) -> Result<Self> {
        let file = flag(arguments, &["-c", "--config"]);
        let file = file.or_else(|| house::variable("SEAWALL_CONFIG"));
        let text = match &file {
            Some(file) => std::fs::read_to_string(file).with_context(|| file.clone())?,
            // Without one, `serve` takes this file if it is there.
            None => std::fs::read_to_string(Path::new("seawall.toml")).unwrap_or_default(),
        };
        Self::choose(arguments, &text, house::variable)
    }

    fn choose(
        arguments: &[String],
        file: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        // A file with mistakes is for `serve` to tell about.
        let table: toml::Table = file.parse().unwrap_or_default();
        let [gateway, status, console] = DOORS.map(|(name, var, default)| {
            let listed = table.get("listen").and_then(|listen| listen.get(name)?.as_str());
            let told = flag(arguments, &[&format!("--{name}")]).or_else(|| variable(var));
            let told = told.unwrap_or_else(|| listed.unwrap_or(default).to_owned());
            told.parse().with_context(|| format!("the {name} address `{told}` is no ADDRESS:PORT"))
        });
        Ok(Self { gateway: gateway?, status: status?, console: console? })
    }

    fn each(&self) -> [(&'static str, SocketAddr); 3] {
        [("gateway", self.gateway), ("status", self.status), ("console", self.console)]
    }

    fn ensure_free(&self) -> Result<()> {
        for ((name, address), (_, variable, _)) in self.each().into_iter().zip(DOORS) {
            if let Err(error) = TcpListener::bind(address) {
                bail!(
                    "the {name} address {address} cannot be used ({error}); another Seawall may \
                     be running. Choose another, as in: {variable}=127.0.0.1:{} cargo xtask up",
                    address.port().saturating_add(100)
                );
            }
        }
        Ok(())
    }
}

/// The value after a flag, or behind its equals sign.
fn flag(arguments: &[String], names: &[&str]) -> Option<String> {
    arguments.iter().enumerate().find_map(|(index, argument)| {
        names.iter().find_map(|name| match argument.strip_prefix(name)? {
            "" => arguments.get(index + 1).cloned(),
            rest => rest.strip_prefix('=').map(str::to_owned),
        })
    })
}

async fn serve(house: &House, wish: &Wish, doors: &Doors, voice: &Voice) -> Result<bool> {
    voice.step("starting seawall serve");
    let mut command = tokio::process::Command::new(house.seawall());
    let mut child = command.arg("serve").args(&wish.serve).spawn()?;
    let pid = child.id().context("seawall ended at once")?;
    let mut asked_to_end = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut announced = false;
    loop {
        tokio::select! {
            biased;
            status = child.wait() => {
                let well = status?.success();
                ensure!(announced || !well, "seawall ended before it was ready");
                return Ok(well);
            }
            // The terminal has told the child too; from elsewhere it would not know.
            _ = interrupted.recv() => return Ok(stop(&mut child, pid).await?),
            _ = asked_to_end.recv() => return Ok(stop(&mut child, pid).await?),
            ready = ready(*doors), if !announced => {
                announced = true;
                announce(doors, ready?, voice);
            }
        }
    }
}

async fn stop(child: &mut Child, pid: u32) -> std::io::Result<bool> {
    shell::terminate(pid);
    Ok(child.wait().await?.success())
}

/// What a first question showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ready {
    /// The reserve model answered it.
    Answering,
    /// Callers need a key.
    WantsKey,
    /// The gateway is up, but this configuration has no reserve model.
    WithoutReserve,
}

/// Waits until the gateway can answer and the reserve model has answered.
async fn ready(doors: Doors) -> Result<Ready> {
    for _ in 0..READY_MS_MAX / POLL_MS {
        tokio::time::sleep(Duration::from_millis(POLL_MS)).await;
        let asked = tokio::task::spawn_blocking(move || ask(doors.gateway));
        if let Some(ready) = asked.await? {
            return Ok(ready);
        }
    }
    bail!("seawall did not get ready within {} s", READY_MS_MAX / 1_000)
}

/// None: not yet.
fn ask(gateway: SocketAddr) -> Option<Ready> {
    let wait = Duration::from_millis(ANSWER_MS_MAX);
    if http::get(gateway, "/readyz", wait).ok()? != 200 {
        return None;
    }
    let body = format!(
        r#"{{"model":"{MODEL}","max_tokens":1,"messages":[{{"role":"user","content":"Hello"}}]}}"#
    );
    match http::post(gateway, "/v1/chat/completions", &body, wait).ok()? {
        200 => Some(Ready::Answering),
        401 => Some(Ready::WantsKey),
        400 | 404 => Some(Ready::WithoutReserve),
        _ => None,
    }
}

fn announce(doors: &Doors, ready: Ready, voice: &Voice) {
    let Doors { gateway, status, console } = doors;
    voice.step("ready");
    say::line(&format!("\n  gateway  http://{gateway}/v1   (give this to your products)"));
    say::line(&format!("  status   http://{status}/"));
    say::line(&format!("  console  http://{console}/\n"));
    match ready {
        Ready::Answering => say::line(&format!(
            "  Try it:\n\n  curl http://{gateway}/v1/chat/completions -H 'content-type: \
             application/json' -d '{{\"model\":\"{MODEL}\",\"messages\":[{{\"role\":\"user\",\
             \"content\":\"What is the capital of France?\"}}]}}'\n"
        )),
        Ready::WantsKey => say::line("  Callers need one of the keys of [auth].\n"),
        Ready::WithoutReserve => say::line("  This configuration has no reserve model.\n"),
    }
    say::line("  Ctrl-C ends it.\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(arguments: &[&str], file: &str, variable: Option<&str>) -> Result<Doors> {
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        let told = |name: &str| variable.filter(|_| name == "SEAWALL_GATEWAY").map(str::to_owned);
        Doors::choose(&arguments, file, told)
    }

    #[test]
    fn flags_beat_variables_and_these_the_file() {
        let file = "[listen]\ngateway = \"127.0.0.1:1\"\nstatus = \"127.0.0.1:2\"\n";
        let port = |arguments, variable| {
            choose(arguments, file, variable).map(|doors| doors.gateway.port()).unwrap()
        };
        assert_eq!(port(&["--gateway", "127.0.0.1:4"], Some("127.0.0.1:3")), 4);
        assert_eq!(port(&["--gateway=127.0.0.1:4"], Some("127.0.0.1:3")), 4);
        assert_eq!(port(&[], Some("127.0.0.1:3")), 3);
        assert_eq!(port(&["--gatewayish=9"], None), 1);
        let doors = choose(&[], file, None).unwrap();
        assert_eq!((doors.status.port(), doors.console.port()), (2, 8082));
        assert!(choose(&["--gateway", "here"], file, None).is_err());
    }

    #[test]
    fn a_taken_address_is_told() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = taken.local_addr().unwrap();
        let doors = Doors { gateway: address, ..choose(&[], "", None).unwrap() };
        let says = doors.ensure_free().unwrap_err().to_string();
        assert!(says.contains("SEAWALL_GATEWAY=127.0.0.1:"), "{says}");
    }
}
