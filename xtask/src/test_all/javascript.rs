//! The published JavaScript client against the real server.

use anyhow::Result;

use super::{Outcome, Surroundings, node};

pub(super) fn run(surroundings: &Surroundings<'_>, outcome: &mut Outcome) -> Result<()> {
    let server = ("faroe-server", "FAROE_SERVER_BINARY");
    node::test(surroundings, outcome, "tests/javascript", &[server], &[])
}
