//! How strong a password is, in bounded time.

use faroe_core::protocol::secret::Password;
use zeroize::Zeroizing;
use zxcvbn::{Entropy, Score, zxcvbn};

/// How many characters are judged at a time at first. The time that zxcvbn takes grows with more than the square of the
/// length: 50 ms at worst for this many, 700 ms for 100.
const PART: usize = 32;

/// Decimal digits of the guesses that one part must take to settle the matter. Even the best score needs only 10; a word
/// that the parts cut in two does not make up for the rest.
const SETTLED: f64 = 16.0;

/// Whether the password has at least this score.
///
/// What makes zxcvbn slow, many characters that could each stand for others, makes a part strong as well. So long
/// passwords are seldom judged as a whole, and those that are take little time.
pub(crate) fn reaches(password: &Password, minimum_score: Score) -> bool {
    let characters: Zeroizing<Vec<char>> = Zeroizing::new(password.expose().chars().collect());
    let pattern = &characters[..period(&characters)];
    let mut parts = pattern.chunks(PART);
    (pattern.len() > PART && parts.any(|part| judge(part).guesses_log10() >= SETTLED))
        || judge(pattern).score() >= minimum_score
}

fn judge(characters: &[char]) -> Entropy {
    let text: Zeroizing<String> = Zeroizing::new(characters.iter().collect());
    zxcvbn(&text, &[])
}

/// The length of the shortest pattern that the text repeats at least twice, or the text's own length.
fn period(text: &[char]) -> usize {
    (1..=text.len() / 2)
        .find(|&period| text[period..] == text[..text.len() - period])
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_period_is_that_of_the_shortest_repeated_pattern() {
        for (text, expected) in [
            ("", 0),
            ("a", 1),
            ("ab", 2),
            ("aa", 1),
            ("abab", 2),
            ("ababa", 2),
            ("abcab", 5),
            ("abcabx", 6),
            ("äöäöäö", 2),
        ] {
            let characters: Vec<char> = text.chars().collect();
            assert_eq!(period(&characters), expected, "{text}");
        }
    }
}
