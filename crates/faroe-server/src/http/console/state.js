// The state of the page, stored in this tab until it is closed.

const DATA = JSON.parse(document.getElementById("data").textContent);
const ACTIONS = new Map(DATA.actions.map((action) => [action.name, action]));
const STORED = "faroe-console";
const SIGN_OUTS = ["delete_session", "delete_all_sessions"];
const NAMES = ["ada", "grace", "alan", "barbara", "edsger", "margaret", "donald", "frances"];
const PASSWORDS = ["seven wet umbrellas", "four paper lanterns", "nine quiet harbours"];

const state = {
	/** Tokens, by the names of the values that return them. */
	tokens: {},
	/** The progress of each flow: `done` (actions), `completed`, `address`, `password`. */
	flows: {},
	/** The user who signed up or in most recently, with their password. */
	user: null,
	/** Addresses that are in use. */
	taken: []
};

try {
	Object.assign(state, JSON.parse(sessionStorage.getItem(STORED) ?? "{}"));
} catch {
	// Invalid state is discarded.
}

function save() {
	try {
		sessionStorage.setItem(STORED, JSON.stringify(state));
	} catch {
		// Without storage, the state is lost when the page is reloaded.
	}
}

/** Returns the progress of a flow. */
function progress(flow) {
	return (state.flows[flow.id] ??= { done: [], completed: false });
}

/** Resets a flow and removes its token. */
function restart(flow) {
	delete state.tokens[tokenOf(flow)];
	state.flows[flow.id] = { done: [], completed: false };
	save();
}

/** Returns the name of a flow's token; undefined for the session, which is not a flow. */
function tokenOf(flow) {
	const values = ACTIONS.get(flow.steps[0]?.action)?.values ?? [];
	return values.map(([name]) => name).find((name) => name.endsWith("_token"));
}

/** Returns an address that was not used in this tab. */
function freshAddress() {
	for (let round = 0; ; round++) {
		const addresses = NAMES.map((name) => `${name}${round || ""}@example.com`);
		const free = addresses.find((address) => !state.taken.includes(address));
		if (free) {
			return free;
		}
	}
}

/** Returns the suggested value of a field. */
function suggestion(argument, action) {
	switch (argument) {
		case "email_address":
		case "new_email_address":
			return freshAddress();
		case "user_email_address":
			return state.user?.email_address ?? "";
		case "password":
			return action.startsWith("set_")
				? PASSWORDS.find((password) => password !== state.user?.password)
				: (state.user?.password ?? "");
		default:
			return "";
	}
}

/** Updates the state after a request. */
function learn(flow, action, sent, exchange) {
	if (!exchange.ok) {
		forget(exchange.code);
		if (exchange.code === "email_address_already_used") {
			take(sent.email_address ?? sent.new_email_address);
		}
		save();
		return;
	}
	for (const [name] of ACTIONS.get(action).values) {
		if (name.endsWith("_token")) {
			state.tokens[name] = exchange.values[name];
		}
	}
	if (SIGN_OUTS.includes(action)) {
		delete state.tokens.session_token;
	}
	if (flow?.steps.length) {
		learnStep(flow, action, sent);
	}
	save();
}

function learnStep(flow, action, sent) {
	if (action.startsWith("delete_")) {
		const token = tokenOf(flow);
		// Another flow of the same kind may have started before the answer arrived.
		if (sent[token] === state.tokens[token]) {
			restart(flow);
		}
		return;
	}
	if (action === flow.steps[0].action) {
		state.flows[flow.id] = { done: [], completed: false };
	}
	const now = progress(flow);
	if (flow.steps.some((step) => step.action === action) && !now.done.includes(action)) {
		now.done.push(action);
	}
	now.address = sent.email_address ?? sent.new_email_address ?? sent.user_email_address ?? now.address;
	now.password = sent.password ?? now.password;
	if (action.startsWith("complete_")) {
		complete(flow, now);
	}
}

function complete(flow, { address, password }) {
	const user = state.user ?? {};
	delete state.tokens[tokenOf(flow)];
	state.flows[flow.id] = { done: flow.steps.map((step) => step.action), completed: true };
	if (flow.id === "deletion") {
		delete state.tokens.session_token;
		state.user = null;
		state.taken = state.taken.filter((taken) => taken !== user.email_address);
		return;
	}
	const changesAddress = flow.id === "email-address-update";
	state.user = {
		email_address: address ?? user.email_address,
		password: changesAddress ? user.password : (password ?? user.password)
	};
	take(state.user.email_address);
}

function take(address) {
	if (address && !state.taken.includes(address)) {
		state.taken.push(address);
	}
}

/** Removes a token that has become invalid. */
function forget(code) {
	const name = /^invalid_(.*_token)$/.exec(code ?? "")?.[1];
	for (const kept of Object.keys(state.tokens)) {
		if (kept === name || (code === "invalid_password_update_token" && kept === "user_password_update_token")) {
			delete state.tokens[kept];
		}
	}
}
