// Any action, with a request body edited by the user.

/** Unsent request bodies, by action. */
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
					announce("The request was reset");
				}
			}, "Reset")
		)
	);
	main.replaceChildren(
		h("h1", {}, "Raw requests"),
		h("p", { class: "about" }, `Send any of the ${DATA.actions.length} actions. The stored tokens are filled in, and the body is sent exactly as shown.`),
		h("div", { class: "card" }, form, result),
		describe(action)
	);
}

function showRawResult(exchange) {
	const [what, next] = exchange.ok ? ["Done.", "See the answer under “Request and response”."] : explain(exchange);
	return h("div", { class: `result ${exchange.ok ? "good" : "bad"}`, role: "alert", tabindex: "-1" },
		h("p", {}, verdict(exchange), " ", h("b", {}, what)),
		h("p", {}, next)
	);
}

/** Updates the stored tokens and flows from a valid request body, as after a step of a flow. */
function learnFrom(name, body, exchange) {
	try {
		const sent = JSON.parse(body);
		if (sent.action === name) {
			const flow = DATA.flows.find((flow) => [...flow.steps, ...flow.also].some(({ action }) => action === name));
			learn(flow, name, sent.arguments, exchange);
		}
	} catch {
		// The response already shows that the body is invalid.
	}
}

function describe(action) {
	const fields = (fields) => fields.length === 0
		? h("p", { class: "faint" }, "None.")
		: h("ul", {}, fields.map(([name, type]) => h("li", {}, nameOf(name), h("span", { class: "faint" }, ` ${type}`))));
	const codes = [...action.error_codes, ...action.extension_error_codes].map((code) => h("li", {}, nameOf(code), h("span", { class: "faint" }, ` ${DATA.error_codes[code].what}`)));
	return h("section", { class: "card reference" },
		h("h2", {}, nameOf(action.name)),
		h("h3", {}, "Arguments"), fields(action.arguments),
		...(action.optional_arguments.length > 0 ? [h("h3", {}, "Optional arguments"), fields(action.optional_arguments)] : []),
		h("h3", {}, "Values"), fields(action.values),
		h("h3", {}, "Error codes"), h("ul", {}, codes)
	);
}
