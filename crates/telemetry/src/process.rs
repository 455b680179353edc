//! What the operating system knows of this process, read from `/proc/self`. Where there is no such
//! place the figures are missing, not zero.

use std::fs;

use crate::histogram::to_f64;

/// Clock ticks of `/proc/self/stat` in a second; fixed on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// The figures of one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct ProcessFigures {
    pub(crate) resident_bytes: Option<u64>,
    pub(crate) cpu_seconds: Option<f64>,
    pub(crate) open_fds: Option<u64>,
}

/// Reads them now.
pub(crate) fn read_figures() -> ProcessFigures {
    let status = fs::read_to_string("/proc/self/status").ok();
    let stat = fs::read_to_string("/proc/self/stat").ok();
    let fds = fs::read_dir("/proc/self/fd").ok();
    ProcessFigures {
        resident_bytes: status.as_deref().and_then(resident_bytes),
        cpu_seconds: stat.as_deref().and_then(cpu_seconds),
        // The directory itself is open while it is read.
        open_fds: fds.and_then(|fds| u64::try_from(fds.count().saturating_sub(1)).ok()),
    }
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The name of the program comes second, in brackets, and may hold spaces and brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(to_f64(user.checked_add(system)?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_are_read() {
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t   12 kB\n"), Some(12 * 1024));
        assert_eq!(resident_bytes("VmRSS: lots"), None);
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("7 (cut"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_figures() {
        let figures = read_figures();
        assert!(figures.resident_bytes.unwrap() > 100_000);
        assert!(figures.open_fds.unwrap() >= 3);
        assert!(figures.cpu_seconds.is_some());
    }
}
