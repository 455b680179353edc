//! Faults on purpose, to see how a gateway or a client bears them. Today this is the fault wall
//! alone; scenario files, crowds and virtual time move in later.

pub mod wall;
