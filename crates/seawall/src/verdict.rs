//! `seawall verdict`: looks into the store for what verdicts were drawn from.

use clock::{Clock as _, SystemClock, UnixMs};
use config::Overrides;
use detection::IncidentId;
use storage::{Embedded, Place};

use crate::cli;
use crate::commands::{Failure, config_file, load, say};

/// Draws an incident's verdicts again; true if all came out as they were recorded. The store may be in
/// use by a running house meanwhile.
pub(crate) fn replay(args: &cli::Replay) -> Result<bool, Failure> {
    let file = config_file(args.config.as_ref());
    let settings = load(file.as_ref(), &Overrides::default()).map_err(Failure::Usage)?;
    let Place::File(path) = &settings.watch.storage.place else {
        let line = "evidence is kept in the memory of the running process only; name a file in \
                    `storage.path`";
        return Err(Failure::Usage(vec![line.to_owned()]));
    };
    let store = Embedded::look_into(path, &settings.watch.storage)?;
    let now = UnixMs::from_seconds(SystemClock::new().unix_seconds());
    let id = IncidentId::new(args.incident.as_str());
    let replayed = app::replay(&settings, &store, &id, now)?;
    for line in &replayed.lines {
        say(line)?;
    }
    let (drawn, differ) = (replayed.drawn, replayed.differ);
    say(match differ {
        0 => format!("all {drawn} verdicts come out as they were recorded"),
        _ => format!("{differ} of {drawn} verdicts come out otherwise than they were recorded"),
    })?;
    Ok(differ == 0)
}
