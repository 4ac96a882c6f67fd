// Any action, with a request body written by hand.

/** What was written and not sent yet, by action. */
const bodies = {};

function bodyOf(action) {
	const values = action.arguments.map(([name]) => [name, name.endsWith("_token") ? (state.tokens[name] ?? "") : suggestion(name, action.name)]);
	return JSON.stringify({ action: action.name, arguments: Object.fromEntries(values) }, null, 2);
}

function showActions(main, name) {
	const action = ACTIONS.get(name) ?? DATA.actions[0];
	const groups = DATA.flows.map((flow) => {
		const names = [...flow.steps, ...flow.also].map(({ action }) => action);
		return h("optgroup", { label: flow.name }, names.map((name) => h("option", { selected: name === action.name }, name)));
	});
	const body = h("textarea", { id: "body", rows: "10", spellcheck: "false", autocapitalize: "none" }, bodies[action.name] ?? bodyOf(action));
	body.addEventListener("input", () => (bodies[action.name] = body.value));
	const result = h("div", {});
	const form = h("form", {
		async onsubmit(event) {
			event.preventDefault();
			const exchange = await send(action.name, body.value);
			learnFrom(action.name, body.value, exchange);
			delete bodies[action.name];
			showSurroundings();
			result.replaceChildren(showRawResult(exchange));
			result.firstChild.focus();
		}
	},
		h("p", { class: "field" },
			h("label", { for: "action" }, "Action"),
			h("select", { id: "action", onchange: (event) => (location.hash = `#/actions/${event.target.value}`) }, groups)
		),
		h("p", { class: "field" }, h("label", { for: "body" }, "Request body"), body),
		h("p", { class: "buttons" },
			h("button", { type: "submit", class: "primary" }, "Send"),
			h("button", {
				type: "button",
				onclick() {
					delete bodies[action.name];
					body.value = bodyOf(action);
					announce("The request is as it was");
				}
			}, "Fill in again")
		)
	);
	main.replaceChildren(
		h("h1", {}, "Any action"),
		h("p", { class: "about" }, `All ${DATA.actions.length} actions. The body is sent exactly as it is written here; kept tokens are filled in.`),
		h("div", { class: "card" }, form, result),
		describe(action)
	);
}

function showRawResult(exchange) {
	const [what, next] = exchange.ok ? ["Done.", "The answer is under “Request and response”."] : explain(exchange);
	return h("div", { class: `result ${exchange.ok ? "good" : "bad"}`, role: "alert", tabindex: "-1" },
		h("p", {}, verdict(exchange), " ", h("b", {}, what)),
		h("p", {}, next)
	);
}

/** A body that is what it should be teaches the page as much as a step does. */
function learnFrom(name, body, exchange) {
	try {
		const sent = JSON.parse(body);
		if (sent.action === name) {
			const flow = DATA.flows.find((flow) => [...flow.steps, ...flow.also].some(({ action }) => action === name));
			learn(flow, name, sent.arguments, exchange);
		}
	} catch {
		// The server has said what it thinks of it.
	}
}

function describe(action) {
	const fields = (fields) => fields.length === 0
		? h("p", { class: "faint" }, "None.")
		: h("ul", {}, fields.map(([name, type]) => h("li", {}, h("code", {}, name), h("span", { class: "faint" }, ` ${type}`))));
	const codes = action.error_codes.map((code) => h("li", {}, h("code", {}, code), h("span", { class: "faint" }, ` ${DATA.error_codes[code].what}`)));
	return h("section", { class: "card reference" },
		h("h2", {}, h("code", {}, action.name)),
		h("h3", {}, "Arguments"), fields(action.arguments),
		h("h3", {}, "Values"), fields(action.values),
		h("h3", {}, "Error codes"), h("ul", {}, codes)
	);
}
