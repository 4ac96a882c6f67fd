// Elements of the page. Text is always inserted as text, never as markup.

/** Creates an element. Attributes such as `onclick` become listeners; children that are null or false are skipped. */
function h(name, attributes = {}, ...children) {
	const element = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) {
		if (key.startsWith("on")) {
			element.addEventListener(key.slice(2), value);
		} else if (value !== false && value != null) {
			element.setAttribute(key, value === true ? "" : value);
		}
	}
	element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
	return element;
}

const ICONS = {
	address: "M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0v1.5a2.5 2.5 0 0 0 5 0V12a9 9 0 1 0-4 7.5",
	email: "M3 6h18v12H3zM3 7l9 7 9-7",
	password: "M14 10a4.5 4.5 0 1 0-4.3 3.2L12 15.5h2v2h2v2h3.5V16l-5.8-5.7",
	user: "M16 8a4 4 0 1 1-8 0 4 4 0 0 1 8 0M4 21c0-4 3.5-6.5 8-6.5s8 2.5 8 6.5",
	session: "M4 5h16v14H4zM4 9.5h16M7 7.2h.1M9.5 7.2h.1M8.5 14.5l2.2 2 4.3-4.3",
	start: "M7 4.5v15l12-7.5z",
	done: "M4.5 12.5l5 5 10-11",
	gone: "M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7"
};

/** Creates an icon. It is hidden from screen readers: the text next to it says the same. */
function icon(name) {
	const drawing = (name, attributes) => {
		const element = document.createElementNS("http://www.w3.org/2000/svg", name);
		for (const [key, value] of Object.entries(attributes)) {
			element.setAttribute(key, value);
		}
		return element;
	};
	const svg = drawing("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" });
	svg.append(drawing("path", { d: ICONS[name] }));
	return svg;
}

/** Creates the code of a name such as `create_signin`, which breaks between its words. */
function nameOf(name) {
	return h("code", {}, name.split(/(?<=_)/).flatMap((word) => [word, h("wbr")]));
}

/** Focuses a control. The suggestion in a field is selected, so that typing replaces it. */
function focusOn(control) {
	control?.focus();
	if (control instanceof HTMLInputElement) {
		control.select();
	}
}

/** Announces a text to screen readers. */
function announce(text) {
	document.getElementById("live").textContent = text;
}

/** Creates a button that copies a text. */
function copyButton(label, text) {
	const button = h("button", {
		type: "button",
		class: "quiet",
		async onclick() {
			try {
				await navigator.clipboard.writeText(text);
				button.textContent = "Copied";
			} catch {
				button.textContent = "Copying is not allowed";
			}
			announce(button.textContent);
			setTimeout(() => (button.textContent = label), 2000);
		}
	}, label);
	return button;
}

/** Creates a block of code that can be scrolled with the keyboard. JSON is coloured. */
function codeBlock(label, text) {
	const code = h("code");
	let end = 0;
	for (const match of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null|-?\d+)\b/g)) {
		const kind = match[2] ? "key" : match[1] ? "text" : "value";
		code.append(text.slice(end, match.index), h("span", { class: kind }, match[1] ?? match[0]), match[2] ?? "");
		end = match.index + match[0].length;
	}
	code.append(text.slice(end));
	return h("pre", { tabindex: "0", role: "group", "aria-label": label }, code);
}

/** Replaces the content of an element. A focused link keeps the focus. */
function replaceLinks(element, ...content) {
	const href = element.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
	element.replaceChildren(...content);
	if (href) {
		element.querySelector(`[href="${href}"]`)?.focus();
	}
}

/** Formats a time of day in the user's locale. */
function timeOf(date) {
	return h("time", { datetime: date.toISOString() }, date.toLocaleTimeString());
}
