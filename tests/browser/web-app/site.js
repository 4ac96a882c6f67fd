// The website of examples/web-app, and its users.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { PATIENCE, startProgram } from "../harness.js";

export const PASSWORD = "violet-hammock-7-glacier";
export const NEW_PASSWORD = "mellow-orchard-42-lantern";
export const WRONG_PASSWORD = "hollow-umbrella-13-cactus";

/** A token without a record, like one that has expired. */
export const TOKEN = `${"a".repeat(24)}.${"b".repeat(24)}`;

/** Starts the website as in production: without `--development`, emails are printed and cookies are secure. */
export async function startSite(...options) {
	const program = await startProgram("FAROE_WEB_APP_BINARY", ["127.0.0.1:0", ...options]);
	const unread = [];
	let email;
	program.lines.on("line", (line) => {
		const to = /^--- email to (.*)$/.exec(line)?.[1];
		if (to) {
			email = { to, text: "" };
		} else if (line === "---") {
			unread.push(email);
			program.lines.emit("email");
		} else if (email) {
			email.text += `${line}\n`;
		}
	});
	let addresses = 0;
	return {
		...program,
		/** Returns an address that no user has used. */
		freshAddress: () => `ada+${++addresses}@example.com`,
		/** Returns the text of the next unread email to this address. */
		async email(to) {
			for (;;) {
				const index = unread.findIndex((email) => email.to === to);
				if (index >= 0) {
					return unread.splice(index, 1)[0].text;
				}
				await once(program.lines, "email", { signal: AbortSignal.timeout(PATIENCE) });
			}
		},
		/** Returns the code or the temporary password in the next email that has one. */
		async code(to) {
			for (;;) {
				const code = /^    ([A-Z2-9]+)$/m.exec(await this.email(to))?.[1];
				if (code) {
					return code;
				}
			}
		},
		/** Changes a database directly, as an operator can. */
		sql(statement, file = "users.sqlite3") {
			const python = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()";
			execFileSync("python3", ["-c", python, join(program.folder, file), statement]);
		}
	};
}

/** A user of the website: their actions, and checks of the pages that they see. */
export class Person {
	constructor(site, visitor) {
		this.site = site;
		this.visitor = visitor;
		this.page = visitor.page;
		this.address = site.freshAddress();
	}

	async open(path) {
		await this.page.goto(this.site.url + path);
	}

	/** Fills in the fields with these labels, and presses the button. */
	async submit(button, fields = {}) {
		for (const [label, value] of Object.entries(fields)) {
			await this.page.getByLabel(label, { exact: true }).fill(value);
		}
		await this.#leadTo(this.page.getByRole("button", { name: button, exact: true }));
	}

	/** Follows the first link with this text. */
	async follow(link) {
		await this.#leadTo(this.page.getByRole("link", { name: link, exact: true }).first());
	}

	/** Clicks an element that leads to another page, and waits for the page. */
	async #leadTo(locator) {
		const loaded = this.page.waitForEvent("load");
		await locator.click();
		await loaded;
	}

	isAt(path) {
		assert.equal(new URL(this.page.url()).pathname, path);
	}

	/** Asserts that a message is shown at the top. */
	async isTold(text) {
		assert.match(await this.page.getByRole("status").innerText(), text);
	}

	/** Asserts that a field has an error: the field shows it and has the focus, and the title says so. */
	async isToldAt(label, text) {
		const field = this.page.getByLabel(label, { exact: true });
		const { error, isInvalid, hasFocus } = await field.evaluate((input) => ({
			error: document.getElementById(input.getAttribute("aria-describedby").split(" ")[0]).innerText,
			isInvalid: input.getAttribute("aria-invalid") === "true",
			hasFocus: document.activeElement === input
		}));
		assert.match(error, text);
		assert.match(await this.page.title(), /^Error: /);
		assert.ok(isInvalid && hasFocus);
		assert.equal(await this.page.getByRole("status").count(), 0);
	}

	async typed(label) {
		return await this.page.getByLabel(label, { exact: true }).inputValue();
	}

	/** Signs up through the pages. */
	async signUpByHand() {
		await this.open("/sign-up");
		await this.submit("Send the code", { "Email address": this.address });
		await this.submit("Confirm my address", { Code: await this.site.code(this.address) });
		await this.submit("Create my account", { Password: PASSWORD });
		await this.isTold(/Your account is ready/);
	}

	/** Signs up without the pages, which is faster, and opens the front page. */
	async signUp() {
		await this.send("/sign-up", { email_address: this.address }, 1);
		await this.send("/sign-up/code", { code: await this.site.code(this.address) }, 1);
		await this.send("/sign-up/password", { password: PASSWORD }, 1);
		await this.open("/");
		assert.match(await this.page.innerText("main"), /You are signed in/);
	}

	/** Sends a form a number of times, without the pages. */
	async send(path, form, times) {
		for (let sent = 0; sent < times; sent++) {
			await this.visitor.context.request.post(this.site.url + path, { form, maxRedirects: 0 });
		}
	}

	async signIn(password = PASSWORD) {
		await this.open("/sign-in");
		await this.submit("Sign in", { "Email address": this.address, Password: password });
	}

	async isSignedIn() {
		await this.open("/settings");
		this.isAt("/settings");
	}

	async isSignedOut() {
		await this.open("/settings");
		this.isAt("/sign-in");
	}

	/** Returns the browser's cookies, by name. */
	async cookies() {
		const cookies = await this.visitor.context.cookies();
		return Object.fromEntries(cookies.map((cookie) => [cookie.name, cookie]));
	}

	/** Sets a cookie to the token of another flow, or of none. */
	async setCookie(name, value) {
		await this.visitor.context.addCookies([
			{ name, value, url: this.site.url.replace("http:", "https:"), httpOnly: true, secure: true, sameSite: "Lax" }
		]);
	}
}
