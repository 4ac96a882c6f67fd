// The inbox: what the server would have sent.

/** How often the server is asked for new messages, in milliseconds. */
const PACE = 1000;

/** How long an answer is waited for, in milliseconds. */
const PATIENCE = 5000;

const inbox = {
	/** The oldest first. */
	messages: [],
	/** The server's name for its mailbox: another one is empty again. */
	id: null,
	/** The number of the last message that was looked at. */
	seen: 0,
	reachable: true
};

/** Asks for new messages now. Returns whether there are any. */
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
	// Two questions may have been under way at once.
	const known = inbox.messages.at(-1)?.number ?? 0;
	const fresh = answer.messages.filter(({ number }) => number > known);
	inbox.messages.push(...fresh);
	return fresh.length > 0;
}

/** Asks again and again, as long as the page is looked at. */
async function watchMail(onchange) {
	for (;;) {
		const before = inbox.reachable;
		if (!document.hidden && ((await fetchMail()) || inbox.reachable !== before)) {
			onchange();
		}
		await new Promise((resolve) => setTimeout(resolve, PACE));
	}
}

/** The newest message of this kind to this address. */
function findMail(type, to) {
	return inbox.messages.findLast((message) => message.type === type && message.to === to);
}

function unread() {
	return inbox.messages.filter(({ number }) => number > inbox.seen).length;
}

function receivedAt({ received_at }) {
	return new Date(received_at * 1000);
}

/** The list of messages, and the one with this number or the newest. */
function showInbox(main, number) {
	const shown = inbox.messages.find((message) => message.number === number) ?? inbox.messages.at(-1);
	if (!main.querySelector(".inbox")) {
		main.replaceChildren(
			h("h1", {}, "Inbox"),
			h("p", { class: "about" }, "In development no email leaves this machine. What users would get is shown here."),
			h("div", { class: "inbox" }, h("div", { class: "mail-list" }), h("div", { class: "mail" }))
		);
	}
	const [list, mail] = main.querySelectorAll(".mail-list, .mail");
	replaceLinks(list, mailList(shown));
	// A message that is being read stays as it is when others arrive.
	if (mail.dataset.number !== String(shown?.number)) {
		mail.dataset.number = shown?.number;
		mail.replaceChildren(shown ? showMail(shown) : "");
	}
	inbox.seen = inbox.messages.at(-1)?.number ?? 0;
}

function mailList(shown) {
	if (inbox.messages.length === 0) {
		return h("p", { class: "card" }, "No email yet. ", h("a", { href: "#/flow/sign-up" }, "Start a sign-up"), ", and its code arrives here.");
	}
	const items = inbox.messages.toReversed().map((message) =>
		h("li", {}, h("a", { href: `#/inbox/${message.number}`, "aria-current": message === shown && "true" },
			h("span", { class: "subject" }, message.number > inbox.seen && h("strong", { class: "new" }, "New "), message.subject),
			h("span", { class: "faint" }, message.to),
			h("span", { class: "faint" }, timeOf(receivedAt(message)))
		))
	);
	return h("ol", { class: "card", "aria-label": "Messages, the newest first", reversed: true }, items);
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
				h("iframe", { src: `/dev/inbox/${number}/html`, sandbox: true, title: "The HTML part of the message" })
			),
			h("section", {}, h("h3", {}, "Text part"), h("pre", { tabindex: "0", role: "group", "aria-label": "Text part" }, text))
		)
	);
}
