//! Which pages may talk to this server, and under which names it answers. Pure: headers in, verdict out.
//!
//! A browser sends the learner's cookie to any address that a page names, and resolves any name to any address:
//! `Origin` says which page speaks, `Host` under which name it believes the server to be.

use std::net::IpAddr;

/// Names and pages that are let in.
#[derive(Clone, Debug, Default)]
pub struct Doors {
    /// Further origins, such as `https://tutor.example`.
    pub origins: Vec<String>,
    /// The server listens on loopback addresses alone.
    pub is_loopback: bool,
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The `Host` is not a name of this server.
    Host,
    /// The page is from elsewhere.
    Origin,
}

impl Doors {
    /// # Errors
    /// Which of the two headers turns the request away.
    pub fn admit(&self, host: Option<&str>, origin: Option<&str>) -> Result<(), Refused> {
        let host = host.unwrap_or_default();
        if !self.knows_host(host) {
            return Err(Refused::Host);
        }
        match origin {
            // No browser: nothing is sent along that the sender does not know anyway.
            None => Ok(()),
            Some(origin) if self.knows_origin(origin, host) => Ok(()),
            Some(_) => Err(Refused::Origin),
        }
    }

    /// A name that its owner can lead anywhere may have been rebound to here. On loopback only loopback names are
    /// beyond that; elsewhere addresses and names that no stranger can own are, too.
    fn knows_host(&self, host: &str) -> bool {
        let name = host_name(host);
        is_loopback_name(name)
            || (!self.is_loopback && is_private_name(name))
            || self.origins.iter().any(|origin| authority(origin) == Some(host))
    }

    fn knows_origin(&self, origin: &str, host: &str) -> bool {
        let Some(authority) = authority(origin) else { return false };
        self.origins.iter().any(|known| known.trim_end_matches('/') == origin)
            || authority.eq_ignore_ascii_case(host)
            || (self.is_loopback && is_loopback_name(host_name(authority)))
    }
}

/// The `host:port` of an origin; `None` for `null` and whatever else is no web page.
fn authority(origin: &str) -> Option<&str> {
    let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))?;
    (!rest.is_empty() && !rest.contains(['/', '?', '#', '@'])).then_some(rest)
}

/// Without the port.
fn host_name(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    }
}

fn is_loopback_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An address, or a name that only the local network gives: nobody registers these (RFC 6762, RFC 8375).
fn is_private_name(name: &str) -> bool {
    const LOCAL: [&str; 4] = [".local", ".lan", ".internal", ".home.arpa"];
    let name = name.to_ascii_lowercase();
    let is_local = LOCAL.iter().any(|suffix| name.ends_with(suffix));
    name.parse::<IpAddr>().is_ok() || is_local || (!name.is_empty() && !name.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> Doors {
        Doors { origins: vec!["https://tutor.example".to_owned()], is_loopback: true }
    }

    #[test]
    fn on_loopback_any_loopback_page_and_no_other_may_speak() {
        let host = Some("127.0.0.1:11200");
        for good in [
            "http://127.0.0.1:11200",
            "http://localhost:5173",
            "http://[::1]:1",
            "https://tutor.example",
        ] {
            assert_eq!(loopback().admit(host, Some(good)), Ok(()), "{good}");
        }
        for bad in [
            "https://evil.example",
            "null",
            "",
            "http://127.0.0.1.evil.example",
            "https://tutor.example.evil.example",
            "https://tutor.example:444",
            "http://tutor.example",
            "http://localhost@evil.example",
            "file://",
        ] {
            assert_eq!(loopback().admit(host, Some(bad)), Err(Refused::Origin), "{bad}");
        }
        assert_eq!(loopback().admit(host, None), Ok(()));
    }

    #[test]
    fn a_rebound_name_is_turned_away_on_loopback() {
        for good in ["localhost:11200", "127.0.0.1", "[::1]:11200", "tutor.example"] {
            assert_eq!(loopback().admit(Some(good), None), Ok(()), "{good}");
        }
        for bad in ["evil.example", "127.0.0.1.evil.example:11200", ""] {
            assert_eq!(loopback().admit(Some(bad), None), Err(Refused::Host), "{bad}");
        }
        assert_eq!(loopback().admit(None, None), Err(Refused::Host));
    }

    #[test]
    fn elsewhere_a_public_name_has_to_be_listed() {
        let origins = vec!["https://tutor.example".to_owned()];
        let doors = Doors { origins, is_loopback: false };
        for good in ["192.168.1.5:11200", "[fe80::1]:11200", "nas", "pi.local:80", "tutor.example"]
        {
            assert_eq!(doors.admit(Some(good), None), Ok(()), "{good}");
        }
        for bad in ["evil.example", "192.168.1.5.evil.example", "tutor.example.evil.example", ""] {
            assert_eq!(doors.admit(Some(bad), None), Err(Refused::Host), "{bad}");
        }
    }

    #[test]
    fn elsewhere_a_page_of_the_same_origin_may_speak() {
        let doors = Doors { origins: Vec::new(), is_loopback: false };
        let host = Some("192.168.1.5:11200");
        assert_eq!(doors.admit(host, Some("http://192.168.1.5:11200")), Ok(()));
        for bad in ["http://192.168.1.5:80", "http://localhost:11200", "null"] {
            assert_eq!(doors.admit(host, Some(bad)), Err(Refused::Origin), "{bad}");
        }
    }
}
