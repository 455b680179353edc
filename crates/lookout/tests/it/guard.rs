//! The guard against addresses that lead inside, on a web in memory.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use lookout::web::{Guarded, Resolver};
use net::{BoxFuture, Connector, Origin};

use crate::rig::{Act, FakeWeb};

/// Gives one answer after another, as a name that is bound anew does.
#[derive(Debug)]
struct Names(Mutex<VecDeque<Vec<IpAddr>>>);

impl Names {
    fn of(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |list: &&[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parse).collect())))
    }
}

impl Resolver for Names {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let next = self.0.lock().unwrap().pop_front();
        Box::pin(async move { next.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}

fn origin(host: &str) -> Origin {
    Origin { host: host.into(), port: 443, tls: true }
}

fn web() -> FakeWeb {
    FakeWeb::default()
        .host("93.184.215.14", [Act::ok("")])
        .host("127.0.0.1", [Act::ok("")])
        .host("169.254.169.254", [Act::ok("")])
}

async fn refusal(guard: &Guarded, host: &str) -> Option<io::ErrorKind> {
    guard.connect(&origin(host)).await.err().map(|error| error.kind())
}

#[tokio::test]
async fn names_and_numbers_that_lead_inside_are_refused() {
    let names = Names::of(&[&["93.184.215.14"], &["127.0.0.1"], &["93.184.215.14", "10.0.0.1"]]);
    let guard = Guarded::new(Arc::new(web()), names, false);
    let denied = Some(io::ErrorKind::PermissionDenied);
    assert_eq!(refusal(&guard, "hooks.example").await, None);
    assert_eq!(refusal(&guard, "hooks.example").await, denied, "bound anew, and judged anew");
    assert_eq!(refusal(&guard, "hooks.example").await, denied, "one bad address spoils the name");
    assert_eq!(refusal(&guard, "169.254.169.254").await, denied);
    assert_eq!(refusal(&guard, "::ffff:127.0.0.1").await, denied);
    assert_eq!(refusal(&guard, "93.184.215.14").await, None);
}

#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_judged() {
    // The connector below knows numbers only: a name would not be found, so nothing is asked twice.
    let names = Names::of(&[&["93.184.215.14"]]);
    let guard = Guarded::new(Arc::new(web()), names.clone(), false);
    assert_eq!(refusal(&guard, "hooks.example").await, None);
    assert!(names.0.lock().unwrap().is_empty());
    let names = Names::of(&[&["8.8.8.8", "93.184.215.14"]]);
    let guard = Guarded::new(Arc::new(web()), names, false);
    assert_eq!(refusal(&guard, "hooks.example").await, None, "the second address is tried");
}

#[tokio::test]
async fn a_setting_opens_the_inside() {
    let guard = Guarded::new(Arc::new(web()), Names::of(&[]), true);
    assert_eq!(refusal(&guard, "127.0.0.1").await, None);
}
