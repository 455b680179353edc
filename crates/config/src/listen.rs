//! Reads `[listen]`, and decides which addresses may be listened on.

use std::net::{Ipv4Addr, SocketAddr};

use net::{ServerLimits, TlsFiles};

use crate::keys;
use crate::mistake::{Findings, Place};
use crate::provider::pem_file;
use crate::raw::Table;
use crate::secrets::Sources;
use crate::settings::{Listen, Overrides};

/// The three doors with their default ports.
const DOORS: [(&str, u16); 3] = [("gateway", 8080), ("status", 8081), ("console", 8082)];

/// An address and where it was said.
struct Door {
    name: &'static str,
    addr: SocketAddr,
    place: Place,
}

/// Reads the doors of a file. `open` says that anybody may call.
pub(crate) fn read(
    top: &Table<'_>,
    (overrides, limits): (&Overrides, ServerLimits),
    open: bool,
    sources: Sources<'_>,
    findings: &mut Findings<'_>,
) -> Listen {
    let table = top.table("listen", &keys::LISTEN, findings);
    let doors = DOORS.map(|(name, port)| {
        let default = Door { name, addr: loopback(port), place: table.place(name) };
        let said = read_address(&table, name, findings);
        let door = Door { addr: said.unwrap_or(default.addr), ..default };
        overridden(door, overrides)
    });
    let tls = tls(&table, sources, findings);
    checked(&doors, tls, limits, open, findings)
}

/// The doors where there is no file.
pub(crate) fn without_file(overrides: &Overrides, findings: &mut Findings<'_>) -> Listen {
    let doors = DOORS.map(|(name, port)| {
        overridden(Door { name, addr: loopback(port), place: Place::Whole }, overrides)
    });
    checked(&doors, None, ServerLimits::default(), true, findings)
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn overridden(door: Door, overrides: &Overrides) -> Door {
    let addr = match door.name {
        "gateway" => overrides.gateway,
        "status" => overrides.status,
        _ => overrides.console,
    };
    match addr {
        Some(addr) => Door { addr, place: Place::CommandLine, ..door },
        None => door,
    }
}

fn read_address(table: &Table<'_>, name: &str, findings: &mut Findings<'_>) -> Option<SocketAddr> {
    let said = table.text(name, findings)?;
    let addr = said.value.parse().ok();
    if addr.is_none() {
        let message = format!(
            "`{name}` must be an IP address and a port, such as `127.0.0.1:8080` or `[::1]:8080`; \
             names are not looked up"
        );
        findings.at(said.span, message);
    }
    addr
}

fn tls(table: &Table<'_>, sources: Sources<'_>, findings: &mut Findings<'_>) -> Option<TlsFiles> {
    let table = table.table("tls", &keys::TLS, findings);
    table.require("certificate", findings);
    table.require("key", findings);
    let certificate = pem_file(&table, "certificate", "CERTIFICATE-----", sources, findings);
    let key = pem_file(&table, "key", "PRIVATE KEY-----", sources, findings);
    Some(TlsFiles { certificate: certificate?, key: key? })
}

fn checked(
    doors: &[Door; 3],
    tls: Option<TlsFiles>,
    limits: ServerLimits,
    open: bool,
    findings: &mut Findings<'_>,
) -> Listen {
    let [gateway, status, console] = doors;
    if open && !is_loopback(gateway.addr) {
        let message = format!(
            "gateway {}: anybody who reaches it could use your providers; run `seawall key create \
             NAME` and put its line under [auth], or bind to 127.0.0.1",
            gateway.addr
        );
        // A text that cannot be read whole may hold keys that were not seen.
        findings.lacks(gateway.place.clone(), message);
    }
    if !is_loopback(console.addr) {
        let message = format!(
            "console {}: this version has no login for the console yet; bind it to 127.0.0.1",
            console.addr
        );
        findings.wrong(console.place.clone(), message);
    }
    for (one, other) in [(gateway, status), (gateway, console), (status, console)] {
        if collide(one.addr, other.addr) {
            let message = format!(
                "{} {} and {} {} cannot both be listened on",
                one.name, one.addr, other.name, other.addr
            );
            findings.wrong(other.place.clone(), message);
        }
    }
    Listen { gateway: gateway.addr, status: status.addr, console: console.addr, tls, limits }
}

/// True if only this machine can reach it.
pub(crate) fn is_loopback(addr: SocketAddr) -> bool {
    addr.ip().to_canonical().is_loopback()
}

/// Port 0 takes any free port and so never collides; an unspecified address takes them all.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let same_ip = one.ip().to_canonical() == other.ip().to_canonical();
    one.port() != 0
        && one.port() == other.port()
        && (same_ip || one.ip().is_unspecified() || other.ip().is_unspecified())
}
