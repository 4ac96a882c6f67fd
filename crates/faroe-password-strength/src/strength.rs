//! Rating the strength of a password in bounded time.

use faroe_core::{password::PasswordContext, protocol::secret::Password};
use zeroize::Zeroizing;
use zxcvbn::{Entropy, Score, zxcvbn};

use crate::{pattern, words};

/// The number of characters in each part of a long password. The running time of zxcvbn grows faster than the square of the
/// length: up to 50 ms for 32 characters, up to 700 ms for 100.
const PART: usize = 32;

/// The logarithm (base 10) of the guesses at which a single part is strong enough for the whole password. The highest score
/// needs only 10; the margin covers words that are split between two parts.
const SETTLED: f64 = 16.0;

/// Checks whether the password has at least the given score.
///
/// Passwords on which zxcvbn is slow, with many characters that could stand for others, also have strong parts. Long
/// passwords are therefore rarely rated as a whole, and those that are take little time.
pub(crate) fn reaches(
    password: &Password,
    context: &PasswordContext,
    minimum_score: Score,
) -> bool {
    let characters: Zeroizing<Vec<char>> = Zeroizing::new(password.expose().chars().collect());
    // A word and a number take some 10⁸ guesses, which is the score of two.
    if minimum_score > Score::Two && pattern::is_word_and_number(&characters) {
        return false;
    }
    let known = words::known(context);
    let rest = Zeroizing::new(words::without(&characters, &known));
    let pattern = &rest[..period(&rest)];
    let inputs: Vec<&str> = known.iter().map(String::as_str).collect();
    let inputs = [&inputs, words::CALENDAR].concat();
    let rate = |part: &[char]| rate(part, &inputs);
    let mut parts = pattern.chunks(PART);
    (pattern.len() > PART && parts.any(|part| rate(part).guesses_log10() >= SETTLED))
        || rate(pattern).score() >= minimum_score
}

fn rate(characters: &[char], inputs: &[&str]) -> Entropy {
    let text: Zeroizing<String> = Zeroizing::new(characters.iter().collect());
    zxcvbn(&text, inputs)
}

/// Returns the length of the shortest pattern that the text repeats at least twice, or the length of the text.
fn period(text: &[char]) -> usize {
    (1..=text.len() / 2)
        .find(|&period| text[period..] == text[..text.len() - period])
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_period_is_the_length_of_the_shortest_repeated_pattern() {
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
