//! Strict parsing of the answer to a range query.

use crate::hash::SUFFIX;

/// The entries of the list whose hashes share one prefix.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Range {
    breached: Vec<[u8; SUFFIX]>,
}

impl Range {
    /// Parses lines of `SUFFIX:COUNT`. Returns `None` if a line is invalid or if there are no lines: every range of the list
    /// has hundreds of entries, so an empty answer is an error.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let body = body.strip_suffix(b"\n").unwrap_or(body);
        let mut breached = Vec::new();
        for line in body.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let (suffix, count) = line.split_first_chunk::<SUFFIX>()?;
            let count = count.strip_prefix(b":")?;
            let is_entry = suffix.iter().all(u8::is_ascii_hexdigit)
                && !count.is_empty()
                && count.iter().all(u8::is_ascii_digit);
            if !is_entry {
                return None;
            }
            // A count of zero is padding. A count can be arbitrarily long, so it is not parsed as a number.
            if count.iter().any(|digit| *digit != b'0') {
                breached.push(suffix.to_ascii_uppercase().try_into().ok()?);
            }
        }
        Some(Self { breached })
    }

    /// Checks whether the range contains this suffix of a hash, given in upper case.
    pub(crate) fn holds(&self, suffix: &str) -> bool {
        self.breached
            .iter()
            .any(|breached| breached == suffix.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0018A45C4D1DEF81644B54AB7F969B88D65";
    const B: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

    #[test]
    fn entries_are_found_with_any_line_ending() {
        for body in [
            format!("{A}:1\r\n{B}:21"),
            format!("{A}:1\r\n{B}:21\r\n"),
            format!("{A}:1\n{B}:21\n"),
            format!("{A}:1\n{}:021", B.to_lowercase()),
            format!("{A}:1\n{B}:{}", "9".repeat(5000)),
        ] {
            let range = Range::parse(body.as_bytes()).unwrap();
            assert!(range.holds(A) && range.holds(B), "{body}");
            assert!(!range.holds(&A.replace('4', "5")), "{body}");
        }
    }

    #[test]
    fn padding_is_ignored() {
        let range = Range::parse(format!("{A}:0\r\n{B}:2").as_bytes()).unwrap();
        assert!(!range.holds(A) && range.holds(B));
        let range = Range::parse(format!("{A}:0\r\n{A}:2").as_bytes()).unwrap();
        assert!(range.holds(A));
    }

    #[test]
    fn an_invalid_line_makes_the_answer_invalid() {
        let good = format!("{B}:2\r\n");
        for bad in [
            String::new(),
            "\n".to_owned(),
            "<html>".to_owned(),
            A.to_owned(),
            format!("{A}:"),
            format!("{A}:-1"),
            format!("{A}: 1"),
            format!("{A}:1 "),
            format!("{A}:0x1"),
            format!("{A};1"),
            format!(" {A}:1"),
            format!("{A}0:1"),
            format!("{}:1", &A[1..]),
            format!("5BAA6{A}:1"),
            format!("{}:1", A.replace('D', "G")),
            format!("{}\u{fc}:1", &A[2..]),
            "x".to_owned(),
            "\0".repeat(100),
        ] {
            let bodies = [
                bad.clone(),
                format!("{bad}\r\n{good}"),
                format!("{good}{bad}\r\n"),
            ];
            for body in bodies.iter().filter(|body| **body != good) {
                assert_eq!(Range::parse(body.as_bytes()), None, "{body:?}");
            }
        }
    }
}
