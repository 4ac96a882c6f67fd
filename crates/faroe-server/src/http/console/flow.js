// One flow, step by step.

/** The labels of arguments. */
const LABELS = {
	email_address: "Email address",
	user_email_address: "Email address of the user",
	new_email_address: "New email address",
	email_address_verification_code: "Code",
	temporary_password: "Temporary password",
	password: "Password"
};

/** Unsent input, by action and argument. */
const drafts = {};

/** The flow that is shown, the result of its last action, and the step that the user opened. */
const shown = { flow: null, result: null, open: null };

function showFlow(main, flow) {
	if (shown.flow !== flow) {
		Object.assign(shown, { flow, result: null, open: null });
	}
	const now = progress(flow);
	const current = flow.steps.find((step) => !now.done.includes(step.action));
	const isSignedOut = flow.session && !state.tokens.session_token && !now.completed;
	main.replaceChildren(
		h("h1", {}, flow.name),
		h("p", { class: "about" }, flow.about),
		...(flow.steps.length > 0 ? [showMap(flow, now, current)] : []),
		...(isSignedOut ? [hasSignedOut() ? showFarewell() : showSignedOut()] : []),
		h("ol", { class: "steps" }, flow.steps.map((step, index) => showStep(flow, step, index, now, current))),
		...(now.completed ? [showDone(flow)] : []),
		...(!isSignedOut && (flow.steps.length === 0 || now.done.length > 0) ? [showAlso(flow)] : [])
	);
}

/** Returns a picture of the flow. The steps contain the same information as text. */
function showMap(flow, now, current) {
	const items = flow.steps.map((step) => {
		const kind = now.done.includes(step.action) ? "done" : step === current ? "current" : "later";
		return h("li", { class: kind }, h("span", { class: "dot" }, icon(kind === "done" ? "done" : step.icon)), h("span", {}, step.short));
	});
	return h("ol", { class: "map", "aria-hidden": "true" }, items);
}

function showSignedOut() {
	return h("div", { class: "card note" },
		h("p", {}, "You are not signed in. Sign up or sign in to try this flow."),
		h("p", { class: "buttons" }, choices([["sign-up", "Sign up"], ["sign-in", "Sign in"]]))
	);
}

function hasSignedOut() {
	return SIGN_OUTS.includes(shown.result?.action) && shown.result.exchange.ok;
}

function showFarewell() {
	return finished("Signed out", "The session has ended, and its token opens nothing any more.", choices([["sign-in", "Sign in"], ["sign-up", "Sign up"]]));
}

/** Returns links to flows. The first is the one to follow. */
function choices(flows) {
	return flows.map(([id, name], index) => h("a", { class: index === 0 ? "button primary" : "button", href: `#/flow/${id}` }, name));
}

function finished(title, text, buttons) {
	return h("div", { class: "card finished", tabindex: "-1", role: "status" },
		h("h2", {}, icon("done"), title),
		h("p", {}, text),
		h("p", { class: "buttons" }, buttons)
	);
}

function showStep(flow, step, index, now, current) {
	const isDone = now.done.includes(step.action);
	const isOpen = shown.open ? shown.open === step.action : step === current;
	const id = `step-${step.action}`;
	const status = isDone ? "done" : step === current ? "next" : "later";
	const toggle = h("button", {
		type: "button",
		class: "toggle",
		"aria-expanded": String(isOpen),
		"aria-controls": id,
		onclick() {
			shown.open = isOpen ? "none" : step.action;
			show();
			document.querySelector(`[aria-controls="${id}"]`).focus();
		}
	}, h("span", { class: "number" }, `${index + 1}.`), h("span", {}, step.name), h("span", { class: `status ${status}` }, status));
	return h("li", { class: `step card ${status}` },
		h("h2", {}, toggle),
		h("div", { id, hidden: !isOpen },
			h("p", {}, step.about, " ", h("a", { href: `#/actions/${step.action}` }, nameOf(step.action))),
			isOpen && showForm(flow, step, now),
			shown.result?.action === step.action && showResult(flow, step)
		)
	);
}

