//! The known defects of an earlier implementation, one expression each, so that tests can be seen to notice them.
//!
//! `defect!(4, wrong, right)` is `right`, and nothing else is compiled. Only `cargo xtask test-all` makes a build, with
//! `--cfg faroe_defects`, that holds `wrong` too and evaluates it while the environment variable `FAROE_DEFECT` is `4`.
//! The numbers are those of the protocol's list.

/// The second expression; see the module.
#[cfg(not(faroe_defects))]
#[doc(hidden)]
#[macro_export]
macro_rules! defect {
    ($number:literal, $wrong:expr, $right:expr) => {
        $right
    };
}

/// The first expression while its defect is injected, else the second.
#[cfg(faroe_defects)]
#[macro_export]
macro_rules! defect {
    ($number:literal, $wrong:expr, $right:expr) => {
        if $crate::defect::is_injected($number) {
            $wrong
        } else {
            $right
        }
    };
}

/// Whether this defect is the one to show.
#[cfg(faroe_defects)]
pub fn is_injected(number: u32) -> bool {
    static INJECTED: std::sync::LazyLock<Option<u32>> =
        std::sync::LazyLock::new(|| std::env::var("FAROE_DEFECT").ok()?.parse().ok());
    *INJECTED == Some(number)
}

/// A failure of nothing in particular.
#[cfg(faroe_defects)]
pub(crate) fn fault() -> crate::invocation::Fault {
    crate::error::AdapterError::message("be as good as it is").into()
}

/// Runs an action that goes on when its client has gone.
#[cfg(faroe_defects)]
pub(crate) async fn detached<A: crate::invocation::Run>(
    server: &crate::Server,
    action: A,
    id: &faroe_protocol::id::ActionInvocationId,
) -> Result<A::Values, crate::InvocationErrorKind<A::ErrorCode>> {
    let (server, id) = (server.clone(), id.clone());
    let task = tokio::spawn(async move { server.run(action, &id).await });
    task.await.expect("no action panics")
}
