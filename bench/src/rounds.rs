//! Rounds of measurements, and their medians and spreads.

/// The values of a thing and its yardstick, which were measured in turns.
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

    /// Returns the medians of the thing and of the yardstick.
    pub(crate) fn medians(&self) -> (f64, f64) {
        (median(&self.things), median(&self.yardsticks))
    }

    /// Returns the ratio of each round.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        let pairs = self.things.iter().zip(&self.yardsticks);
        pairs.map(|(thing, yardstick)| thing / yardstick).collect()
    }
}

/// Returns the median.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Returns the values between which eight of ten lie.
pub(crate) fn spread(values: &[f64]) -> (f64, f64) {
    (quantile(values, 0.1), quantile(values, 0.9))
}

/// Returns a quantile, interpolated between two values.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = part * last as f64;
    let (below, above) = (place.floor(), place.ceil());
    let (low, high) = (sorted[below as usize], sorted[above as usize]);
    low + (high - low) * (place - below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_taken_of_each_side_by_itself() {
        let mut rounds = Rounds::default();
        for (thing, yardstick) in [(1.0, 400.0), (90.0, 100.0), (80.0, 1.0)] {
            rounds.push(thing, yardstick);
        }
        assert_eq!(rounds.medians(), (80.0, 100.0));
        assert_eq!(rounds.ratios(), [0.0025, 0.9, 80.0]);
        rounds.push(100.0, 100.0);
        assert_eq!(rounds.medians().0, 85.0);
    }

    #[test]
    fn the_spread_leaves_out_a_tenth_on_each_side() {
        let values: Vec<_> = (0..=20).rev().map(f64::from).collect();
        assert_eq!(spread(&values), (2.0, 18.0));
        assert_eq!(spread(&[1.0, 2.0]), (1.1, 1.9));
        assert_eq!(quantile(&values, 0.99), 19.8);
    }
}
