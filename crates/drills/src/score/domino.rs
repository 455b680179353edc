//! Which providers fell that nothing had happened to.

use crate::provider::{CELL_S, Cell};

/// Cells in a row that make a domino: a minute.
const CELLS_MIN: usize = (60 / CELL_S) as usize;
/// Fewer requests in ten seconds say nothing.
const OFFERED_MIN: u32 = 5;

/// True if useful answers stay below half of what was asked for a minute or more.
pub(crate) fn has_fallen(cells: &[Cell]) -> bool {
    let mut run = 0;
    cells.iter().any(|cell| {
        let failing = cell.offered() >= OFFERED_MIN && cell.useful() * 2 < cell.offered();
        run = if failing { run + 1 } else { 0 };
        run >= CELLS_MIN
    })
}

/// The least share of useful answers in any minute.
pub(super) fn goodput_min(cells: &[Cell]) -> f64 {
    let minutes = cells.windows(CELLS_MIN).filter_map(|cells| {
        let offered: u32 = cells.iter().map(Cell::offered).sum();
        let useful: u32 = cells.iter().map(Cell::useful).sum();
        (offered >= OFFERED_MIN).then(|| f64::from(useful) / f64::from(offered))
    });
    minutes.fold(1.0, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(offered: u32, useful: u32) -> Cell {
        Cell { world_offered: offered, world_useful: useful, ..Cell::default() }
    }

    #[test]
    fn a_domino_takes_a_whole_minute() {
        let mut cells = vec![cell(100, 100); 10];
        cells.extend(vec![cell(100, 49); 5]);
        assert!(!has_fallen(&cells));
        assert!(goodput_min(&cells) > 0.5);
        cells.push(cell(100, 49));
        assert!(has_fallen(&cells));
        assert!(goodput_min(&cells) < 0.5);
    }

    #[test]
    fn a_quiet_night_is_none() {
        assert!(!has_fallen(&[cell(1, 0); 100]));
        assert!((goodput_min(&[]) - 1.0).abs() < f64::EPSILON);
    }
}
