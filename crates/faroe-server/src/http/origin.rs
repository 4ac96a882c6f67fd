//! Which origins and hosts are this machine itself.

/// Whether web pages of this origin come from this machine: `http` or `https`, any port.
pub(super) fn is_loopback_origin(origin: &str) -> bool {
    let authority = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(is_loopback_authority)
}

/// Whether `host` or `host:port` names this machine.
pub(super) fn is_loopback_authority(authority: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
        authority
            .strip_prefix(host)
            .is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
    })
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for origin in [
            "http://localhost",
            "https://localhost:5173",
            "http://127.0.0.1:3000",
            "http://[::1]",
            "https://[::1]:1",
        ] {
            assert!(is_loopback_origin(origin), "{origin}");
        }
        for origin in [
            "",
            "null",
            "*",
            "localhost",
            "ftp://localhost",
            "http://localhost.evil.example",
            "http://localhost:",
            "http://localhost:80.evil.example",
            "http://evil.example",
            "http://127.0.0.1.evil.example:1",
            "http://localhost:99999",
            "http://localhost:+1",
            "http://localhost@evil.example",
            "http://[::1]evil",
            "http://127.0.0.2",
            "http://localhost/",
        ] {
            assert!(!is_loopback_origin(origin), "{origin}");
        }
    }
}
