//! Between rows and records: whole numbers, moments, hashes, words, and whose fault it is when a
//! row cannot be read.

use clock::UnixMs;
use rusqlite::Row;
use rusqlite::types::Type;

use crate::StoreError;
use crate::forms::Wrong;

/// SQLite's integers have a sign; what is larger is kept as the largest.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn ms(at: UnixMs) -> i64 {
    int(at.as_millis())
}

pub(super) fn maybe_ms(at: Option<UnixMs>) -> Option<i64> {
    at.map(ms)
}

pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|number| u64::try_from(number).unwrap_or_default())
}

pub(super) fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<UnixMs> {
    number(row, column).map(UnixMs::new)
}

pub(super) fn maybe_moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<UnixMs>> {
    let number: Option<i64> = row.get(column)?;
    Ok(number.map(|number| UnixMs::new(u64::try_from(number).unwrap_or_default())))
}

/// A text column, read by `read`.
pub(super) fn text<T>(
    row: &Row<'_>,
    column: usize,
    read: impl FnOnce(&str) -> Result<T, Wrong>,
) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    read(text).map_err(|wrong| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, String::from(wrong).into())
    })
}

/// A text column with a word out of a closed set.
pub(super) fn word<T>(
    row: &Row<'_>,
    column: usize,
    of: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    text(row, column, |word| of(word).ok_or_else(|| format!("`{word}` is no known word").into()))
}

/// An error of the database while it was `doing` something.
pub(super) fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| StoreError::Database { doing, source: Box::new(error) }
}

/// An error while a row of `table` was read.
pub(super) fn unread(table: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..) => {
            StoreError::Unreadable { table, why: error.to_string().into() }
        }
        _ => failed("read")(error),
    }
}
