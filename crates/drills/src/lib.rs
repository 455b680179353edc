//! Faults on purpose, to see how a gateway or a client bears them. Today this is the fault wall
//! and its scorer; scenario files, crowds and virtual time move in later.

pub mod score;
pub mod wall;
