// The page: its views, the navigation and the header.

const VIEWS = {
	flow: (main, id) => showFlow(main, DATA.flows.find((flow) => flow.id === id) ?? DATA.flows[0]),
	inbox: (main, number) => showInbox(main, Number(number)),
	actions: showActions
};

function place() {
	const [, view = "", what] = location.hash.split("/");
	return view in VIEWS ? [view, what] : ["flow", DATA.flows[0].id];
}

/** Returns the name of the flow or view that is shown. */
function page() {
	const [view, what] = place();
	return view === "flow" ? what : view;
}

/** Shows the view named by the URL's fragment. */
function show() {
	const [view, what] = place();
	const main = document.getElementById("main");
	VIEWS[view](main, what);
	document.title = `${main.querySelector("h1").textContent} – Faroe development console`;
	showSurroundings();
}

function showSurroundings() {
	showNavigation();
	showWho();
	showExchanges();
}

function showNavigation() {
	const [view, what] = place();
	const link = (href, isHere, ...content) => h("li", {}, h("a", { href, "aria-current": isHere && "page" }, content));
	const flows = DATA.flows.map((flow) => {
		const { done, completed } = progress(flow);
		const steps = flow.steps.length;
		const mark = completed ? [h("span", { class: "unseen" }, "done"), icon("done")] : done.length > 0 && `${done.length} of ${steps}`;
		return link(`#/flow/${flow.id}`, view === "flow" && what === flow.id, flow.name, mark && h("span", { class: "mark" }, mark));
	});
	const count = unread();
	replaceLinks(
		document.getElementById("navigation"),
		h("ul", {}, flows),
		h("ul", {},
			link("#/inbox", view === "inbox", "Inbox", count > 0 && h("span", { class: "badge" }, h("span", { class: "unseen" }, "new: "), count)),
			link("#/actions", view === "actions", "Raw requests")
		)
	);
}

function showWho() {
	const isSignedIn = Boolean(state.tokens.session_token);
	const who = isSignedIn ? ["Signed in as ", h("b", {}, state.user?.email_address ?? "someone")] : ["Not signed in"];
	document.getElementById("who").replaceChildren(
		...(inbox.reachable ? who : [h("strong", { class: "bad" }, "The server does not respond")])
	);
}

/** Updates the page after new mail or a change of the connection, without touching the user's input. */
function onMail() {
	const [view, what] = place();
	const main = document.getElementById("main");
	if (view === "inbox") {
		showInbox(main, Number(what));
	}
	for (const card of main.querySelectorAll(".mail-card")) {
		showMailCard(card, progress(shown.flow).address);
	}
	showNavigation();
	showWho();
	const newest = inbox.messages.at(-1);
	if (newest && newest.number > (onMail.announced ?? 0)) {
		onMail.announced = newest.number;
		announce(`New email to ${newest.to}: ${newest.subject}`);
	}
}

function focusMain() {
	document.getElementById("main").focus({ preventScroll: true });
}

document.querySelector(".skip").addEventListener("click", (event) => {
	event.preventDefault();
	focusMain();
});

addEventListener("hashchange", () => {
	show();
	focusMain();
	scrollTo(0, 0);
});

await fetchMail();
show();
watchMail(onMail);
