//! From each dialect into every other: made-up exchanges as golden files, recorded ones there and
//! back. What each dialect says by itself is proved beside it.

mod crossed;
mod goldens;
mod media;
mod proofs;
mod recordings;
mod refusals;
mod settings;
