//! Reads `OLLAMA_HOST` as Ollama's own client does. It never connects anywhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

const DEFAULT_PORT: u16 = 11434;

/// The text cannot be read as an address. It is not repeated, for it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("OLLAMA_HOST is no address; expected something like 127.0.0.1:11434 or https://host/path")]
pub struct InvalidHost;

/// The address to connect to; its path ends in `/`, so that names can be joined to it.
///
/// # Errors
/// When no web address can be made of the text.
pub fn parse_host(text: &str) -> Result<Url, InvalidHost> {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    let (scheme, rest, default_port) = match text.split_once("://") {
        None if text == "ollama.com" => ("https", text, 443),
        None => ("http", text, DEFAULT_PORT),
        Some(("http", rest)) => ("http", rest, 80),
        Some(("https", rest)) => ("https", rest, 443),
        Some(_) => return Err(InvalidHost),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains(['@', '?', '#']) {
        return Err(InvalidHost);
    }
    let (host, port) = host_and_port(authority, default_port);
    let slash = if path.is_empty() || path.ends_with('/') { "" } else { "/" };
    Url::parse(&format!("{scheme}://{}:{port}/{path}{slash}", connectable(host)))
        .map_err(|_| InvalidHost)
}

/// A port that is no number is as good as none.
fn host_and_port(authority: &str, default_port: u16) -> (&str, u16) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().unwrap_or(default_port))
        }
        _ => (authority, default_port),
    }
}

/// An address to listen on everywhere is none to connect to; no host at all is this machine.
fn connectable(host: &str) -> String {
    let host = host.trim_matches(['[', ']']);
    match host.parse() {
        Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => Ipv4Addr::LOCALHOST.to_string(),
        Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => format!("[{}]", Ipv6Addr::LOCALHOST),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        Err(_) if host.is_empty() => Ipv4Addr::LOCALHOST.to_string(),
        Ok(IpAddr::V4(_)) | Err(_) => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_as_ollama_reads_it() {
        for (text, address) in [
            ("", "http://127.0.0.1:11434/"),
            ("1.2.3.4", "http://1.2.3.4:11434/"),
            (":1234", "http://127.0.0.1:1234/"),
            ("1.2.3.4:1234", "http://1.2.3.4:1234/"),
            ("example.com", "http://example.com:11434/"),
            ("example.com:1234", "http://example.com:1234/"),
            (":66000", "http://127.0.0.1:11434/"),
            (":-1", "http://127.0.0.1:11434/"),
            ("0.0.0.0", "http://127.0.0.1:11434/"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080/"),
            ("[::1]", "http://[::1]:11434/"),
            ("[::]", "http://[::1]:11434/"),
            ("::1", "http://[::1]:11434/"),
            ("[::1]:1337", "http://[::1]:1337/"),
            (" 1.2.3.4 ", "http://1.2.3.4:11434/"),
            ("\" 1.2.3.4 \"", "http://1.2.3.4:11434/"),
            ("'1.2.3.4'", "http://1.2.3.4:11434/"),
            ("http://1.2.3.4", "http://1.2.3.4/"),
            ("http://1.2.3.4:4321", "http://1.2.3.4:4321/"),
            ("https://1.2.3.4", "https://1.2.3.4/"),
            ("https://example.com/ollama", "https://example.com/ollama/"),
            ("https://example.com:4321/a/b/", "https://example.com:4321/a/b/"),
            ("ollama.com", "https://ollama.com/"),
        ] {
            assert_eq!(parse_host(text).unwrap().as_str(), address, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_web_address_is_refused_without_being_repeated() {
        for text in ["ftp://host", "file:///etc/passwd", "two words", "me:secret@host", "host?x"] {
            let error = parse_host(text).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{text}");
        }
    }
}
