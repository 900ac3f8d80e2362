//! Whether learners can come in: addresses to listen on, and the names and origins that are let in. It serves nobody.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
};

use parla::config::Settings;
use tokio::net::TcpListener;

use super::{Finding, Pending, pending};
use crate::cli::running;

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn checks(settings: &Settings) -> Vec<Pending> {
    let mut checks: Vec<Pending> = Vec::new();
    for &address in &settings.listen {
        checks.push(pending(format!("listen {address}"), listen(address)));
    }
    for &address in &settings.management_listen {
        let look = management(address, settings.listen.clone());
        checks.push(pending(format!("metrics {address}"), look));
    }
    let doors = doors(settings.is_loopback(), &settings.origins);
    checks.push(pending("doors", async { doors }));
    checks
}

async fn listen(address: SocketAddr) -> Finding {
    let Err(error) = TcpListener::bind(address).await else {
        return Finding::ok("the address is free");
    };
    let elsewhere = "another address can be chosen with --listen";
    match error.kind() {
        ErrorKind::AddrInUse => taken(running::version_at(address).await.as_deref()),
        ErrorKind::PermissionDenied => Finding::fail(
            "the port is not allowed to this user",
            format!("above 1023 all are; {elsewhere}"),
        ),
        ErrorKind::AddrNotAvailable => {
            Finding::fail("this machine does not have that address", elsewhere)
        }
        _ => Finding::fail(error.to_string(), elsewhere),
    }
}

/// Where operators look: a server that is watched by nobody teaches all the same.
async fn management(address: SocketAddr, public: Vec<SocketAddr>) -> Finding {
    if TcpListener::bind(address).await.is_ok() {
        return Finding::ok("the address is free");
    }
    for public in public {
        if running::version_at(public).await.is_some() {
            return Finding::ok("the running server has it");
        }
    }
    let fix = "choose another address by PARLA_MANAGEMENT_LISTEN, or off";
    Finding::warn("it cannot be listened on, so nobody could watch the server", fix)
}

/// By the parla of that version, or by another program.
fn taken(version: Option<&str>) -> Finding {
    match version {
        Some(VERSION) => Finding::ok(format!("parla {VERSION} serves it already")),
        Some(other) => Finding::warn(
            format!("parla {other} serves it, and this is {VERSION}"),
            "end the running server and start this one",
        ),
        None => Finding::fail(
            "another program listens there",
            "end it, or choose another address with --listen",
        ),
    }
}

/// Who is let in, held against what is likely meant.
fn doors(is_loopback: bool, origins: &[String]) -> Finding {
    let public: Vec<&str> = origins.iter().map(String::as_str).filter(|o| !is_local(o)).collect();
    let insecure = public.iter().find(|origin| !origin.starts_with("https://"));
    match (is_loopback, insecure) {
        (true, _) if !public.is_empty() => Finding::warn(
            format!("whoever comes by {} is let in without a key", public.join(", ")),
            "let the proxy ask for a password, or listen on an address of the network: then parla asks for its key",
        ),
        (true, _) => Finding::ok("only this machine can come in, and needs no key"),
        (false, Some(origin)) => Finding::warn(
            format!("browsers give pages of {origin} no microphone, and the key goes unprotected"),
            "put TLS in front of it and name the origin with https://",
        ),
        (false, None) if public.is_empty() => Finding::warn(
            "addresses and local names are answered; pages under a public name are refused",
            "for a public name set PARLA_ORIGINS=https://NAME and put TLS in front of it",
        ),
        (false, None) => {
            Finding::ok(format!("a key is asked for; {} may come in", public.join(", ")))
        }
    }
}

fn is_local(origin: &str) -> bool {
    let (_, authority) = origin.split_once("://").unwrap_or(("", origin));
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    let name = name.trim_matches(['[', ']']);
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_taken_address_is_well_when_this_parla_has_it() {
        use crate::cli::doctor::finding::State;
        assert_eq!(taken(Some(VERSION)).state, State::Ok);
        assert_eq!(taken(Some("0.0.1")).state, State::Warn);
        assert_eq!(taken(None).state, State::Fail);
    }

    #[test]
    fn doors_that_let_in_more_or_fewer_than_meant_are_pointed_out() {
        let told = |is_loopback, origins: &[&str]| {
            let origins: Vec<String> = origins.iter().map(|&origin| origin.to_owned()).collect();
            let Finding { state, cause, .. } = doors(is_loopback, &origins);
            format!("{state:?}: {cause}\n")
        };
        let all = [
            told(true, &[]),
            told(true, &["http://localhost:5173", "http://[::1]:80"]),
            told(true, &["https://tutor.example"]),
            told(false, &[]),
            told(false, &["http://tutor.example"]),
            told(false, &["https://tutor.example:8443"]),
        ];
        expect![[r#"
            Ok: only this machine can come in, and needs no key
            Ok: only this machine can come in, and needs no key
            Warn: whoever comes by https://tutor.example is let in without a key
            Warn: addresses and local names are answered; pages under a public name are refused
            Warn: browsers give pages of http://tutor.example no microphone, and the key goes unprotected
            Ok: a key is asked for; https://tutor.example:8443 may come in
        "#]]
        .assert_eq(&all.concat());
    }
}
