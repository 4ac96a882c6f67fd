//! Rounds of measurements, and what they come to.

/// What was measured in turns: the thing and its yardstick.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    things: Vec<f64>,
    yardsticks: Vec<f64>,
}

impl Rounds {
    pub(crate) fn push(&mut self, thing: f64, yardstick: f64) {
        self.things.push(thing);
        self.yardsticks.push(yardstick);
    }

    /// Median of the thing, median of the yardstick, and their ratio in the end.
    pub(crate) fn summary(&self) -> (f64, f64, f64) {
        let (thing, yardstick) = (median(&self.things), median(&self.yardsticks));
        (thing, yardstick, thing / yardstick)
    }
}

/// The value that half of them do not exceed.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// `met` or `missed`.
pub(crate) fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_of_medians() {
        let mut rounds = Rounds::default();
        for (thing, yardstick) in [(1.0, 400.0), (90.0, 100.0), (80.0, 1.0)] {
            rounds.push(thing, yardstick);
        }
        assert_eq!(rounds.summary(), (80.0, 100.0, 0.8));
        rounds.push(100.0, 100.0);
        assert_eq!(rounds.summary().0, 85.0);
    }
}
