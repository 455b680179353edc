//! `seawall drill`: finds the scenario and the settings, lets the drill run, and tells what came
//! out.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use clock::SystemClock;
use drills::{Policy, Report, Scenario, Wish};

use crate::cli;
use crate::commands::{Failure, config_file, say};

/// The seed where none is named: the day of the first scenario.
const SEED: u64 = 20_240_604;
/// Bytes of a scenario file that are read.
const FILE_BYTES_MAX: u64 = 1 << 20;
const BAR: usize = 40;

/// Drills; true if everything that was expected of the product has come out.
pub(crate) fn drill(args: &cli::Drill) -> Result<bool, Failure> {
    if args.list {
        list()?;
        return Ok(true);
    }
    let name = args.scenario.as_deref().ok_or_else(|| {
        Failure::Usage(vec!["name a scenario or a file; `seawall drill --list` shows them".into()])
    })?;
    let mut scenario = scenario(name)?;
    if args.short {
        scenario = scenario.shortened();
    }
    let setup = match config_file(args.config.as_ref()) {
        Some(path) => drills::of_user(&path, &scenario),
        None => drills::builtin(&scenario),
    };
    let setup = setup
        .map_err(|error| Failure::Usage(error.to_string().lines().map(str::to_owned).collect()))?;
    let policies: &[Policy] = match args.policy {
        cli::DrillPolicy::All => &Policy::ALL,
        cli::DrillPolicy::Single => &[Policy::Single],
        cli::DrillPolicy::Naive => &[Policy::Naive],
        cli::DrillPolicy::Seawall => &[Policy::Seawall],
    };
    let wish = Wish {
        scenario: &scenario,
        setup: &setup,
        policies,
        seed: args.seed.unwrap_or(SEED),
        herd: args.policy == cli::DrillPolicy::All && !args.short,
    };
    let mut bar = Bar::new(args.json);
    let report = drills::drill(&wish, &SystemClock::new(), &mut |share| bar.show(share));
    bar.wipe();
    let report = report.map_err(|text| Failure::Run(anyhow::anyhow!(text)))?;
    tell(&report, args)?;
    Ok(report.held())
}

fn tell(report: &Report, args: &cli::Drill) -> Result<(), Failure> {
    if let Some(path) = &args.html {
        std::fs::write(path, drills::page(report))
            .map_err(|error| anyhow::anyhow!("cannot write {}: {error}", path.display()))?;
    }
    if args.json {
        say(report.json()?)?;
    } else {
        say(drills::terminal(report))?;
    }
    if !report.held() {
        let mut out = io::stderr().lock();
        // The exit code says it too.
        let _told = writeln!(
            out,
            "seawall: an expectation was not held; again with: seawall drill {} --seed {} (version {})",
            report.scenario,
            report.seed,
            report.version
        )
        .is_ok();
    }
    Ok(())
}

fn scenario(name: &str) -> Result<Scenario, Failure> {
    let read = match drills::find(name) {
        Some(shipped) => shipped.read(),
        None => {
            let path = Path::new(name);
            let text = file(path).map_err(|line| Failure::Usage(vec![line]))?;
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("scenario");
            drills::read(stem, &text, path)
        }
    };
    read.map_err(|mistake| Failure::Usage(vec![mistake.to_string()]))
}

/// The text of a scenario file, or why there is none.
fn file(path: &Path) -> Result<String, String> {
    let name = path.display();
    let bytes = match std::fs::metadata(path) {
        Ok(meta) => meta.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let shipped = drills::shipped();
            let names = shipped.iter().map(|shipped| shipped.name.as_str());
            let hint = config::did_you_mean(&name.to_string(), names);
            return Err(format!(
                "there is no scenario and no file `{name}`{hint}; `seawall drill --list` shows the \
                 scenarios"
            ));
        }
        Err(error) => return Err(format!("cannot read {name}: {error}")),
    };
    if bytes > FILE_BYTES_MAX {
        return Err(format!("{name} is no scenario: it has more than {FILE_BYTES_MAX} bytes"));
    }
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {name}: {error}"))
}

fn list() -> Result<(), Failure> {
    for shipped in drills::shipped() {
        let scenario = shipped.read()?;
        say(format_args!("{:<38} {}", shipped.name, scenario.title))?;
    }
    Ok(())
}

/// How far the drill is, on a terminal's error output.
struct Bar {
    shown: bool,
    wanted: bool,
}

impl Bar {
    fn new(json: bool) -> Self {
        Self { shown: false, wanted: !json && io::stderr().is_terminal() }
    }

    fn show(&mut self, share: f64) {
        if !self.wanted {
            return;
        }
        let done = (share * BAR as f64) as usize;
        let bar = format!("{}{}", "█".repeat(done), "░".repeat(BAR.saturating_sub(done)));
        let mut out = io::stderr().lock();
        self.shown = write!(out, "\r  drilling {bar} {:>3.0} %", share * 100.0).is_ok();
        _ = out.flush().is_ok();
    }

    fn wipe(&self) {
        if self.shown {
            let mut out = io::stderr().lock();
            _ = write!(out, "\r{:width$}\r", "", width = BAR + 20).is_ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_none_is_helped() {
        let told = file(Path::new("metastabel")).unwrap_err();
        assert!(told.contains("did you mean `metastable`?"), "{told}");
        let told = file(Path::new("/")).unwrap_err();
        assert!(told.starts_with("cannot read /: "), "{told}");
    }
}
