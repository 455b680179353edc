//! Other programs: run to their end, or held while something is done with them. A held program
//! ends with its holder.

use std::ffi::OsStr;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// How long a held program has for an orderly end.
const STOP_MS_MAX: u64 = 5_000;

/// Runs a program whose output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", named(command)))?;
    ensure!(status.success(), "{} ended with {status}", named(command));
    Ok(())
}

/// Runs a program and gives what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    command.stdin(Stdio::null());
    let told = command.output().with_context(|| format!("cannot start {}", named(command)))?;
    if !told.status.success() {
        let errors = String::from_utf8_lossy(&told.stderr);
        bail!("{} ended with {}: {}", named(command), told.status, errors.trim_end());
    }
    Ok(String::from_utf8_lossy(&told.stdout).into_owned())
}

/// True if the program ran and liked what it saw; its output is thrown away.
pub(crate) fn agrees(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The program and its arguments, as one would type them.
pub(crate) fn named(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

/// A program that runs beside us and is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    child: Child,
    name: String,
}

impl Held {
    /// Starts it.
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", named(command)))?;
        Ok(Self { child, name: name.to_owned() })
    }

    /// What it is called in errors.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it writes, if its standard output was piped; can be taken once.
    pub(crate) fn stdout(&mut self) -> Result<impl Read + use<>> {
        self.child.stdout.take().context("its standard output is not piped")
    }

    /// An error if it has ended.
    pub(crate) fn ensure_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended early with {status}", self.name),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        terminate(self.child.id());
        for _ in 0..STOP_MS_MAX / 20 {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        // It had its time; both calls can only fail if it is gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks a process to end.
pub(crate) fn terminate(pid: u32) {
    agrees(Command::new("kill").args(["-TERM", &pid.to_string()]));
}

/// The command with as many descriptors as the machine allows.
pub(crate) fn with_descriptors(program: &OsStr) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n \"$(ulimit -Hn)\"; exec \"$@\"", "sh"]).arg(program);
    shell
}

/// A loopback address that was free a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
