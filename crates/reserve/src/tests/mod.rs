//! The whole room, on a tiny model that is written here, and on the real one where it is there.

mod hostile;
mod real;
mod tiny;
mod whole;
