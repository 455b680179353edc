//! Hands mails to a relay. A small client of our own: it speaks the eight commands that a submission
//! needs (RFC 5321, 3207, 4954, 6409) over the connector that everything else uses, so that drills
//! and tests run it in memory and on a paused clock. It is no server, and keeps no connection.

mod conversation;
mod message;

pub(super) use conversation::submit;
pub use conversation::{SmtpError, SmtpSecurity, SmtpSettings};
pub(super) use message::{Mail, message};