function missingToken(action) {
	const tokens = ACTIONS.get(action).arguments.map(([name]) => name).filter((name) => name.endsWith("_token"));
	return tokens.find((name) => !state.tokens[name]);
}

function showForm(flow, step, now) {
	const missing = missingToken(step.action);
	if (missing) {
		const what = missing === "session_token" ? "Sign in first" : `Start with “${flow.steps[0].name}”`;
		return h("p", { class: "faint" }, `${what} to get the `, nameOf(missing), " for this step.");
	}
	const names = ACTIONS.get(step.action).arguments.map(([name]) => name);
	const draft = (drafts[step.action] ??= {});
	const extra = step.action === "complete_signup" ? DATA.signup_fields.map((name) => `user_fields.${name}`) : [];
	const fields = [...names, ...extra].filter((name) => !name.endsWith("_token")).map((name) => {
		draft[name] ??= suggestion(name, step.action);
		return showField(step, name, draft);
	});
	const submit = h("button", { type: "submit", class: "primary" }, step.button);
	const form = h("form", {
		novalidate: true,
		async onsubmit(event) {
			event.preventDefault();
			submit.disabled = true;
			await run(flow, step.action, { ...draft });
		}
	}, fields, step.email && h("div", { class: "mail-card", "data-type": step.email }), h("p", { class: "buttons" }, submit));
	const card = form.querySelector(".mail-card");
	if (card) {
		showMailCard(card, now.address);
	}
	return form;
}

function showField(step, name, draft) {
	const id = `${step.action}-${name}`;
	const isNew = name === "password" && step.action.startsWith("set_");
	return h("p", { class: "field" },
		h("label", { for: id }, isNew ? "New password" : (LABELS[name] ?? name.replace("user_fields.", ""))),
		h("input", {
			id,
			name,
			value: draft[name],
			autocomplete: "off",
			autocapitalize: "none",
			spellcheck: "false",
			inputmode: name.endsWith("email_address") ? "email" : "text",
			class: /code|temporary/.test(name) ? "mono" : false,
			oninput: (event) => (draft[name] = event.target.value)
		})
	);
}

/** Shows the email that a step waits for, or that it is missing. */
function showMailCard(card, address) {
	const message = findMail(card.dataset.type, address);
	if (!message) {
		card.replaceChildren(icon("email"), h("span", {}, address ? `Waiting for the email to ${address} …` : "No email yet."));
		return;
	}
	if (card.dataset.number === String(message.number)) {
		return;
	}
	card.dataset.number = message.number;
	const use = () => {
		const input = card.parentElement.querySelector("input");
		input.value = message.code;
		input.dispatchEvent(new Event("input"));
		card.parentElement.querySelector("[type=submit]").focus();
		announce("The code was filled in");
	};
	card.replaceChildren(
		icon("email"),
		h("span", {}, "Email to ", h("b", {}, message.to), ": ", h("code", { class: "code" }, message.code)),
		h("button", { type: "button", onclick: use }, "Fill in"),
		h("a", { href: `#/inbox/${message.number}` }, "Open email")
	);
}

/** Invokes an action of a flow with the stored tokens, and shows the result. */
async function run(flow, action, values) {
	const names = ACTIONS.get(action).arguments.map(([name]) => name);
	const sent = Object.fromEntries(names.map((name) => [name, values[name] ?? state.tokens[name] ?? ""]));
	const given = Object.entries(values).filter(([name, value]) => name.startsWith("user_fields.") && value !== "");
	if (given.length > 0) {
		sent.user_fields = Object.fromEntries(given.map(([name, value]) => [name.replace("user_fields.", ""), value]));
	}
	const exchange = await invoke(action, sent);
	await fetchMail();
	// No awaits from here on: the page is rendered once, and not again while the user continues.
	learn(flow, action, sent, exchange);
	if (exchange.ok) {
		delete drafts[action];
		if (action === flow.steps[0]?.action || action.startsWith("complete_")) {
			flow.steps.forEach((step) => delete drafts[step.action]);
		}
	}
	Object.assign(shown, { result: { action, exchange }, open: exchange.ok ? null : shown.open });
	if (shown.flow === flow) {
		show();
		moveOn(flow, action, exchange);
	}
}

