// Requests to the server and their responses.

/** The exchanges, newest first. */
const exchanges = [];
const MOST = 50;

/** Explanations of status codes other than success. */
const STATUSES = {
	400: ["This is not a valid request. Nothing was invoked.", "Compare it with the arguments of the action."],
	408: ["The request was sent too slowly.", "Send it again."],
	413: ["The request is larger than 64 KiB. Nothing was invoked.", "Make it smaller."],
	429: ["There were too many requests from this machine. Nothing was invoked.", "Wait a moment."],
	500: ["The server failed. The action may or may not have taken effect.", "Check the server's log."],
	503: ["The server is busy hashing passwords. Nothing was invoked.", "Send it again in a few seconds."]
};

/** Invokes an action. */
function invoke(action, values) {
	return send(action, JSON.stringify({ action, arguments: values }));
}

/** Sends a body unchanged. The exchange contains the result: `ok` with `values`, a `code`, or neither. */
async function send(title, body) {
	const started = performance.now();
	const exchange = { title, body, from: page(), at: new Date(), ok: false };
	try {
		const response = await fetch("/", { method: "POST", body });
		exchange.status = response.status;
		exchange.answer = await response.text();
	} catch {
		exchange.status = 0;
		exchange.answer = "";
	}
	exchange.time = Math.round(performance.now() - started);
	if (exchange.status === 200) {
		const { ok, values, error_code } = JSON.parse(exchange.answer);
		Object.assign(exchange, { ok, values, code: error_code });
	}
	exchanges.unshift(exchange);
	exchanges.length = Math.min(exchanges.length, MOST);
	return exchange;
}

/** Explains a failed exchange: what happened, and what to do. */
function explain({ status, code }) {
	if (status === 0) {
		return ["The server does not respond.", "Is it still running? Check its terminal."];
	}
	const error = DATA.error_codes[code];
	return error ? [error.what, error.next] : (STATUSES[status] ?? [`The status is ${status}.`, "Check the server's log."]);
}

/** Returns the result of an exchange as a word or an error code. */
function verdict({ ok, code, status }) {
	const text = ok ? "ok" : (code ?? (status ? `status ${status}` : "no response"));
	return h("span", { class: ok ? "verdict good" : "verdict bad" }, text);
}

function pretty(text) {
	try {
		return JSON.stringify(JSON.parse(text), null, 2);
	} catch {
		return text;
	}
}

function curl({ body }) {
	return `curl ${location.origin} -d '${body.replaceAll("'", `'\\''`)}'`;
}

function showExchange(exchange) {
	const { body, status, answer, time } = exchange;
	return [
		h("div", { class: "row" }, h("h3", {}, "Request"), copyButton("Copy as curl", curl(exchange))),
		codeBlock("Request", `POST /\n\n${pretty(body)}`),
		h("div", { class: "row" }, h("h3", {}, "Response"), h("span", { class: "faint" }, `${time} ms`)),
		codeBlock("Response", status ? `${status}\n\n${pretty(answer)}` : "none")
	];
}

function showExchanges() {
	// A request of another page does not answer the question that this page raises.
	const latest = exchanges[0]?.from === page() ? exchanges[0] : null;
	const earlier = exchanges.filter((exchange) => exchange !== latest);
	const content = latest
		? [
				h("p", { class: "exchange-title" }, nameOf(latest.title), verdict(latest)),
				showExchange(latest)
			]
		: h("p", { class: "faint" }, "The requests of this page and the server's responses appear here.");
	const history = earlier.map((exchange) => h("details", {},
		h("summary", {}, timeOf(exchange.at), " ", nameOf(exchange.title), " ", verdict(exchange)),
		showExchange(exchange)
	));
	document.getElementById("exchanges").replaceChildren(
		h("h2", {}, "Request and response"),
		h("div", { class: "card" }, content),
		showKept(),
		h("section", { hidden: earlier.length === 0 }, h("h2", {}, "Earlier"), history)
	);
}

/** Returns the list of stored tokens. */
function showKept() {
	const kept = Object.entries(state.tokens);
	const rows = kept.map(([name, token]) =>
		h("li", {}, nameOf(name), copyButton("Copy", token), h("button", {
			type: "button",
			class: "quiet",
			"aria-label": `Forget ${name}`,
			onclick() {
				delete state.tokens[name];
				save();
				show();
			}
		}, "Forget"))
	);
	return h("section", { class: "kept" },
		h("h2", {}, "Stored tokens"),
		kept.length > 0 ? h("ul", {}, rows) : h("p", { class: "faint" }, "No tokens yet. This tab stores tokens until it is closed.")
	);
}
