//! What a process costs, from the kernel's own accounting: processor time to the nanosecond over
//! all its threads and children, and resident memory.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// Processor nanoseconds of a process and its descendants so far. Threads that have ended are
/// not in it; servers keep theirs.
pub(super) fn cpu_nanos(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for member in family(pid)? {
        for thread in threads(member)? {
            // A thread may end between the two looks.
            let Ok(text) = fs::read_to_string(thread.join("schedstat")) else {
                continue;
            };
            sum += first_number(&text).context("schedstat has no number")?;
        }
    }
    Ok(sum)
}

/// Resident bytes of a process and its descendants. Pages that they share count for each.
pub(super) fn resident_bytes(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for member in family(pid)? {
        let status = fs::read_to_string(format!("/proc/{member}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        sum += line.and_then(first_number).context("no resident size")? * 1_024;
    }
    Ok(sum)
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

fn threads(pid: u32) -> Result<Vec<PathBuf>> {
    let folder = format!("/proc/{pid}/task");
    let entries = fs::read_dir(&folder).with_context(|| folder.clone())?;
    Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
}

/// The process and all its descendants.
fn family(pid: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    let mut waiting = vec![pid];
    while let Some(member) = waiting.pop() {
        found.push(member);
        for thread in threads(member)? {
            let children = fs::read_to_string(thread.join("children")).unwrap_or_default();
            waiting.extend(children.split_whitespace().filter_map(|word| word.parse::<u32>().ok()));
        }
    }
    Ok(found)
}

/// How many descriptors a process of ours may have at most.
pub(super) fn descriptors_max() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let hard = line.and_then(|line| line.split_whitespace().nth(4)?.parse().ok());
    hard.unwrap_or(usize::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_costs_something() {
        let own = std::process::id();
        let before = cpu_nanos(own).unwrap();
        let work: u64 = (0..3_000_000u64).map(std::hint::black_box).sum();
        assert!(work > 0);
        assert!(cpu_nanos(own).unwrap() > before);
        assert!(resident_bytes(own).unwrap() > 100_000);
        assert!(descriptors_max() > 64);
    }
}
