// The inbox: the emails that the server would have sent.

/** The interval between requests for new messages, in milliseconds. */
const PACE = 1000;

/** The timeout of a request, in milliseconds. */
const PATIENCE = 5000;

const inbox = {
	/** The messages, oldest first. */
	messages: [],
	/** The ID of the server's mailbox. It changes when the server restarts with an empty mailbox. */
	id: null,
	/** The number of the last message that was shown. */
	seen: 0,
	reachable: true
};

/** Fetches new messages. Returns whether there are any. */
async function fetchMail() {
	const last = inbox.messages.at(-1)?.number ?? 0;
	let answer;
	try {
		const signal = AbortSignal.timeout(PATIENCE);
		answer = await (await fetch(`/dev/inbox?mailbox=${inbox.id ?? ""}&after=${last}`, { signal })).json();
	} catch {
		inbox.reachable = false;
		return false;
	}
	inbox.reachable = true;
	if (answer.mailbox !== inbox.id) {
		const isFirst = inbox.id === null;
		Object.assign(inbox, { id: answer.mailbox, messages: [], seen: isFirst ? (answer.messages.at(-1)?.number ?? 0) : 0 });
	}
	// Two requests can run concurrently.
	const known = inbox.messages.at(-1)?.number ?? 0;
	const fresh = answer.messages.filter(({ number }) => number > known);
	inbox.messages.push(...fresh);
	return fresh.length > 0;
}

/** Polls for new messages while the page is visible. */
async function watchMail(onchange) {
	for (;;) {
		const before = inbox.reachable;
		if (!document.hidden && ((await fetchMail()) || inbox.reachable !== before)) {
			onchange();
		}
		await new Promise((resolve) => setTimeout(resolve, PACE));
	}
}

/** Returns the newest message of this type to this address. */
function findMail(type, to) {
	return inbox.messages.findLast((message) => message.type === type && message.to === to);
}

function unread() {
	return inbox.messages.filter(({ number }) => number > inbox.seen).length;
}

function receivedAt({ received_at }) {
	return new Date(received_at * 1000);
}

/** Shows the list of messages, and the message with this number or the newest one. */
function showInbox(main, number) {
	const shown = inbox.messages.find((message) => message.number === number) ?? inbox.messages.at(-1);
	if (!main.querySelector(".inbox")) {
		main.replaceChildren(
			h("h1", {}, "Inbox"),
			h("p", { class: "about" }, "In development, no email leaves this machine. The emails to users are shown here."),
			h("div", { class: "inbox" }, h("div", { class: "mail-list" }), h("div", { class: "mail" }))
		);
	}
	const [list, mail] = main.querySelectorAll(".mail-list, .mail");
	replaceLinks(list, mailList(shown));
	// The open message is not rendered again when others arrive.
	if (mail.dataset.number !== String(shown?.number)) {
		mail.dataset.number = shown?.number;
		mail.replaceChildren(shown ? showMail(shown) : "");
	}
	inbox.seen = inbox.messages.at(-1)?.number ?? 0;
}

function mailList(shown) {
	if (inbox.messages.length === 0) {
		return h("p", { class: "card empty" }, "No email yet. ", h("a", { href: "#/flow/sign-up" }, "Start a sign-up"), " to receive its code here.");
	}
	const items = inbox.messages.toReversed().map((message) =>
		h("li", {}, h("a", { href: `#/inbox/${message.number}`, "aria-current": message === shown && "true" },
			h("span", { class: "subject" }, message.number > inbox.seen && h("strong", { class: "new" }, "New "), message.subject),
			h("span", { class: "faint" }, message.to),
			h("span", { class: "faint" }, timeOf(receivedAt(message)))
		))
	);
	return h("ol", { class: "card", "aria-label": "Messages, newest first", reversed: true }, items);
}

function showMail(message) {
	const { number, subject, to, code, text } = message;
	return h("article", { class: "card" },
		h("h2", {}, subject),
		h("dl", {},
			h("div", {}, h("dt", {}, "To"), h("dd", {}, to)),
			h("div", {}, h("dt", {}, "Sent"), h("dd", {}, timeOf(receivedAt(message))))
		),
		code && h("p", { class: "code-row" }, h("code", { class: "code" }, code), copyButton("Copy the code", code)),
		h("div", { class: "parts" },
			h("section", {},
				h("h3", {}, "HTML part"),
				h("iframe", { src: `/dev/inbox/${number}/html`, sandbox: true, title: "HTML part of the message" })
			),
			h("section", {}, h("h3", {}, "Text part"), h("pre", { tabindex: "0", role: "group", "aria-label": "Text part" }, text))
		)
	);
}