/** Moves the focus to the next step, and announces it. */
function moveOn(flow, action, exchange) {
	const main = document.getElementById("main");
	if (!exchange.ok) {
		main.querySelector(".result")?.focus();
		return;
	}
	const isStep = flow.steps.some((step) => step.action === action);
	const now = progress(flow);
	const next = flow.steps.find((step) => !now.done.includes(step.action));
	if (isStep && now.completed) {
		main.querySelector(".finished").focus();
	} else if (isStep && next) {
		focusOn(main.querySelector(".step.next input, .step.next [type=submit]"));
		announce(`Done. Next: ${next.name}`);
	} else {
		(main.querySelector(".result, .finished") ?? main).focus();
	}
}

/** Returns the result of an action. */
function showResult(flow, step) {
	const { exchange } = shown.result;
	if (exchange.ok) {
		return h("div", { class: "result good", tabindex: "-1" }, h("p", {}, h("b", {}, "Done. "), "See the answer under “Request and response”."));
	}
	const [what, next] = explain(exchange);
	return h("div", { class: "result bad", role: "alert", tabindex: "-1" },
		h("p", {}, verdict(exchange), " ", h("b", {}, what)),
		h("p", {}, next),
		h("p", { class: "buttons" }, remedies(flow, step, exchange.code))
	);
}

/** Returns buttons that fix an error. */
function remedies(flow, step, code) {
	const link = (id, text) => h("a", { class: "button", href: `#/flow/${id}` }, text);
	const button = (text, onclick) => h("button", { type: "button", onclick }, text);
	switch (code) {
		case "email_address_already_used": {
			const name = ACTIONS.get(step.action).arguments.at(-1)[0];
			const address = drafts[step.action][name].replace("@", `${Date.now() % 10_000}@`);
			return [
				button(`Use ${address}`, () => {
					drafts[step.action] = { [name]: address };
					shown.result = null;
					show();
					focusOn(document.getElementById(`${step.action}-${name}`));
				}),
				flow.id === "sign-up" && link("sign-in", "Sign in")
			];
		}
		case "invalid_session_token":
		case "session_not_created":
			return link("sign-in", "Sign in");
		case "user_not_found":
			return link("sign-up", "Sign up");
		case "incorrect_password":
			return link("password-reset", "Reset the password");
	}
	if (/_already_(verified|set)$/.test(code)) {
		return button("Continue", () => {
			progress(flow).done.push(step.action);
			save();
			shown.result = null;
			show();
			moveOn(flow, step.action, { ok: true });
		});
	}
	if (/^invalid_.*_token$/.test(code)) {
		return button("Start over", () => startAgain(flow));
	}
}

function startAgain(flow) {
	restart(flow);
	Object.assign(shown, { result: null, open: null });
	show();
	focusOn(document.querySelector("#main .step.next input, #main .step.next [type=submit]"));
}

function showDone(flow) {
	const next = flow.next.map((id) => [id, DATA.flows.find((flow) => flow.id === id).name]);
	const again = h("button", { type: "button", onclick: () => startAgain(flow) }, "Run again");
	return finished("All steps done", flow.done, [choices(next), again]);
}

/** Returns the actions that can be invoked at any time. */
function showAlso(flow) {
	const isOver = flow.steps.length > 0 && missingToken(flow.also[0].action);
	if (isOver) {
		return "";
	}
	const rows = flow.also.map((also) => h("li", {},
		h("button", { type: "button", onclick: () => run(flow, also.action, {}) }, also.name),
		h("span", { class: "faint" }, also.about && `${also.about} `, h("a", { href: `#/actions/${also.action}` }, nameOf(also.action))),
		shown.result?.action === also.action && showResult(flow, also)
	));
	return h("section", { class: "card also" }, h("h2", {}, flow.steps.length > 0 ? "At any time" : "Actions"), h("ul", {}, rows));
}
