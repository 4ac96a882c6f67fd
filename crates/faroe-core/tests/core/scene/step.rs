use faroe_core::protocol::action::{Action, Field};

/// One of the 39 actions: its name and arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) arguments: &'static [Field],
}

macro_rules! kinds {
    ($($action:ty,)*) => {
        /// All actions.
        pub(crate) const KINDS: &[Kind] = &[
            $(Kind { name: <$action>::NAME, arguments: <$action>::ARGUMENTS },)*
        ];
    };
}

faroe_core::protocol::for_each_server_action!(kinds);

/// A kind of flow, and the actions that bring one to its next stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [&'static str],
}

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        name: "signup",
        steps: &[
            "verify_signup_email_address_verification_code",
            "set_signup_password",
        ],
    },
    Flow {
        name: "signin",
        steps: &["verify_signin_user_password"],
    },
    Flow {
        name: "user_email_address_update",
        steps: &[
            "verify_user_email_address_update_email_address_verification_code",
            "verify_user_email_address_update_user_password",
        ],
    },
    Flow {
        name: "user_password_update",
        steps: &[
            "verify_user_password_update_user_password",
            "set_user_password_update_new_password",
        ],
    },
    Flow {
        name: "user_deletion",
        steps: &["verify_user_deletion_user_password"],
    },
    Flow {
        name: "user_password_reset",
        steps: &[
            "verify_user_password_reset_temporary_password",
            "set_user_password_reset_new_password",
        ],
    },
];

impl Kind {
    pub(crate) fn named(name: &str) -> Self {
        let mut kinds = KINDS.iter();
        *kinds.find(|kind| kind.name == name).unwrap()
    }

    /// Returns the flow whose token the action takes.
    pub(crate) fn flow(self) -> Option<Flow> {
        let takes_token_of = |flow: &&Flow| {
            let mut arguments = self.arguments.iter();
            arguments.any(|(name, _)| name.strip_suffix("_token") == Some(flow.name))
        };
        FLOWS.iter().find(takes_token_of).copied()
    }

    /// Checks whether the action takes a session's token.
    pub(crate) fn takes_session(self) -> bool {
        self.arguments
            .iter()
            .any(|(name, _)| *name == "session_token")
    }

    /// Checks whether the action creates a session.
    pub(crate) fn mints(self) -> bool {
        let completions = [
            "complete_signup",
            "complete_signin",
            "complete_user_password_reset",
        ];
        completions.contains(&self.name)
    }

    /// Checks whether the action changes the user's password.
    pub(crate) fn changes_password(self) -> bool {
        let completions = [
            "complete_user_password_update",
            "complete_user_password_reset",
        ];
        completions.contains(&self.name)
    }

    /// Returns the stage of its flow at which the action succeeds.
    fn stage(self) -> usize {
        let Some(flow) = self.flow() else { return 0 };
        let step = flow.steps.iter().position(|step| *step == self.name);
        let last = if self.name.starts_with("send_") {
            0
        } else {
            flow.steps.len()
        };
        step.unwrap_or(last)
    }
}

/// An action on one of the two flows (or sessions) at a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    pub(crate) stage: usize,
    pub(crate) instance: usize,
    /// True if the password or code is wrong.
    pub(crate) is_wrong: bool,
}

impl Step {
    /// Returns the action for a flow at the stage at which it succeeds.
    pub(crate) fn new(kind: Kind, instance: usize) -> Self {
        let stage = kind.stage();
        Self {
            kind,
            stage,
            instance,
            is_wrong: false,
        }
    }

    pub(crate) fn at_stage(self, stage: usize) -> Self {
        Self { stage, ..self }
    }

    /// Returns the same step with a wrong password or code.
    pub(crate) fn wrong(self) -> Self {
        Self {
            is_wrong: true,
            ..self
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            kind: Kind { name, .. },
            stage,
            instance,
            ..
        } = self;
        write!(f, "{name} (flow {instance}, stage {stage})")
    }
}
