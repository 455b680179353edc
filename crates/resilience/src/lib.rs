//! Small state machines that decide whether, where, when and how fast to try. No I/O, no async, no
//! clock of their own: time comes in as an argument, and every verdict carries its why.

mod settings;

pub use settings::{
    BreakerSettings, Clocks, FailoverSettings, LadderSpec, ModelSpec, RungModel, RungSpec,
};
